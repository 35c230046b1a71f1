"""A diagram in a real JupyterLab: a picture while the kernel runs, and in a notebook that is not trusted."""

from __future__ import annotations

from pathlib import Path

from tests.notebook.lab.browser import Page, wait_for
from tests.notebook.lab.conftest import LabProject, OpenPage

_IMAGE = ".jp-OutputArea-output img"
#: It was understood as a picture, and is at least as wide as can be read.
_DRAWN = f"() => [...document.querySelectorAll('{_IMAGE}')].some(each => each.complete && each.naturalWidth > 300)"
_NARROW = f"() => document.querySelector('{_IMAGE}').getBoundingClientRect().width / document.querySelector('{_IMAGE}').naturalWidth"


def test_a_diagram_is_a_picture_whether_the_notebook_is_trusted(
    lab_project: LabProject, open_page: OpenPage, screenshots: Path
) -> None:
    """It loads nothing, is no wider than its output, and its text stays readable."""
    lab_project.write("one", "CREATE TABLE city (id int PRIMARY KEY, name text);")
    lab_project.write("two", "CREATE TABLE person (id int PRIMARY KEY, city int REFERENCES city);")
    notebook = lab_project.notebook("%load_ext fsapi_nb", "%migrate", "%migrate diagram --changes two")
    page = open_page(notebook)
    page.run_all()
    _look(page, screenshots / "diagram.png")
    page.save()
    copy = notebook.with_name("untrusted.ipynb")
    copy.write_text(notebook.read_text(encoding="utf-8").replace("--changes two", "--changes  two"), encoding="utf-8")
    untrusted = open_page(copy, kernel=False)
    _look(untrusted, screenshots / "diagram-untrusted.png")
    assert page.outside == untrusted.outside == []


def _look(page: Page, screenshot: Path) -> None:
    wait_for(page.page, _DRAWN)
    page.page.locator(_IMAGE).first.scroll_into_view_if_needed()
    page.page.screenshot(path=screenshot)
    assert page.page.evaluate(_NARROW) >= 0.64
    assert page.page.locator(_IMAGE).first.get_attribute("alt").endswith("person refers to city")
