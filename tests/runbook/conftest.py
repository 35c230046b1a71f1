"""Fixtures: a project with notebooks in it, and runbooks run as the terminal runs them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from fsapi_nb.cli import main
from tests.conftest import Project


def code(source: str, *tags: str, id: str = "") -> Any:
    """A cell of code."""
    return _cell(nbformat.v4.new_code_cell(source), tags, id)  # type: ignore[no-untyped-call]


def text(source: str, *tags: str, id: str = "") -> Any:
    """A cell of Markdown."""
    return _cell(nbformat.v4.new_markdown_cell(source), tags, id)  # type: ignore[no-untyped-call]


def raw(source: str, *tags: str, id: str = "") -> Any:
    """A raw cell, which no front end runs."""
    return _cell(nbformat.v4.new_raw_cell(source), tags, id)  # type: ignore[no-untyped-call]


def _cell(cell: Any, tags: Sequence[str], id: str) -> Any:
    cell.id = id or cell.id
    cell.metadata.tags = list(tags)
    return cell


@dataclass(frozen=True)
class Done:
    """What a run of `sapi` came to, and the files that it wrote."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> str:
        """The report of the only run."""
        (file,) = self.folder.glob("*.html")
        return file.read_text(encoding="utf-8")

    @property
    def executed(self) -> Any:
        """The executed notebook of the only run; a valid one."""
        (file,) = self.folder.glob("*.ipynb")
        document: Any = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(document)
        return document

    @property
    def json(self) -> Any:
        """What `--json` printed."""
        return json.loads(self.out)


class Runbooks:
    """The runbooks of one project; each run keeps its record in a folder of its own."""

    def __init__(self, project: Project, output: pytest.CaptureFixture[str]) -> None:
        self.project = project
        self.folder = project.root / "books"
        self.folder.mkdir()
        self._output = output
        self._runs = 0

    def write(self, *cells: Any, name: str = "change.ipynb") -> Path:
        """A notebook that loads us and has these cells."""
        path = self.folder / name
        document: Any = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
            cells=[code("%load_ext fsapi_nb", "setup", id="setup"), *cells]
        )
        nbformat.write(document, path)  # type: ignore[no-untyped-call]
        return path

    def new_folder(self) -> Path:
        """Where the next record goes."""
        self._runs += 1
        return self.project.root / f"records-{self._runs}"

    def run(self, notebook: Path, *options: str, database: str | None = None) -> Done:
        """`sapi runbook:run` on the project's database, or another."""
        folder = self.new_folder()
        words = ["runbook:run", str(notebook), "--database", database or self.project.database]
        return self.sapi(*words, "--output", str(folder), *options, folder=folder)

    def sapi(self, *words: str, folder: Path | None = None) -> Done:
        """A command of the terminal."""
        self._output.readouterr()
        exit_code = main(words)
        printed = self._output.readouterr()
        return Done(exit_code, printed.out, printed.err, folder or self.folder)

    def journal(self) -> list[tuple[Any, ...]]:
        """What the journal says of where its attempts come from."""
        return self.project.rows(
            "SELECT event, state, migration, notebook, cell, runbook FROM migrations_journal WHERE event <> 'schema' ORDER BY id"
        )


@pytest.fixture(autouse=True)
def _ipython_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels read and write no profile of whoever runs the tests."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for name in [name for name in os.environ if name.startswith("FSAPI_NB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def runbooks(project: Project, capsys: pytest.CaptureFixture[str]) -> Iterator[Runbooks]:
    """The project's runbooks; the terminal's signals are put back."""
    import signal

    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    yield Runbooks(project, capsys)
    for each, handler in before.items():
        signal.signal(each, handler)
