"""The notebooks as they are stored: run, clean, and the same wherever and whenever they were run.

That their outputs are true is checked by nbval, which collects them beside these tests (`--nbval` and `fsapi_nbval` in
pyproject.toml).
"""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebook.clone import KERNEL, Clone, clone_of
from tests.notebook.store import NOTEBOOKS, clean
from tests.servers.embedded_servers import wait_until

ROOT = NOTEBOOKS.parent
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
_TIME = re.compile(r"\d\d:\d\d:\d\d|\b\d+(\.\d+)? ?ms\b|\b0x[0-9a-f]{6,}")

notebooks = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)


def read(path: Path) -> Any:
    document: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return document


def code(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def test_there_are_notebooks() -> None:
    """The tests below would be silent without any."""
    assert PATHS


@notebooks
def test_a_notebook_is_valid_and_stored_clean(path: Path) -> None:
    """Nothing of the machine or of the run is in it: no times, no kernel, no widget state."""
    document = read(path)
    nbformat.validate(document)
    assert clean(read(path)) == document
    assert path.read_text(encoding="utf-8") == nbformat.writes(document) + "\n"  # type: ignore[no-untyped-call]


@notebooks
def test_every_cell_was_run_in_order(path: Path) -> None:
    """A cell that was not run is compared with nothing."""
    cells = code(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


@notebooks
def test_those_cells_fail_that_are_meant_to(path: Path) -> None:
    """The tag `raises-exception` stands on the cells whose stored output is an error, and on no others."""
    for cell in code(path):
        fails = any(output.output_type == "error" for output in cell.outputs)
        assert fails == ("raises-exception" in cell.metadata.get("tags", [])), cell.id
        assert not [output for output in cell.outputs if output.get("name") == "stderr"], cell.id


@notebooks
def test_cells_have_names(path: Path) -> None:
    """Ids say what a cell is for and stay, so that a difference of two versions can be read."""
    ids = [cell.id for cell in read(path).cells]
    assert len(set(ids)) == len(ids)
    assert not [
        name for name in ids if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name) or re.fullmatch("[0-9a-f]{8}", name)
    ]


@notebooks
def test_outputs_tell_nothing_of_the_machine(path: Path) -> None:
    """No path, no host and no user of whoever stored it, and nothing that differs from run to run."""
    shown = json.dumps([cell.outputs for cell in code(path)])
    ours = {str(ROOT), str(Path.home()) + "/", "/tmp/", "/var/", socket.gethostname(), os.path.dirname(sys.executable)}
    if getpass.getuser() not in {"root", "postgres"}:
        ours.add(f"{getpass.getuser()}@")
    assert not [text for text in ours if len(text) > 3 and text in shown]
    assert not _TIME.search(shown)


@notebooks
def test_a_notebook_is_explained(path: Path) -> None:
    """It begins with a title, lines are short enough to read in a diff, and no cell is empty."""
    document = read(path)
    assert document.cells[0].source.startswith("# ")
    assert all(cell.source.strip() for cell in document.cells)
    assert not [line for cell in document.cells for line in cell.source.splitlines() if len(line) > 120]


def test_plain_pytest_runs_every_cell() -> None:
    """`uv run pytest`, with nothing added, checks each code cell of each notebook."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", str(NOTEBOOKS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if "::Cell " in line]
    assert found == [f"notebooks/{path.name}::Cell {number}" for path in PATHS for number in range(len(code(path)))]


def test_notebooks_pass_twice_in_a_fresh_clone_in_any_order(pytestconfig: pytest.Config) -> None:
    """The second run, in the opposite order, starts from what the first one left, which is nbval's own (see `clone`); the
    clone's files are as they were, no server is left.
    """
    clone = clone_of(pytestconfig)
    for paths in (PATHS, PATHS[::-1]):
        if clone.ran == [path.name for path in paths]:
            continue
        done = _strict_run([clone.root / "notebooks" / path.name for path in paths], clone)
        assert done.returncode == 0, done.stdout
    assert clone.files() == clone.before
    (server,) = (clone.root / ".fsapi_nb").glob("postgres-*/server.json")
    folder = Path(json.loads(server.read_text(encoding="utf-8"))["socket"])
    # A kernel that was told to end stops the server as it ends, which pytest does not wait for.
    wait_until(lambda: not list(folder.glob(".s.PGSQL.*")))


def _strict_run(paths: Sequence[Path], clone: Clone) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", "-m", "pytest", "-q", "--color=no", "-p", "no:cacheprovider"]
    command += ["-o", "addopts=", "--nbval", f"--nbval-kernel-name={KERNEL}", *map(str, paths)]
    return subprocess.run(
        command, cwd=clone.root, env=clone.environment, capture_output=True, text=True, timeout=900, check=False
    )
