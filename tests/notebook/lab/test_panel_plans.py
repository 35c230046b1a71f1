"""What the panel says before a click, and where its links lead, in a real JupyterLab."""

from __future__ import annotations

from pathlib import Path

from tests.notebook.lab.browser import wait_for
from tests.notebook.lab.conftest import LabProject, OpenPage
from tests.notebook.lab.live import CELLS, LivePanel

TABLES = """CREATE TABLE orders (id int PRIMARY KEY, note text);
CREATE TABLE feature_flag (name text);
INSERT INTO orders SELECT i, 'note' FROM generate_series(1, 1000) i;
INSERT INTO feature_flag SELECT i FROM generate_series(1, 12) i;"""
CHANGES = """ALTER TABLE orders ADD COLUMN token text;
CREATE INDEX ON orders (note);
DROP TABLE feature_flag;"""
LONG = f"2026_01_01_00_02_{'long_' * 35}.sql"
# The line that a link has led to is inside of the box that shows it, and that is on the page.
IN_SIGHT = """line => {
  const found = document.querySelector('.fsapi-detail .fsapi-here');
  if (found?.dataset.line !== line) return false;
  const [inner, box] = [found.getBoundingClientRect(), found.closest('.fsapi-detail').getBoundingClientRect()];
  return inner.top >= box.top && inner.bottom <= box.bottom && box.top >= 0 && box.top < innerHeight;
}"""


def _panel(project: LabProject, open_page: OpenPage) -> LivePanel:
    return LivePanel(open_page(project.notebook(*CELLS))).show()


def test_what_a_button_would_do_stands_beside_it(
    lab_project: LabProject, open_page: OpenPage, screenshots: Path
) -> None:
    """Losses and blocking before the click, and again in the plan with its SQL; the second question names the rows."""
    lab_project.write("tables", TABLES, "DROP TABLE orders;\nDROP TABLE feature_flag;")
    lab_project.migrator().migrate()
    name = lab_project.write("changes", CHANGES)
    lab_project.write("more", "CREATE TABLE more ();", name=LONG)
    panel = _panel(lab_project, open_page)
    panel.await_text("[id$=-next]", "table feature_flag with its 12 rows")
    following, every, back = (panel.text(f"[id$=-{what}]") for what in ("next", "all", "back"))
    assert following.split("\n") == [
        name,
        "drop table feature_flag; add column orders.token; … 1 more",
        "Lost for good: table feature_flag with its 12 rows (line 4)",
        "Blocks: writes of orders for an instant (line 3); reads and writes of orders, feature_flag for an instant",
        "Irreversible: it has no DOWN",
    ]
    assert every.startswith("2 migrations\nLost for good: table feature_flag with its 12 rows (")
    assert "Lost for good: table orders with its 1,000 rows (line " in back
    for width in (500, 800, 1280):
        panel.page.set_viewport_size({"width": width, "height": 1000})
        panel.look(screenshots, f"{width}-previews")

    panel.ask("next")
    panel.page.locator(".fsapi-proposal summary", has_text="drop table feature_flag").click()
    panel.await_text(".fsapi-proposal details[open]", "DROP TABLE feature_flag")
    assert "blocks: writes of orders" in panel.text(".fsapi-step")
    panel.answer()
    panel.await_text(".fsapi-question", "This is lost for good:\ntable feature_flag with its 12 rows")
    assert panel.page.locator(".fsapi-proposal details[open]").count() == 1
    for width in (500, 800, 1280):
        panel.page.set_viewport_size({"width": width, "height": 1000})
        panel.look(screenshots, f"{width}-plan")
    panel.answer()
    panel.await_text("[id$=-next]", f"{LONG}\ncreate table more\nloses nothing, blocks nothing")
    panel.await_text("[id$=-back]", "is refused")


def test_what_an_error_names_leads_to_its_line(lab_project: LabProject, open_page: OpenPage, screenshots: Path) -> None:
    """The place of an error is a link to the details, by the keyboard too; the focus stays on it."""
    lab_project.write("first", "CREATE TABLE first ();", "DROP TABLE first;")
    filler = "".join(f"-- line {number}\n" for number in range(60))
    name = lab_project.write("fails", f"{filler}SELECT 1 / 0;\n{filler}", "SELECT 1;")
    panel = _panel(lab_project, open_page)
    panel.run("all")
    panel.await_text(".fsapi-error", "division by zero")
    place = panel.page.locator(".fsapi-error .fsapi-link", has_text=f"{name}:62")
    place.focus()
    panel.page.keyboard.press("Enter")
    panel.await_text(".fsapi-item[aria-selected=true]", name)
    wait_for(panel.page, IN_SIGHT, arg="62")
    assert panel.text(".fsapi-here").strip() == "SELECT 1 / 0;"
    assert panel.focused() == f"{name}:62"
    panel.look(screenshots, "error-line")
    panel.page.locator(".fsapi-detail .fsapi-number .fsapi-link").scroll_into_view_if_needed()
    panel.look(screenshots, "error-detail")

    panel.page.locator(".fsapi-detail .fsapi-number .fsapi-link").click()
    wait_for(panel.page, IN_SIGHT, arg="62")
    database = panel.page.locator(".fsapi-error .fsapi-link", has_text="_first.sql")
    database.click()
    panel.await_text(".fsapi-item[aria-selected=true]", "_first.sql")
    panel.await_text(".fsapi-detail", "CREATE TABLE first")
    assert panel.page.locator(".fsapi-here").count() == 0


def test_a_link_to_a_migration_that_is_gone_does_nothing(lab_project: LabProject, open_page: OpenPage) -> None:
    """Nor does what a page sends that is not one of its clicks."""
    name = lab_project.write("fails", "SELECT 1 / 0;")
    panel = _panel(lab_project, open_page)
    panel.run("next")
    panel.await_text(".fsapi-error", "division by zero")
    (lab_project.folder / name).unlink()
    lab_project.write("other", "SELECT 1;")
    panel.page.locator("[data-do=refresh]").click()
    panel.await_no_text(".fsapi-item", name)
    panel.page.locator(".fsapi-error .fsapi-link", has_text=f"{name}:2").click()
    assert panel.page.locator(".fsapi-item[aria-selected=true]").count() == 0
    assert panel.text(".fsapi-detail") == "Choose a migration to see its scripts, plan and attempts."
