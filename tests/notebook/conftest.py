"""Fixtures: an IPython shell with the extension loaded, and cells run in it on a project of their own."""

from __future__ import annotations

import gc
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import jedi
import pytest
from IPython.core.completer import ProvisionalCompleterWarning, provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from tests.conftest import Project

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Cells:
    """Cells of one notebook, run one after another in a real shell."""

    def __init__(self, shell: Any, output: pytest.CaptureFixture[str]) -> None:
        self.shell = shell
        self._output = output

    def point(self, project: Project) -> None:
        """Make the magics work on this project."""
        self.run(f"%config MigrateMagics.database = {project.database!r}")
        self.run(f"%config MigrateMagics.directory = {str(project.folder)!r}")

    def run(self, cell: str) -> Any:
        """The value of a cell; what went wrong in it is raised as it was."""
        done = self.shell.run_cell(cell)
        done.raise_error()
        return done.result

    def fail(self, cell: str) -> tuple[BaseException, str]:
        """The error of a cell that fails, and what the user sees of it."""
        self.said()
        done = self.shell.run_cell(cell)
        error = done.error_before_exec or done.error_in_exec
        assert error is not None, f"the cell did not fail: {cell}"
        return error, self.said()

    def offered(self, before: str, after: str = "") -> list[str]:
        """What the cell would be up to the cursor, for each completion that the shell offers there."""
        with provisionalcompleter(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ProvisionalCompleterWarning)
            found = list(self.shell.Completer.completions(before + after, len(before)))
        return [before[: each.start] + each.text for each in found]

    def said(self) -> str:
        """What was printed since the last question, without colours."""
        printed = self._output.readouterr()
        return _COLOUR.sub("", printed.out + printed.err)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A shell with automagic on, as in a notebook, that keeps no history on the disk."""
    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.ipython_dir = str(tmp_path_factory.mktemp("ipython"))
    # What Jedi has parsed it keeps in a folder of the user's, and writes without care for others who read it at that
    # moment: IPython then offers nothing. So each worker has a folder of its own.
    jedi.settings.cache_directory = str(tmp_path_factory.getbasetemp() / "jedi")
    main = sys.modules["__main__"]
    gc.collect()
    gc.freeze()  # `%reset` collects garbage after each test, and need not go through what was there before
    yield InteractiveShell.instance(config=settings)
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main  # of which multiprocessing asks how to start others; the shell has put its own there


@pytest.fixture
def cells(shell: Any, project: Project, capsys: pytest.CaptureFixture[str]) -> Iterator[Cells]:
    """Cells on the project; the extension is loaded before and unloaded after."""
    notebook = Cells(shell, capsys)
    notebook.run("%load_ext fsapi_nb")
    notebook.point(project)
    yield notebook
    notebook.run("%unload_ext fsapi_nb")
    notebook.run("%reset -f")
