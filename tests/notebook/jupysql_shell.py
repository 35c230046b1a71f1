"""A shell in a process of its own that runs cells: JupySQL takes seconds to load, and changes the shell it is in.

As a script it is that process: a cell's text per line of standard input, as JSON, and what came of it per line of
standard output.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Ran:
    """What a cell did: what it printed, and how its error or its value is shown."""

    out: str
    err: str
    error: str | None
    value: str | None


class JupySql:
    """A shell with JupySQL in reach; `begin` makes it a fresh notebook."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def begin(self, *, folder: Path) -> None:
        """Forget all that was loaded, connected and named, and go to that folder."""
        self._ask({"begin": str(folder)})

    def run(self, cell: str) -> Ran:
        """Run a cell that shall not fail."""
        ran = self.attempt(cell)
        assert ran.error is None, ran
        return ran

    def attempt(self, cell: str) -> Ran:
        """Run a cell."""
        return Ran(**self._ask({"cell": cell}))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _ask(self, question: dict[str, str]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def main() -> None:
    """Answer every line."""
    import os

    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.colors = "nocolor"
    shell: Any = InteractiveShell.instance(config=settings)
    answers = sys.stdout
    for line in sys.stdin:
        question = json.loads(line)
        with capture_output() as said:
            if "begin" in question:
                os.chdir(question["begin"])
                _forget(shell)
                answer: dict[str, Any] = {}
            else:
                done = shell.run_cell(question["cell"])
                error = done.error_before_exec or done.error_in_exec
                answer = {
                    "error": f"{type(error).__name__}: {error}" if error else None,
                    "value": None if done.result is None else str(done.result),
                }
        if "cell" in question:
            shown = "".join(f"{output.data}\n" for output in said.outputs)
            answer |= {"out": said.stdout + shown, "err": said.stderr}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _forget(shell: Any) -> None:
    for extension in ("fsapi_nb", "sql"):
        shell.extension_manager.unload_extension(extension)
    shell.extension_manager.loaded.clear()
    from fsapi_nb.notebook import extension as ours

    ours._settings.clear()
    module: Any = sys.modules.get("sql.connection")
    if module:
        for connection in module.ConnectionManager.connections.values():
            with contextlib.suppress(Exception):  # a test may have ended it on the server
                connection.close()
        module.ConnectionManager.connections = {}
        module.ConnectionManager.current = None
    shell.configurables[:] = [each for each in shell.configurables if type(each).__name__ != "SqlMagic"]
    for name in ("SqlMagic", "MigrateMagics"):
        shell.config.pop(name, None)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("sql", None)
    shell.reset(new_session=False)


if __name__ == "__main__":
    main()
