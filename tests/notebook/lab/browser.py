"""A JupyterLab with settings and profiles of its own, and its pages in headless Chromium, driven as a user would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

VIEWPORT = {"width": 1280, "height": 1600}

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


CELL_RUN = """index => {
  const widget = window.jupyterapp.shell.currentWidget;
  const cell = [...widget.content.model.cells][index];
  return cell.executionCount && widget.sessionContext.session.kernel.status === 'idle';
}"""

OPEN = "async path => { await window.jupyterapp.commands.execute('docmanager:open', { path }); }"

CLOSE_ALL = """async () => {
  for (const widget of [...window.jupyterapp.shell.widgets('main')]) {
    await widget.sessionContext?.shutdown();
    widget.dispose();
  }
}"""

SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"


def write_notebook(path: Path, cells: Sequence[str]) -> Path:
    """A notebook of these code cells, with ids of their own: c0, c1 and so on."""
    document = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document.cells = [
        nbformat.v4.new_code_cell(source, id=f"c{number}")  # type: ignore[no-untyped-call]
        for number, source in enumerate(cells)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(document, path)  # type: ignore[no-untyped-call]
    return path


@contextmanager
def jupyterlab(root: Path, home: Path, kernels: Path | None = None) -> Iterator[str]:
    """Yield the address of a JupyterLab that serves the folder `root`; its own files are in `home`, its kernels in `kernels`."""
    server, url = _start(root, home, _environment(home) | ({"JUPYTER_PATH": str(kernels)} if kernels else {}))
    try:
        yield url
    finally:
        server.terminate()
        server.wait(30)


def _start(
    root: Path, home: Path, environment: dict[str, str], *, tries: int = 5
) -> tuple[subprocess.Popen[bytes], str]:
    """A server, and its address; another one where somebody took its port between the choice and the start."""
    log = home / "lab.log"
    for _ in range(tries):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with log.open("wb") as stream:
            server = subprocess.Popen(
                _command(port, root), cwd=root, env=environment, stdout=stream, stderr=subprocess.STDOUT
            )
        if _is_up(f"http://127.0.0.1:{port}", server):
            return server, f"http://127.0.0.1:{port}"
        server.kill()
    raise RuntimeError(log.read_text(encoding="utf-8"))


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
    # No page load asks whether JupyterLab could be built again, for which the server starts Node.js.
    page_config = home / "config" / "labconfig" / "page_config.json"
    page_config.parent.mkdir(parents=True)
    page_config.write_text(json.dumps({"buildAvailable": False, "buildCheck": False}), encoding="utf-8")
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


def _is_up(url: str, server: subprocess.Popen[bytes]) -> bool:
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/api/status", timeout=1).close()
        except (urllib.error.URLError, OSError):
            if server.poll() is not None:
                return False
            time.sleep(0.25)
        else:
            return True
    return False


def wait_for(page: Any, condition: str, arg: object = None, *, seconds: float = 30) -> None:
    """Wait until a function of JavaScript returns true in the page."""
    # Playwright would ask at each frame. Some conditions need the layout of a long page, and there is one core for
    # both.
    page.wait_for_function(condition, arg=arg, timeout=seconds * 1000, polling=100)


class Window:
    """A window with JupyterLab, opened at a notebook's address. It is never in the background, where pages are slowed down.

    Since it was loaded: `outside` lists the requests that left the server, `dialogs` what scripts asked.
    """

    def __init__(self, url: str, browser: Any, notebook: str) -> None:
        self._context = browser.new_context(viewport=VIEWPORT)  # a second page of one context would be a tab
        self.page = self._context.new_page()
        self.outside: list[str] = []
        self.dialogs: list[str] = []
        self.page.on("request", lambda request: self._note(url, request.url))
        self.page.on("dialog", self._refuse)
        # A workspace of its own: otherwise tabs of another run come back.
        self.page.goto(f"{url}/lab/workspaces/t{time.time_ns()}/tree/{notebook}?reset")
        wait_for(self.page, "() => window.jupyterapp", seconds=90)
        self.page.evaluate("async () => { await window.jupyterapp.restored; }")
        self.page.evaluate(COMMAND, "application:toggle-left-area")

    def open(self, notebook: str) -> None:
        """Open a notebook as the file browser does, in a window that is as wide and high as a new one."""
        self.page.set_viewport_size(VIEWPORT)
        self.page.evaluate(OPEN, notebook)

    def empty(self) -> bool:
        """End the kernels, close the notebooks without saving, and return whether nothing else is left."""
        self.page.evaluate(CLOSE_ALL)
        return not self.page.locator(".jp-Dialog").count()

    def close(self) -> None:
        """Close the window."""
        self._context.close()

    def _refuse(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _note(self, url: str, request: str) -> None:
        if not request.startswith((url, "data:", "blob:")):
            self.outside.append(request)


class Windows:
    """The windows of one browser. They are used again, because loading JupyterLab takes longer than most tests."""

    def __init__(self, url: str, browser: Any) -> None:
        self._url = url
        self._browser = browser
        self._empty: list[Window] = []

    def open(self, notebook: str, *, kernel: bool = True) -> Page:
        """Open a notebook and wait for its kernel; without `kernel`, load it in a new window, which has no widget's styles."""
        if self._empty and kernel:
            window = self._empty.pop()
            window.open(notebook)
        else:
            window = Window(self._url, self._browser, notebook)
        page = Page(window)
        if kernel:
            page.page.evaluate(KERNEL_READY)
        return page

    def take_back(self, page: Page, *, usable: bool) -> None:
        """End the page's kernel and close its notebook; keep its window for the next one if it is `usable`."""
        if page.window.empty() and usable:
            self._empty.append(page.window)
        else:
            page.window.close()


class Page:
    """A notebook, open in a window of JupyterLab."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.page = window.page
        self.outside = window.outside
        self.dialogs = window.dialogs

    def command(self, name: str) -> None:
        """Do what a menu entry does."""
        self.page.evaluate(COMMAND, name)

    def run(self, index: int, *, wait: bool = True) -> None:
        """Run one cell, by its place."""
        self.page.evaluate(
            "i => { const n = window.jupyterapp.shell.currentWidget.content; n.activeCellIndex = i; n.deselectAll(); }",
            index,
        )
        # Not awaited: it answers only when the cell has ended, and some are interrupted.
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")
        if wait:
            wait_for(self.page, CELL_RUN, arg=index, seconds=60)

    def save(self) -> None:
        """Save the notebook."""
        self.page.evaluate(SAVE)

    def run_all(self) -> None:
        """Run every cell anew, and wait for the last."""
        self.command("notebook:clear-all-cell-outputs")
        self.command("notebook:run-all-cells")
        wait_for(self.page, ALL_RUN, seconds=120)

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
        wait_for(self.page, "name => document.body.dataset.jpThemeName === name", arg=name)
        self.page.wait_for_timeout(500)  # style sheets are loaded after that
