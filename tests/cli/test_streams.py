"""Standard streams that are full, closed or left by their reader, and interrupts before and after a command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import Project

SAPI = [sys.executable, "-m", "fsapi_nb"]
LOST = "error: the result cannot be written to stdout"


def sapi(project: Project, *words: str, shell: str = "", python_path: Path | None = None) -> tuple[int, str, str]:
    """Run a command in the project, with the shell's redirections; its exit code and what it wrote."""
    environment = os.environ | {"DATABASE_URL": project.database}
    if python_path:
        environment["PYTHONPATH"] = str(python_path)
    command: Sequence[str] = [*SAPI, *words]
    if shell:
        command = ["bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *command]
    done = subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("shell", [">/dev/full", ">&-"])
@pytest.mark.parametrize("words", [["migrate"], ["migrate", "--json"], ["migrate:make", "b"]], ids=" ".join)
def test_a_lost_result_is_no_failure_of_what_was_done(project: Project, words: list[str], shell: str) -> None:
    """The exit code says that it is done; stderr says that the result is lost, and how to see it."""
    project.write("a", "CREATE TABLE t (i int);")
    code, _, err = sapi(project, *words, shell=shell)
    assert code == 0
    assert err.startswith(LOST)
    assert "migrate:status" in err
    assert "Traceback" not in err
    if words[0] == "migrate":
        assert project.value("SELECT count(*) FROM t") == 0
        assert project.value("SELECT count(*) FROM migrations") == 1


@pytest.mark.parametrize("shell", [">/dev/full", ">&-"])
@pytest.mark.parametrize("words", [["migrate:status"], ["query", "SELECT 1", "--json"], ["--help"]], ids=" ".join)
def test_a_lost_answer_is_a_failure(project: Project, words: list[str], shell: str) -> None:
    """A verb that only shows something has failed if nobody can see it."""
    project.write("a", "CREATE TABLE t (i int);")
    code, _, err = sapi(project, *words, shell=shell)
    assert code == 1
    assert err.startswith(LOST)
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words", [["query", "SELECT generate_series(1, 100000)"], ["migrate"], ["--help"]], ids=" ".join
)
def test_a_reader_that_has_seen_enough_is_no_failure(project: Project, words: list[str]) -> None:
    """`| head -1` ends the command in peace, and without a word."""
    project.write("a", "CREATE TABLE t (i int);")
    assert sapi(project, *words, shell="| head -c 1")[::2] == (0, "")


@pytest.mark.parametrize("shell", ["2>/dev/full", "<&- >&- 2>&-"])
def test_errors_that_nobody_can_read_keep_their_exit_code(project: Project, shell: str) -> None:
    """2 for what was typed, 1 for what failed, 3 for a check that found something."""
    assert sapi(project, "migrate:nonsense", shell=shell)[0] == 2
    assert sapi(project, "query", "SELECT 1 / 0", shell=shell)[0] == 1
    project.write("a", "CREATE TABLE t (i int);")
    assert sapi(project, "migrate:pending", "--check", shell=shell)[0] == 3
    assert sapi(project, "migrate", shell=shell)[0] == 0
    assert project.value("SELECT count(*) FROM t") == 0


@pytest.mark.parametrize("module", ["fsapi_nb.cli", "fsapi_nb.errors", "fsapi_nb.migrator"])
def test_ctrl_c_while_the_program_starts_ends_it_quietly(project: Project, tmp_path: Path, module: str) -> None:
    """Whatever is being imported at that moment: exit code 130, and not a word."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
    )
    assert sapi(project, "migrate:status", python_path=tmp_path) == (130, "", "")


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda name: name.name)
def test_a_signal_after_the_command_changes_nothing(project: Project, tmp_path: Path, name: signal.Signals) -> None:
    """What was done is done, and its exit code says so; Python's traceback of its exit does not appear."""
    project.write("a", "CREATE TABLE t (i int);")
    (tmp_path / "sitecustomize.py").write_text(
        f"import atexit, os\natexit.register(os.kill, os.getpid(), {name.value})\n"
    )
    code, out, err = sapi(project, "migrate", python_path=tmp_path)
    assert (code, err) == (0, "")
    assert out.startswith("Applied 1 migration")


def test_an_ignored_interrupt_stays_ignored(project: Project, tmp_path: Path) -> None:
    """A script that runs it in the background has SIGINT ignored, so that a Ctrl-C meant for another does not end it."""
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os, signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
    )
    project.write("a", "CREATE TABLE t (i int);")
    assert sapi(project, "migrate:pending", "--check", python_path=tmp_path)[0] == 3
