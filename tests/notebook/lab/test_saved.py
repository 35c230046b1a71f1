"""Notebooks that outlive their kernel: restarted, reloaded, saved and opened without one, converted, compared by nbval."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.notebook.lab.browser import KERNEL_READY, Page, wait_for
from tests.notebook.lab.conftest import LabProject, OpenPage
from tests.notebook.lab.live import CELLS, LivePanel

WIDGET = "application/vnd.jupyter.widget-view+json"
FRESH = ("%load_ext fsapi_nb", "%migrate fresh --yes", "%migrate status", "%migrate panel")
_SHOWN = """([text, count]) => [...document.querySelectorAll('.jp-OutputArea-output')]
  .filter(each => each.innerText.includes(text)).length === count"""
NO_KERNEL = "() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"


def _saved(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _await_outputs(page: Page, text: str, count: int) -> None:
    """Wait until so many outputs can be seen that hold the text."""
    wait_for(page.page, _SHOWN, arg=[text, count])


def test_a_panel_whose_kernel_is_gone_says_so_and_comes_back_after_a_reload(
    lab_project: LabProject, open_page: OpenPage
) -> None:
    """A reloaded page has a panel that works; after a restart its buttons are off and it says what to do."""
    lab_project.write("a", "CREATE TABLE a ();", "DROP TABLE a;")
    lab_project.write("b", "CREATE TABLE b ();", "DROP TABLE b;")
    page = open_page(lab_project.notebook(*CELLS))
    panel = LivePanel(page).show()
    panel.run("next")
    panel.await_states("applied", "pending")
    panel.await_stored("1 applied, 1 pending")
    page.save()
    bundles = [output["data"] for output in _saved(lab_project.root / "work.ipynb")["cells"][1]["outputs"]]
    assert [sorted(bundle) for bundle in bundles] == [[WIDGET, "text/html", "text/plain"], ["text/html", "text/plain"]]
    assert "1 applied, 1 pending" in "".join(bundles[1]["text/plain"])

    page.page.reload()
    wait_for(page.page, "() => window.jupyterapp", seconds=60)
    page.page.evaluate(KERNEL_READY)
    panel.show(again=False)
    assert not page.page.locator(".fsapi-twin").is_visible()
    panel.run("next")
    panel.await_states("applied", "applied")

    page.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:restart-kernel'); }")
    page.page.locator(".jp-Dialog .jp-mod-accept").click()
    panel.await_text(".fsapi-head", "run its cell again")
    panel.await_button("back", off=True)
    page.page.evaluate(KERNEL_READY)
    panel.show()
    panel.await_button("back", off=False)


def test_a_saved_notebook_reads_well_without_a_kernel(lab_project: LabProject, open_page: OpenPage) -> None:
    """Trusted or not, the last state can be read; nothing of a widget's state is in the file, nor in its HTML."""
    lab_project.write("a", "CREATE TABLE a ();", "DROP TABLE a;")
    lab_project.write("b", "SELECT pg_sleep(1);")
    notebook = lab_project.notebook(*FRESH)
    page = open_page(notebook)
    LivePanel(page).show()
    page.save()
    page.page.evaluate(NO_KERNEL)
    document = _saved(notebook)
    assert "widgets" not in document["metadata"]
    status = f"2 migrations on {lab_project.label}: 2 applied"

    trusted = open_page(notebook, kernel=False)
    trusted.page.wait_for_selector(".jp-Notebook")
    wait_for(trusted.page, "text => document.body.innerText.includes(text)", arg=status)
    trusted.page.locator(".fsapi-twin").scroll_into_view_if_needed()
    assert trusted.page.locator(".fsapi-twin").is_visible()
    assert status in trusted.page.locator(".fsapi-twin").inner_text()

    copy = lab_project.root / "copy.ipynb"
    copy.write_text(notebook.read_text(encoding="utf-8").replace("%migrate status", "%migrate status "), "utf-8")
    untrusted = open_page(copy, kernel=False)
    _await_outputs(untrusted, status, 2)  # the status, and what the panel showed
    _await_outputs(untrusted, "needs a running kernel", 1)
    assert trusted.outside == untrusted.outside == []

    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--stdout", str(notebook)]
    html = subprocess.run(command, capture_output=True, check=True, cwd=lab_project.root, text=True).stdout
    assert html.count(status) == 2
    assert "fsapi-twin" in html
    assert "Applied 2 migrations" in html or "↑" in html
    assert WIDGET not in html


def test_nbval_agrees_with_what_jupyterlab_saved(lab_project: LabProject, open_page: OpenPage) -> None:
    """Strict nbval, without widgets, finds the same outputs as in the file that JupyterLab stored with them."""
    lab_project.write("a", "DO $$ BEGIN RAISE NOTICE 'hello'; PERFORM pg_sleep(1); END $$; CREATE TABLE a ();")
    notebook = lab_project.notebook(*FRESH)
    page = open_page(notebook)
    panel = LivePanel(page).show()
    page.run(1)  # the first time there was nothing to drop, from now on there is
    panel.await_states("applied")
    panel.await_not_stored("pending")
    page.save()
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run([*command, str(notebook)], check=False, capture_output=True, cwd=lab_project.root, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "4 passed" in ran.stdout
