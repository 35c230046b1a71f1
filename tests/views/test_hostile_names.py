"""Names and texts of others that would drive a terminal or turn lines around: shown as escapes, in every face."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator, cli
from fsapi_nb.errors import ConfigurationError, FsapiError
from fsapi_nb.events import LockAwaited, NoticeReceived, RunFailed, StatementWatched
from fsapi_nb.model.server import Blockage, LockSession, QueuePart, ServerProgress
from fsapi_nb.notebook.widgets.progress import progress_state
from fsapi_nb.views.progress import RunProgress, advance
from fsapi_nb.views.results.base import Result
from tests.cli.test_cli import in_terminal
from tests.conftest import Project

#: A terminal's title (ESC ]), a C1 control, directions of writing, line ends of Unicode, a character without width.
EVIL = "é\x1b]0;t\x07\x9b31m\u202ev\u2066\u2028i\u200b"
#: The same with a line that a program might have written.
FORGED = f"{EVIL}\nForged: all is well"
FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def raw(text: str) -> list[str]:
    """The characters of a text that a terminal obeys, but its line ends and tabs."""
    return sorted({ascii(each) for each in text if each not in "\n\t" and unicodedata.category(each) in FORBIDDEN})


def text_forges(text: str) -> bool:
    """Whether a line of the text is what a name says."""
    return bool(re.search(r"^Forged", text, re.MULTILINE))


@pytest.fixture
def hostile(project: Project) -> Iterator[Project]:
    """A project on a database of that name, with a schema, a table, a column and a notice of that name."""
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(EVIL)))
    own = project.database
    project.database = make_conninfo(own, dbname=EVIL)
    name = f'"{FORGED}"'
    project.write(
        "a",
        f"CREATE SCHEMA {name};\nCREATE TABLE {name}.{name} ({name} text PRIMARY KEY);\n"
        f"COMMENT ON TABLE {name}.{name} IS '{EVIL}';\n"
        f"DO $$BEGIN RAISE NOTICE USING MESSAGE = '{EVIL}', DETAIL = '{EVIL}', HINT = '{EVIL}'; END$$;\n"
        f"INSERT INTO {name}.{name} VALUES ('{EVIL}');",
        f"DROP SCHEMA {name} CASCADE;",
    )
    project.write("b", f"CREATE TABLE public.{name} (i int);", f"DROP TABLE public.{name};")
    try:
        yield project
    finally:
        with psycopg.connect(own, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(EVIL)))


def plant(migrator: Migrator) -> Result:
    """Let the journal say that somebody of that name did it, somewhere of that name."""
    columns = ("role", "host", "application", "notebook", "cell", "runbook", "message")
    names = ", ".join(f"{column} = $${FORGED}$$" for column in columns)
    return migrator.query(f"UPDATE migrations_journal SET {names}")


def faces(migrator: Migrator) -> Iterator[tuple[str, Result | FsapiError]]:
    """The results and errors of every verb, in an order that a project could have them."""
    name = f'"{FORGED}"'
    verbs: dict[str, Callable[[], Result]] = {
        "status": migrator.status,
        "plan": migrator.plan,
        "migrate -n 1": lambda: migrator.migrate(count=1),
        "pending": migrator.pending,
        "show": lambda: migrator.show("a"),
        "migrate": migrator.migrate,
        "planted": lambda: plant(migrator),
        "nothing": migrator.migrate,
        "status of all": migrator.status,
        "show attempts": lambda: migrator.show("a"),
        "history": migrator.history,
        "diagram": lambda: migrator.diagram([FORGED, "public"]),
        "schema": migrator.schema,
        "some of the schema": lambda: migrator.schema("*.*"),
        "a table": lambda: migrator.schema(f"{FORGED}", kind="table", rows=1),
        "no such object": lambda: migrator.schema(f"{EVIL}2"),
        "no such kind": lambda: migrator.schema(kind=EVIL),
        "no diagram": lambda: migrator.diagram([f"{EVIL}2"]),
        "blockers": migrator.blockers,
        "query": lambda: migrator.query(f"SELECT * FROM {name}.{name}"),
        "command": lambda: migrator.query(f"DO $$BEGIN RAISE WARNING '{EVIL}'; END$$"),
        "wrong": lambda: migrator.query(f"SELECT {name}2 FROM {name}.{name}"),
        "raise": lambda: migrator.query(f"DO $$BEGIN RAISE '{EVIL}' USING HINT = '{EVIL}', DETAIL = '{EVIL}'; END$$"),
        "check": lambda: migrator.check(EVIL, f"SELECT * FROM {name}.{name} WHERE false"),
        "rollback": migrator.rollback,
        "baseline": lambda: migrator.baseline("b"),
        "repair": lambda: migrator.repair("b"),
        "redo": migrator.redo,
        "no such": lambda: migrator.show(EVIL),
        "no schema": lambda: migrator.fresh(confirm=EVIL),
        "fresh plan": lambda: migrator.plan("fresh"),
        "fresh": lambda: migrator.fresh(yes=True),
        "make": lambda: migrator.make("c"),
    }
    for verb, call in verbs.items():
        try:
            yield verb, call()
        except FsapiError as error:
            yield f"{verb}: {type(error).__name__}", error


def test_no_face_shows_a_character_that_a_terminal_obeys(hostile: Project) -> None:
    """Text, HTML, a notebook's text and metadata, the lines and the text of an error; and JSON as `--json` writes it."""
    found: dict[tuple[str, str], list[str]] = {}
    for verb, result in faces(hostile.migrator()):
        shown = {"text": "\n".join(result.lines()), "repr": repr(result), "str": str(result)}
        if isinstance(result, Result):
            bundle, metadata = result._repr_mimebundle_()
            shown |= bundle | {"metadata": str(metadata), "times": "\n".join(result.lines(times=True))}
        for face, text in shown.items():
            # In HTML a name is in an element of its own, and in the script that `show` quotes it is as it was written.
            bad = raw(text) + (["a forged line"] if face != "text/html" and text_forges(text) else [])
            if bad:
                found[verb, face] = bad
    assert not found


def test_what_is_foreseen_found_and_changed_is_said_in_lines_of_its_own(hostile: Project) -> None:
    """What a plan will do, what lint says of it, and what it changed: names in all of them, also in cells of HTML."""
    migrator, name = hostile.migrator(), f'"{FORGED}"'
    migrator.migrate()
    hostile.write(
        "c",
        f"ALTER TABLE public.{name} ADD COLUMN {name} text NOT NULL, ALTER COLUMN i TYPE bigint;\n"
        f"CREATE INDEX ON public.{name} (i);\nDROP TABLE {name}.{name};\nDELETE FROM public.{name};",
        f"DROP TABLE public.{name};",
    )
    plan = migrator.plan()
    results: dict[str, Result] = {
        "plan": plan,
        "full plan": plan.full(),
        "Markdown": plan.markdown(),
        "lint": migrator.lint(),
        "all of lint": migrator.lint(everything=True),
        "run": migrator.migrate(),
        "changes": migrator.changes(),
        "changes of one": migrator.changes("a"),
    }
    found: dict[tuple[str, str], list[str]] = {}
    for verb, result in results.items():
        bundle, metadata = result._repr_mimebundle_()
        shown = bundle | {"text": "\n".join(result.lines(times=True)), "metadata": str(metadata)}
        for face, text in shown.items():
            assert r"\x9b31m" in text or face == "metadata", (verb, face)
            # The SQL of a plan stands in an element or a fence of its own, as the file has it.
            may_forge = verb == "Markdown" or (face, verb) in {("text/html", "plan"), ("text/html", "full plan")}
            bad = raw(text) + (["a forged line"] if text_forges(text) and not may_forge else [])
            if bad:
                found[verb, face] = bad
    assert not found


def test_json_holds_only_escapes(
    hostile: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader of `--json` gets the very text, and a terminal that it is shown on gets nothing to obey."""
    monkeypatch.chdir(hostile.root)
    monkeypatch.setenv("DATABASE_URL", hostile.database)
    for words in (
        ["migrate:status"],
        ["migrate"],
        ["migrate:history"],
        ["query", f'SELECT * FROM "{FORGED}"."{FORGED}"'],
        ["query", f"SELECT '{EVIL}'::int"],
        ["migrate:show", EVIL],
        ["migrate:diagram", "--schema", FORGED],
    ):
        cli.main([*words, "--json"])
        out, err = capsys.readouterr()
        assert not raw(out + err), words
        assert "é" in out, "letters stay letters"
        texts = list(walk(json.loads(out)))
        assert any(EVIL in text for text in texts) or "error" in texts
        cli.main(words)
        out, err = capsys.readouterr()
        assert not raw(out + err), words


def test_what_a_terminal_is_asked_holds_only_escapes(hostile: Project) -> None:
    """`fresh` lists what it drops before it asks."""
    hostile.migrator().migrate()
    output, code = in_terminal(hostile, ["migrate:fresh"], "no")
    assert code == 2
    assert "\\x1b]0;t" in output
    assert not raw(output.replace("\r", ""))


def test_a_run_under_way_shows_only_escapes() -> None:
    """What the panel draws: who is waited for, what the server says, whose lock it is, how it ends."""
    session = LockSession(QueuePart.BLOCKS, 1, FORGED, FORGED, None, 1.0, 1.0, EVIL, f"table {FORGED}", None)
    events = (
        LockAwaited(FORGED),
        NoticeReceived(FORGED, "NOTICE", FORGED),
        StatementWatched(FORGED, None, 2.0, ServerProgress("CREATE INDEX", "scan", FORGED), Blockage((session,))),
        RunFailed(ConfigurationError(FORGED)),
        RunFailed(ValueError(EVIL)),
    )
    progress = RunProgress()
    for event in events:
        progress = advance(progress, event)
        for text in walk(progress_state(progress)):
            assert not raw(text)
            assert not text_forges(text)


def test_files_and_inline_data_are_quoted_as_escapes(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be read, a folder of that name, and a line of COPY data that the server refuses."""
    folder = project.root / EVIL
    folder.mkdir()
    (folder / f"2026_01_01_00_00_{EVIL}.sql").write_text("-- UP\nCREATE TABLE t (i int);\n")
    (folder / "2026_01_01_00_01_b.sql").write_text(f"-- UP\nCREATE TABLE u (i int);\nCOPY u FROM stdin;\n{EVIL}\n\\.\n")
    place = ["--database", project.database, "--dir", str(folder)]
    for words in (["migrate:status"], ["migrate"], ["migrate:show", "b"], ["migrate:make", EVIL]):
        for more in ([], ["--json"]):
            cli.main([*words, *place, *more])
            assert not raw("".join(capsys.readouterr())), words
    next(folder.glob("*00_00_*")).unlink()
    assert cli.main(["migrate", *place]) == 1
    assert not raw("".join(capsys.readouterr()))


def walk(value: object) -> Iterator[str]:
    """The texts in a JSON document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from (key, *walk(each))
    elif isinstance(value, list):
        for each in value:
            yield from walk(each)
