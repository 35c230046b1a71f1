"""Fixtures: one JupyterLab and one Chromium for all of these tests, projects of their own, and pages that are closed."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeDatabase, Project
from tests.notebook.lab.browser import CHROMIUM, CHROMIUM_ARGUMENTS, Page, Windows, jupyterlab, write_notebook
from tests.notebook.prepared import prepared

OpenPage = Callable[..., Page]
_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _chromium() -> None:
    """Without Chromium there is nothing to be seen here; on CI that is a failure and not a gap."""
    if CHROMIUM.exists():
        return
    reason = f"there is no {CHROMIUM}: the notebooks were NOT tried in JupyterLab (apt-get install chromium)"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def lab_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that JupyterLab serves."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="session")
def lab(lab_root: Path, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[str]:
    """The address of the JupyterLab."""
    with jupyterlab(lab_root, tmp_path_factory.mktemp("lab"), prepared(pytestconfig)) as url:
        yield url


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """A headless Chromium. Playwright's event loop runs in this thread until it is closed, so not for longer than that."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def windows(lab: str, browser: Any) -> Windows:
    """The browser's windows, in which one test after the other opens its notebooks."""
    return Windows(lab, browser)


@pytest.fixture
def open_page(windows: Windows, lab_root: Path, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Open a notebook of the served folder; closed at the test's end. A failed test's windows are not used again."""
    with _opening(windows, lab_root, request.session) as opened:
        yield opened


@pytest.fixture(scope="module")
def open_module_page(windows: Windows, lab_root: Path, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Open a notebook that all tests of the module look at; closed at its end."""
    with _opening(windows, lab_root, request.session) as opened:
        yield opened


@contextmanager
def _opening(windows: Windows, lab_root: Path, session: pytest.Session) -> Iterator[OpenPage]:
    pages: list[Page] = []
    failed = session.testsfailed

    def opened(notebook: Path, **options: Any) -> Page:
        pages.append(windows.open(notebook.relative_to(lab_root).as_posix(), **options))
        return pages[-1]

    yield opened
    for page in pages:
        windows.take_back(page, usable=session.testsfailed == failed)


class LabProject(Project):
    """A project in the folder that JupyterLab serves, whose notebooks find its database by themselves."""

    def notebook(self, *cells: str, name: str = "work.ipynb") -> Path:
        """A notebook of these cells."""
        return write_notebook(self.root / name, cells)


@pytest.fixture
def lab_project(lab_root: Path, make_database: MakeDatabase) -> Iterator[LabProject]:
    """A project without migrations, on a fresh database that its pyproject.toml names."""
    root = lab_root / f"project{next(_numbers)}"
    root.mkdir()
    with make_database() as address:
        (root / "pyproject.toml").write_text(f'[tool.fsapi_nb]\ndatabase = "{address}"\n', encoding="utf-8")
        yield LabProject(root, address)


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where pictures go: the folder that `FSAPI_NB_SCREENSHOTS` names, else the test's own."""
    folder = Path(os.environ.get("FSAPI_NB_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
