"""The first notebook in a real JupyterLab: it runs, shows what is stored, and asks nobody outside.

Screenshots are written to the folder that `FSAPI_NB_SCREENSHOTS` names, else to the test's own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.notebook.lab.browser import Page
from tests.notebook.lab.conftest import OpenPage

NOTEBOOK = "01_quickstart.ipynb"


@pytest.fixture(scope="module")
def place(lab_root: Path) -> Iterator[Path]:
    """A fresh clone, as far as notebooks need it."""
    root = lab_root / "clone"
    for name in ("notebooks", "migrations"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    yield root
    from fsapi_nb.servers import embedded

    embedded.destroy(root / ".fsapi_nb")


@pytest.fixture(scope="module")
def page(place: Path, open_module_page: OpenPage) -> Page:
    """The notebook, opened and run from its first cell to its last."""
    opened = open_module_page(place / "notebooks" / NOTEBOOK)
    opened.run_all()
    return opened


def test_the_notebook_runs_to_its_end(page: Page) -> None:
    """Every cell was run, in order, and those and only those fail that are meant to."""
    cells = page.cells()
    assert [cell["count"] for cell in cells] == list(range(1, len(cells) + 1))
    failed = [cell["id"] for cell in cells if any(output["output_type"] == "error" for output in cell["outputs"])]
    assert failed == [cell["id"] for cell in cells if "raises-exception" in cell["tags"]]
    streams = [output["name"] for cell in cells for output in cell["outputs"] if output["output_type"] == "stream"]
    assert "stderr" not in streams


def test_the_outputs_are_those_that_are_stored(page: Page, place: Path) -> None:
    """What JupyterLab shows is what the repository shows: text and HTML, for every cell."""
    document = json.loads((place / "notebooks" / NOTEBOOK).read_text(encoding="utf-8"))
    stored = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    for cell, before in zip(page.cells(), stored, strict=True):
        assert _bundles(cell["outputs"]) == _bundles(before["outputs"]), cell["id"]


def _bundles(outputs: list[dict[str, Any]]) -> list[Any]:
    return [
        {kind: "".join(text) for kind, text in output["data"].items()} if "data" in output else output.get("evalue")
        for output in outputs
        if output.get("data") != {}  # where the progress of a run was
    ]


def test_tables_and_errors_can_be_read_on_the_page(page: Page) -> None:
    """The status is a table, and an error is a few lines with a caret: not hidden, not sanitized away."""
    status = page.rendered("status")
    assert "28 migrations on quickstart (embedded): 28 pending" in status
    assert "2025_11_27_09_00_create_new_table.sql\tpending" in status
    error = page.rendered("mistake-run")
    assert error.startswith("StatementFailed: 2026_01_15_09_00_add_loyalty_points.sql:4:45: ")
    assert "^" in error
    assert "Traceback" not in error


def test_no_request_leaves_the_machine(page: Page) -> None:
    """The page, its outputs included, asks nothing of any other server."""
    assert page.outside == []


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_a_picture_is_taken(page: Page, screenshots: Path, theme: str) -> None:
    """For people to look at, in both themes: `FSAPI_NB_SCREENSHOTS` says where."""
    page.use_theme(theme)
    for cell in ("status", "plan", "mistake-run", "edit", "history"):
        page.rendered(cell)
        path = screenshots / f"{theme.rpartition(' ')[2].lower()}-{cell}.png"
        page.page.screenshot(path=path)
        assert path.stat().st_size > 10_000
