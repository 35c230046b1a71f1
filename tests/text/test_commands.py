"""Commands in hints, states and notes: each face shows them as they are typed there."""

from __future__ import annotations

import argparse
import ast
import pickle
import re
import shlex
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

import fsapi_nb
from fsapi_nb.cli import _verb_of, main
from fsapi_nb.commands import QUERY, VERBS, Parser, find_verb, parser_of
from fsapi_nb.errors import FsapiError
from fsapi_nb.model.place import Problem, SourceLocation
from fsapi_nb.model.plan import Plan
from fsapi_nb.model.server import Identity
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.notebook.line import split
from fsapi_nb.project.configuration import DATABASE_SETTINGS, SETTINGS
from fsapi_nb.text.command import Advice, Command, Face, command, typed, typed_lines
from fsapi_nb.text.safe import json_text, visible
from fsapi_nb.text.wrap import wrap
from fsapi_nb.views.results import PlanResult, StatusResult
from tests.conftest import Project


@pytest.mark.parametrize(
    ("shown", "terminal", "notebook"),
    [
        (command("status"), "sapi migrate:status", "%migrate status"),
        (command("migrate", to="a"), "sapi migrate --to a", "%migrate --to a"),
        (command("rollback", "2"), "sapi migrate:rollback 2", "%rollback 2"),
        (command("retire", "a.sql", undo=True), "sapi migrate:retire a.sql --undo", "%migrate retire a.sql --undo"),
        (command("fresh", no_migrate=True), "sapi migrate:fresh --no-migrate", "%migrate fresh --no-migrate"),
        (
            command("resolve", "a b", done=True, undo=False),
            "sapi migrate:resolve 'a b' --done",
            "%migrate resolve 'a b' --done",
        ),
        (command("resolve", "-x", done=True), "sapi migrate:resolve --done -- -x", "%migrate resolve --done -- -x"),
        (command("redo", "{a}$b"), "sapi migrate:redo '{a}$b'", "%migrate redo '{{a}}$''b'"),
        (command("query"), "sapi query", "%query"),
    ],
)
def test_a_command_is_shown_as_it_is_typed(shown: Command, terminal: str, notebook: str) -> None:
    """Each word is quoted for the place where it is pasted."""
    assert (shown.typed(Face.TERMINAL), shown.typed(Face.NOTEBOOK)) == (terminal, notebook)


_WORDS = st.text(
    st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]) | st.sampled_from("-'\"$`{}\\ ;?!#&%"), min_size=1
)


@settings(max_examples=40)
@given(_WORDS, st.lists(_WORDS, min_size=1, max_size=3))
def test_any_name_comes_back_from_the_terminal_that_a_command_is_pasted_into(name: str, others: list[str]) -> None:
    """A shell and the terminal's parser read what was meant: blanks, quotes, leading dashes."""
    for shown, read in commands_with(name, others):
        words = shlex.split(shown.typed(Face.TERMINAL))
        assert words[0] == "sapi"
        options = parser(_verb_of(words[1]).name).parse_args(words[2:])
        assert read(options), words


@settings(max_examples=40)
@given(_WORDS, st.lists(_WORDS, min_size=1, max_size=3))
def test_any_name_comes_back_from_the_cell_that_a_command_is_pasted_into(name: str, others: list[str]) -> None:
    """IPython turns the cell into a call, expands its line, and the magic splits that."""
    for shown, read in commands_with(name, others):
        magic, line = line_of_cell(shown.typed(Face.NOTEBOOK))
        words = split(line)
        verb = words.pop(0) if magic == "migrate" and words and not words[0].startswith("-") else magic
        assert read(parser(verb).parse_args(words)), line


@cache
def calls() -> tuple[str, ...]:
    """Every command that the package makes, as it is written."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py"))
    nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    found = [node for node in nodes if isinstance(node.func, ast.Name) and node.func.id == "command" and node.args]
    return tuple(sorted({ast.unparse(node) for node in found}))


def made(call: str, name: str, others: list[str]) -> tuple[Command, list[str]]:
    """The command of a call with these names in the place of what is known only when it runs, and the names in it."""
    tree = ast.parse(call, mode="eval").body
    assert isinstance(tree, ast.Call)
    verb = tree.args[0].value if isinstance(tree.args[0], ast.Constant) else "redo"
    names = [word for each in tree.args[1:] for word in words_of(each, name, others)]
    options = {
        option: True if ast.unparse(value) == "True" else words_of(value, name, others)
        for each in tree.keywords
        for option, value in options_of(each)
    }
    values = [word for value in options.values() if isinstance(value, list) for word in value]
    return command(str(verb), *names, **options), [*names, *values]


def options_of(written: ast.keyword) -> list[tuple[str, ast.expr]]:
    """The options that a keyword of a call stands for; a word of Python, such as `from`, is a key behind `**`."""
    if written.arg is not None:
        return [(written.arg, written.value)]
    assert isinstance(written.value, ast.Dict)
    return [
        (ast.literal_eval(key), value)
        for key, value in zip(written.value.keys, written.value.values, strict=True)
        if key
    ]


def words_of(argument: ast.expr, name: str, others: list[str]) -> list[str]:
    if isinstance(argument, ast.Constant):
        return [str(argument.value)]
    if isinstance(argument, ast.Starred) or ast.unparse(argument).startswith("done[:"):
        return others
    return ["2"] if ast.unparse(argument).startswith("str(") else [name]


@cache
def parser(verb: str) -> Parser:
    return parser_of(QUERY if verb == "query" else find_verb(verb), prog=verb)


@settings(max_examples=15)
@given(_WORDS, st.lists(_WORDS, min_size=1, max_size=3))
def test_every_command_of_the_package_can_be_pasted_with_any_name(name: str, others: list[str]) -> None:
    """Its verb, its options and its names are those of the table of verbs, in the terminal and in a cell."""
    assert len(calls()) > 40
    for call in calls():
        shown, names = made(call, name, others)
        if shown.verb == "query" or ("--help", ()) in shown.options:  # what follows is the user's, and help ends it
            continue
        _, command_of_terminal, *words = shlex.split(shown.typed(Face.TERMINAL))
        magic, line = line_of_cell(shown.typed(Face.NOTEBOOK))
        in_cell = split(line)
        verb = in_cell.pop(0) if magic == "migrate" and shown.verb != "migrate" else magic
        for options in (
            parser(_verb_of(command_of_terminal).name).parse_args(words),
            parser(verb).parse_args(in_cell),
        ):
            read = [
                each for value in vars(options).values() for each in (value if isinstance(value, list) else [value])
            ]
            assert {str(each) for each in read} >= set(names), call


def test_no_text_has_a_command_that_is_only_written() -> None:
    """What stands between backticks like a verb would be shown in one form everywhere, and quoted for none."""
    verbs = "|".join(verb.name for verb in (*VERBS, QUERY))
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        docs = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, documented) and isinstance(node.body[0], ast.Expr)
        }
        texts = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
        }
        found = [text for text in texts - HELP_TEXTS if re.search(f"`({verbs})[ `]", text)]
        assert [text for text in found if "tagged `rollback`" not in text] == [], path


#: Help of settings, which names verbs as what they are about.
HELP_TEXTS = {setting.text for setting in (*SETTINGS.values(), *DATABASE_SETTINGS.values())}
PACKAGE = Path(fsapi_nb.__file__).parent
Reader = Callable[[argparse.Namespace], bool]


def commands_with(name: str, others: list[str]) -> list[tuple[Command, Reader]]:
    """Every form of command that hints have, and whether what was read of it is what was meant."""
    return [
        (command("resolve", name, done=True), lambda o: (o.name, o.done, o.undo) == (name, True, False)),
        (command("repair", name), lambda o: o.name == name),
        (command("rename", name, others[0]), lambda o: (o.old, o.new) == (name, others[0])),
        (command("retire", *others, undo=True), lambda o: (o.names, o.undo) == (others, True)),
        (command("rollback", to=name), lambda o: o.to == name),
        (command("baseline", name, replaces=others), lambda o: (o.name, list(o.replaces)) == (name, others)),
        (command("fresh", confirm=name), lambda o: o.confirm == name),
        (command("show", name), lambda o: o.name == name),
        (command("make", name), lambda o: o.words == [name]),
        (command("trust", name, yes=True), lambda o: (o.path, o.yes) == (name, True)),
    ]


def line_of_cell(cell: str) -> tuple[str, str]:
    """The magic and its line, as IPython gives them to it."""
    shell: Any = InteractiveShell.instance()
    call = ast.parse(shell.transform_cell(cell)).body[0]
    assert isinstance(call, ast.Expr) and isinstance(call.value, ast.Call)
    magic, line = (ast.literal_eval(argument) for argument in call.value.args)
    return magic, shell.var_expand(line)


def test_advice_is_text_in_the_terminals_form() -> None:
    """And stays advice where text is added, cut into lines or made safe to show."""
    advice = Advice("look at ", command("status"), "\nor ", Advice("at ", command("history")), "\x1b")
    assert advice == "look at `sapi migrate:status`\nor at `sapi migrate:history`\x1b"
    same = pickle.loads(pickle.dumps(visible("→ " + advice + ".")))
    assert typed(same, Face.NOTEBOOK) == "→ look at `%migrate status`\nor at `%migrate history`\\x1b."
    first, second = advice.split("\n")
    assert typed_lines([first, second], Face.NOTEBOOK) == ["look at `%migrate status`", "or at `%migrate history`\x1b"]
    assert [each.verb for each in advice.commands] == ["status", "history"]


def test_a_command_with_backticks_is_marked_by_more_of_them() -> None:
    """As Markdown does, so that it is clear where it ends, and no line is broken within it."""
    advice = Advice("say ", command("repair", "a ` b"), ".")
    assert advice == "say ``sapi migrate:repair 'a ` b'``."
    assert wrap(advice, 20) == ["say", "  ``sapi migrate:repair 'a ` b'``."]


def test_what_others_say_is_left_as_it_is() -> None:
    """The server's messages and lines of files may have backticks, too."""
    lines = ["e: `status`", "  `status`", "  NOTICE: `status`"]
    assert typed_lines(lines, Face.NOTEBOOK) == lines


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
    """And the error itself has them as a terminal takes them."""
    status = command("status")
    error = FsapiError("`status`", details=("  `status`",), state=Advice("see ", status), hint=Advice(status))
    assert error._render_traceback_() == [
        "FsapiError: `status`",
        "  `status`",
        "Database: see `%migrate status`",
        "→ `%migrate status`",
    ]
    assert str(error).endswith("→ `sapi migrate:status`")


def test_each_form_of_a_result_has_the_commands_of_its_face() -> None:
    """The text and HTML that a notebook stores, and the lines and the JSON of a terminal."""
    note = Advice("see ", command("status"))
    problem = Problem("bad", SourceLocation("b.sql", 1), Advice("use ", command("history")))
    applied = MigrationStatus("a.sql", State.APPLIED, note=note)
    broken = MigrationStatus("b.sql", State.BROKEN, problems=(problem,))
    status = StatusResult((applied, broken), Identity("shop", "localhost"), notes=(note,))
    for result in (PlanResult(Plan("migrate", notes=(note,))), status):
        for stored in (repr(result), result.html()):
            assert "%migrate status" in stored
            assert "sapi" not in stored
        for typed_there in ("\n".join(result.lines()), json_text(result.to_json())):
            assert "sapi migrate:status" in typed_there
            assert "%migrate" not in typed_there
    assert "%migrate history" in repr(status)
    assert "sapi migrate:history" in "\n".join(status.lines())
