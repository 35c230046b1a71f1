"""A runbook opened in JupyterLab, as it is when it is written and reviewed: it runs, and its rows lead back to its cells."""

from __future__ import annotations

import subprocess
import sys

from tests.notebook.lab.conftest import LabProject, OpenPage


def test_a_new_runbook_runs_in_jupyterlab_and_the_journal_names_its_cells(
    lab_project: LabProject, open_page: OpenPage
) -> None:
    """Every cell but the rollback; the journal's row has the notebook and the cell that applied."""
    lab_project.write("one", "CREATE TABLE one (id int);", "DROP TABLE one;")
    command = [sys.executable, "-m", "fsapi_nb.cli", "runbook:new", "add_one"]
    made = subprocess.run(command, cwd=lab_project.root, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (notebook,) = lab_project.root.rglob("*.ipynb")
    page = open_page(notebook)
    page.run_all()
    outputs = [output for cell in page.cells() for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    ((name, cell),) = lab_project.rows("SELECT notebook, cell FROM migrations_journal WHERE state = 'done'")
    assert name == notebook.name
    assert cell in {each["id"] for each in page.cells()}
    assert page.outside == []
