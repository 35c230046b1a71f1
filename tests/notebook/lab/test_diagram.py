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


def test_a_click_opens_a_diagram_to_pan_and_zoom(
    lab_project: LabProject, open_page: OpenPage, screenshots: Path
) -> None:
    """By wheel, buttons, keys and mouse; Escape closes it, the notebook gets no key meanwhile, and nothing of it is stored."""
    lab_project.write("one", "CREATE TABLE city (id int PRIMARY KEY, name text);")
    page = open_page(lab_project.notebook("%load_ext fsapi_nb", "%migrate", "%migrate diagram"))
    page.run_all()
    wait_for(page.page, "() => document.querySelector('.jp-OutputArea-output img')?.complete")
    wait_for(page.page, f"() => getComputedStyle(document.querySelector('{_IMAGE}')).cursor === 'zoom-in'")
    cells = len(page.cells())
    page.page.locator(_IMAGE).first.click()
    image = page.page.locator("dialog.fsapi-zoom img")
    image.wait_for()
    first = image.bounding_box()
    page.page.keyboard.press("+")
    page.page.locator("dialog.fsapi-zoom button", has_text="+").click()
    larger = image.bounding_box()
    assert larger["width"] > 1.5 * first["width"]
    page.page.mouse.move(larger["x"] + 20, larger["y"] + 20)
    page.page.mouse.wheel(0, 400)
    wait_for(
        page.page,
        "least => document.querySelector('dialog.fsapi-zoom img').getBoundingClientRect().width < least",
        arg=larger["width"] - 5,
    )
    before = image.bounding_box()
    page.page.mouse.move(before["x"] + 30, before["y"] + 30)
    page.page.mouse.down()
    page.page.mouse.move(before["x"] + 130, before["y"] + 90)
    page.page.mouse.up()
    moved = image.bounding_box()
    assert (round(moved["x"] - before["x"]), round(moved["y"] - before["y"])) == (100, 60)
    page.page.mouse.move(moved["x"] + 30, moved["y"] + 30)
    page.page.mouse.down()
    image.dispatch_event("pointercancel", {"pointerId": 1})
    page.page.mouse.move(moved["x"] + 90, moved["y"] + 90)
    page.page.mouse.up()
    assert image.bounding_box() == moved
    page.page.screenshot(path=screenshots / "diagram-zoom.png")
    page.page.keyboard.press("b")  # which would add a cell
    page.page.keyboard.press("Escape")
    wait_for(page.page, "() => !document.querySelector('dialog.fsapi-zoom')")
    assert len(page.cells()) == cells
    (output,) = page.cells()[2]["outputs"]
    assert set(output["data"]) == {"text/plain", "text/html"}
    assert page.outside == page.dialogs == []
