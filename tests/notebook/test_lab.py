"""The first notebook in a real JupyterLab, driven by headless Chromium: it runs, shows, and asks nobody outside.

Screenshots are written to the folder that `FSAPI_NB_SCREENSHOTS` names, else to the test's own.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
NOTEBOOK = "01_quickstart.ipynb"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A "Run All" before the kernel is connected does nothing, so wait for all three.
KERNEL_READY = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  for (let i = 0; i < 600; i++) {
    const context = app.shell.currentWidget?.sessionContext;
    const kernel = context?.session?.kernel;
    if (kernel && context.isReady && kernel.status === 'idle' && kernel.connectionStatus === 'connected') return;
    await new Promise(done => setTimeout(done, 100));
  }
  throw new Error('the kernel was not ready in 60 s');
}"""

# From the notebook's model: a text that is found on the page may be a cell's source.
CELLS = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
  .filter(cell => cell.type === 'code')
  .map(cell => ({
    id: cell.id, tags: cell.getMetadata('tags') ?? [], count: cell.executionCount, outputs: cell.outputs.toJSON()
  }))"""

# "Run All" returns at the first error, also where a tag says that it is meant: the cells after it are still to come.
ALL_RUN = """() => {
  const widget = window.jupyterapp.shell.currentWidget;
  const cells = [...widget.content.model.cells].filter(cell => cell.type === 'code');
  return cells.every(cell => cell.executionCount) && widget.sessionContext.session.kernel.status === 'idle';
}"""

COMMAND = "name => window.jupyterapp.commands.execute(name)"
THEME = "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})"

# What the page shows of one output of a cell: its text, and the box that it fills.
RENDERED = """id => {
  const { content } = window.jupyterapp.shell.currentWidget;
  const cell = content.widgets.find(each => each.model.id === id);
  return [...cell.node.querySelectorAll('.jp-OutputArea-output')].map(node => node.innerText).join('\\n');
}"""


@pytest.fixture(scope="module", autouse=True)
def _chromium() -> None:
    """Without Chromium there is nothing to be seen here; on CI that is a failure and not a gap."""
    if CHROMIUM.exists():
        return
    reason = f"there is no {CHROMIUM}: the notebooks were NOT tried in JupyterLab (apt-get install chromium)"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh clone, as far as notebooks need it."""
    root = tmp_path_factory.mktemp("clone")
    for name in ("notebooks", "migrations"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    yield root
    from fsapi_nb.database import embedded

    embedded.destroy(root / ".fsapi_nb")


@pytest.fixture(scope="module")
def lab(place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab that serves the clone, with settings and profiles of its own."""
    home = tmp_path_factory.mktemp("lab")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = home / "lab.log"
    with log.open("wb") as stream:
        server = subprocess.Popen(
            _command(port, place), cwd=place, env=_environment(home), stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        _await_server(f"http://127.0.0.1:{port}", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def _command(port: int, place: Path) -> list[str]:
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password="]
    command += ["--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={place}"]
    return [*command, "--LabApp.expose_app_in_browser=True"]


def _environment(home: Path) -> dict[str, str]:
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    # Without this a "Jupyter news" question covers the page.
    quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet), encoding="utf-8")
    folders = {
        "HOME": home,
        "XDG_RUNTIME_DIR": home,
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    return os.environ | {name: str(path) for name, path in folders.items()}


def _await_server(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/api/status", timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            if server.poll() is not None:
                break
            time.sleep(0.25)
    raise RuntimeError(log.read_text(encoding="utf-8"))


class Page:
    """The notebook, open in JupyterLab. `outside` lists the requests that left the server, `faults` the page's errors."""

    def __init__(self, url: str, browser: Any) -> None:
        self.page = browser.new_context(viewport={"width": 1280, "height": 1600}).new_page()
        self.outside: list[str] = []
        self.page.on("request", lambda request: self._note(url, request.url))
        # A workspace of its own: otherwise tabs of another run come back.
        self.page.goto(f"{url}/lab/workspaces/t{time.time_ns()}/tree/notebooks/{NOTEBOOK}?reset")
        self.page.wait_for_function("() => window.jupyterapp", timeout=90_000)
        self.page.evaluate(KERNEL_READY)
        self.command("application:toggle-left-area")

    def _note(self, url: str, request: str) -> None:
        if not request.startswith((url, "data:", "blob:")):
            self.outside.append(request)

    def command(self, name: str) -> None:
        """Do what a menu entry does."""
        self.page.evaluate(COMMAND, name)

    def run_all(self) -> None:
        """Run every cell anew, and wait for the last."""
        self.command("notebook:clear-all-cell-outputs")
        self.command("notebook:run-all-cells")
        self.page.wait_for_function(ALL_RUN, timeout=120_000)

    def cells(self) -> list[dict[str, Any]]:
        """The code cells with their outputs."""
        return list(self.page.evaluate(CELLS))

    def rendered(self, cell: str) -> str:
        """What can be read in a cell's output."""
        self.page.locator(f'[data-windowed-list-index="{self._index(cell)}"]').scroll_into_view_if_needed()
        return str(self.page.evaluate(RENDERED, cell))

    def _index(self, cell: str) -> int:
        index = "id => window.jupyterapp.shell.currentWidget.content.widgets.findIndex(each => each.model.id === id)"
        number = int(self.page.evaluate(index, cell))
        self.page.evaluate("i => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'start')", number)
        return number

    def use_theme(self, name: str) -> None:
        """Change the colours of the whole page."""
        self.page.evaluate(THEME, name)
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)
        self.page.wait_for_timeout(500)  # style sheets are loaded after that


@pytest.fixture(scope="module")
def page(lab: str) -> Iterator[Page]:
    """The notebook, opened and run from its first cell to its last."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=CHROMIUM_ARGUMENTS)
        opened = Page(lab, browser)
        opened.run_all()
        yield opened
        opened.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        browser.close()


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
    ]


def test_tables_and_errors_can_be_read_on_the_page(page: Page) -> None:
    """The status is a table, and an error is a few lines with a caret: not hidden, not sanitized away."""
    status = page.rendered("status")
    assert "28 migrations on quickstart: 28 pending" in status
    assert "2025_11_27_09_00_create_new_table.sql\tpending" in status
    error = page.rendered("mistake-run")
    assert error.startswith("StatementFailed: 2026_01_15_09_00_add_loyalty_points.sql:4:45: ")
    assert "^" in error
    assert "Traceback" not in error


def test_no_request_leaves_the_machine(page: Page) -> None:
    """The page, its outputs included, asks nothing of any other server."""
    assert page.outside == []


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_a_picture_is_taken(page: Page, tmp_path: Path, theme: str) -> None:
    """For people to look at, in both themes: `FSAPI_NB_SCREENSHOTS` says where."""
    folder = Path(os.environ.get("FSAPI_NB_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page.use_theme(theme)
    for cell in ("status", "plan", "mistake-run", "edit", "history"):
        page.rendered(cell)
        path = folder / f"{theme.rpartition(' ')[2].lower()}-{cell}.png"
        page.page.screenshot(path=path)
        assert path.stat().st_size > 10_000
