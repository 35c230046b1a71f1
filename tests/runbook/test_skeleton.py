"""The notebook that `runbook:new` makes: runs as it is, rolls back only when asked to, is never written over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.runbook.conftest import Runbooks


def test_it_runs_as_it_is_and_rolls_back_when_asked(runbooks: Runbooks) -> None:
    """On an empty database: applied and verified; with --rollback nothing but the preconditions and the way back."""
    runbooks.project.write("users", "CREATE TABLE users (id int);", "DROP TABLE users;")
    made = runbooks.sapi("runbook:new", "add_users", "--dir", str(runbooks.folder), "--json").json["file"]
    notebook = Path(made)
    done = runbooks.run(notebook, "-p", "reason=CHG-12", "--json")
    assert done.code == 0, done.err
    assert runbooks.project.has("users")
    states = {cell["id"]: cell["state"] for cell in done.json["cells"]}
    assert states.pop("rollback") == "skipped"
    assert set(states.values()) == {"done"}
    assert [check["passed"] for check in done.json["checks"]] == [True] * 4
    back = runbooks.run(notebook, "--rollback", "--json")
    assert back.code == 0, back.err
    assert not runbooks.project.has("users")
    ran = [cell["id"] for cell in back.json["cells"] if cell["state"] == "done"]
    assert ran == ["parameters", "setup", "server-is-writable", "database-is-quiet", "rollback"]
    assert "Rollback by runbook" in back.report
    assert [row[4] for row in runbooks.journal()] == ["apply", "rollback"]


def test_it_is_a_notebook_that_front_ends_open(runbooks: Runbooks) -> None:
    """Valid, with ids that say what a cell is; its parameters have values, its rollback is run by nobody by chance."""
    path = runbooks.folder / "tidy-up.ipynb"
    assert runbooks.sapi("runbook:new", "tidy-up.ipynb", "--dir", str(runbooks.folder)).code == 0
    document: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(document)
    assert document.cells[0].source.startswith("# Tidy up\n")
    assert [cell.cell_type for cell in document.cells if "rollback" in cell.metadata.get("tags", [])] == [
        "markdown",
        "raw",
    ]


def test_it_is_never_written_over(runbooks: Runbooks) -> None:
    """A second one of that name is refused, and the first stays as it is."""
    path = runbooks.folder / "a.ipynb"
    path.write_text("mine")
    done = runbooks.sapi("runbook:new", "a", "--dir", str(runbooks.folder))
    assert done.code == 2
    assert "a.ipynb exists already" in done.err
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["../a", "a/b", "", ".hidden", "a b"])
def test_a_name_is_a_file_s_name(runbooks: Runbooks, name: str) -> None:
    """Nothing is written anywhere else."""
    done = runbooks.sapi("runbook:new", name, "--dir", str(runbooks.folder))
    assert done.code == 2
    assert list(runbooks.folder.iterdir()) == []
