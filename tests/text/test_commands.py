"""Commands in hints, states and notes: each face shows them as they are typed there."""

from __future__ import annotations

import re
import shlex

import pytest

from fsapi_nb.cli import main
from fsapi_nb.commands import QUERY, VERBS
from fsapi_nb.errors import FsapiError
from fsapi_nb.text.command import NAMES, Face, typed, typed_lines
from tests.conftest import Project


@pytest.mark.parametrize(
    ("text", "terminal", "notebook"),
    [
        ("`status` lists them.", "`sapi migrate:status` lists them.", "`%migrate status` lists them."),
        ("`migrate --to a`", "`sapi migrate --to a`", "`%migrate --to a`"),
        ("`rollback 2`, `migrate`", "`sapi migrate:rollback 2`, `sapi migrate`", "`%rollback 2`, `%migrate`"),
        ("`retire --undo a.sql`", "`sapi migrate:retire --undo a.sql`", "`%migrate retire --undo a.sql`"),
        ("`query`", "`sapi query`", "`%query`"),
        ("rename the file; `-- UP`", "rename the file; `-- UP`", "rename the file; `-- UP`"),
        (
            "`statuses` `sapi status` `%migrate`",
            "`statuses` `sapi status` `%migrate`",
            "`statuses` `sapi status` `%migrate`",
        ),
    ],
)
def test_a_command_is_shown_as_it_is_typed(text: str, terminal: str, notebook: str) -> None:
    """The verb between backticks becomes a command; all else is as it was."""
    assert (typed(text, Face.TERMINAL), typed(text, Face.NOTEBOOK)) == (terminal, notebook)


def test_every_verb_can_be_named() -> None:
    """Those of the one table."""
    assert {verb.name for verb in (*VERBS, QUERY)} == NAMES


def test_what_others_say_is_left_as_it_is() -> None:
    """Only hints, states and notes are ours: the server's messages and lines of files may have backticks, too."""
    lines = ["e: `status`", "  `status`", "  NOTICE: `status`", "Now: `status`", "  → `status`", "  ! `status`"]
    shown = typed_lines(lines, Face.NOTEBOOK)
    assert shown[:3] == lines[:3]
    assert all("`%migrate status`" in line for line in shown[3:])


def lost(project: Project) -> None:
    """An applied migration has no file any more, and is retired."""
    name = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    project.write("b", "CREATE TABLE b (i int);", "DROP TABLE b;")
    project.migrator().migrate()
    (project.folder / name).unlink()
    project.migrator().retire(missing=True)


def renamed(project: Project) -> None:
    """The file of an applied migration has another name."""
    name = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    project.migrator().migrate()
    (project.folder / name).rename(project.folder / "2026_02_02_00_00_moved.sql")


def two(project: Project) -> None:
    """Two migrations are applied."""
    for name in ("a", "b"):
        project.write(name, f"CREATE TABLE {name} (i int);", f"DROP TABLE {name};")
    project.migrator().migrate()


def filled(project: Project) -> None:
    """The database holds what the first migration makes, and no history."""
    project.rows_in_session("CREATE TABLE a (i int)")
    project.write("a", "CREATE TABLE a (i int);")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lost, ["migrate:show", "2026_01_01_00_00_a.sql"]),
        (lost, ["migrate:rollback", "--to", "a"]),
        (renamed, ["migrate"]),
        (two, ["migrate:redo", "a"]),
        (two, ["migrate:show", "nothing"]),
        (filled, ["migrate"]),
    ],
)
def test_the_command_of_a_hint_can_be_pasted(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    made: object,
    words: list[str],
) -> None:
    """As the terminal shows it, into the terminal: it does what the hint says."""
    assert callable(made)
    made(project)
    where = ["--database", project.database, "--dir", str(project.folder)]
    assert main([*words, *where]) != 0
    (hint,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("→ "))
    command = re.search("`sapi (.*?)`", hint)
    assert command is not None, hint
    assert main([*shlex.split(command[1]), *where]) == 0


def test_a_notebook_shows_commands_as_magics() -> None:
    """And the error itself has the verbs, which are the methods' names."""
    error = FsapiError("`status`", details=("  `status`",), state="`status`", hint="`rename a b`")
    assert error._render_traceback_() == [
        "FsapiError: `status`",
        "  `status`",
        "Now: `%migrate status`",
        "→ `%migrate rename a b`",
    ]
    assert str(error).endswith("→ `rename a b`")
