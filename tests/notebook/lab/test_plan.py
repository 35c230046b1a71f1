"""A plan in a real JupyterLab: the SQL of a statement opens by a click, in a notebook of one's own and in an untrusted one."""

from __future__ import annotations

from pathlib import Path

from tests.notebook.lab.browser import Page
from tests.notebook.lab.conftest import LabProject, OpenPage

_THEMES = ("JupyterLab Light", "JupyterLab Dark")


def _open_sql(page: Page) -> None:
    """Click on what the first statement does: its SQL, which was folded away, is shown."""
    details = page.page.locator(".jp-OutputArea-output details").first
    sql = details.locator("pre")
    assert not sql.is_visible()
    details.locator("summary").click()
    sql.wait_for(state="visible")
    assert sql.inner_text().startswith("ALTER TABLE notes DROP COLUMN body")


def test_the_sql_of_a_statement_opens_by_a_click(
    lab_project: LabProject, open_page: OpenPage, screenshots: Path
) -> None:
    """Without a script or a style sheet, so that a page that trusts nobody shows the same."""
    lab_project.write(
        "notes", "CREATE TABLE notes AS SELECT generate_series(1, 12) AS id, 'x' AS body;", "DROP TABLE notes;"
    )
    lab_project.write("shorter", "ALTER TABLE notes DROP COLUMN body;\nUPDATE notes SET id = id + 1;")
    notebook = lab_project.notebook("%load_ext fsapi_nb\n%migrate -n 1", "%migrate plan")
    page = open_page(notebook)
    page.run(0)
    page.run(1)
    _open_sql(page)
    for theme in _THEMES:
        page.use_theme(theme)
        page.page.screenshot(path=screenshots / f"{theme.rpartition(' ')[2].lower()}-plan-open.png")
    page.save()

    copy = lab_project.root / "copy.ipynb"
    copy.write_text(notebook.read_text(encoding="utf-8").replace("%migrate plan", "%migrate plan "), encoding="utf-8")
    untrusted = open_page(copy, kernel=False)
    untrusted.page.locator(".jp-OutputArea-output details").first.wait_for()
    _open_sql(untrusted)
    assert "Lost for good:" in untrusted.page.locator(".jp-Notebook").inner_text()
    assert page.outside == untrusted.outside == []
