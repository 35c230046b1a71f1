"""The terminal: commands that fsapi users know, exit codes, `--json`, and that stdout is for the result alone."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fsapi_nb import cli
from fsapi_nb.commands import QUERY, VERBS, find_verb, parser_of
from tests.conftest import Project

ROOT = Path(__file__).parents[2]


class Terminal:
    """Runs commands in a project, in this process."""

    def __init__(self, project: Project, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capture = capture
        patch.chdir(project.root)
        patch.setenv("DATABASE_URL", project.database)

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """The exit code, stdout and stderr."""
        code = cli.main(words)
        captured = self._capture.readouterr()
        return code, captured.out, captured.err

    def json(self, *words: str) -> Any:
        """The one document on stdout."""
        return json.loads(self(*words, "--json")[1])


@pytest.fixture
def terminal(project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(project, capsys, monkeypatch)


def test_the_commands_of_fsapi_work(project: Project, terminal: Terminal) -> None:
    """make, pending, migrate, query, rollback, fresh: as documented for fsapi."""
    code, out, _ = terminal("migrate:make", "create_users")
    name = Path(out.split()[0]).name
    assert code == 0
    assert re.fullmatch(r"migrations/\d{4}(_\d\d){4}_create_users\.sql was created\.", out.strip())
    (project.folder / name).write_text("-- UP\nCREATE TABLE users (i int);\n-- DOWN\nDROP TABLE users;\n")
    assert name in terminal("migrate:pending")[1]
    assert terminal("migrate")[0] == 0
    assert "Nothing is pending" in terminal("migrate:pending")[1]
    assert terminal("query", "SELECT name FROM migrations ORDER BY id DESC LIMIT 5")[1].splitlines()[2].strip() == name
    assert terminal("migrate:rollback")[0] == 0
    assert not project.has("users")
    assert terminal("migrate:fresh", "--yes")[0] == 0
    assert project.has("users")


def test_make_never_takes_a_minute_twice(project: Project, terminal: Terminal) -> None:
    """Nor a name that sorts before a file that is there."""
    project.write("far", "SELECT 1;", name="2999_12_31_23_59_far.sql")
    names = [Path(terminal("migrate:make", f"m{i}")[1].split()[0]).name for i in range(3)]
    assert names == ["3000_01_01_00_00_m0.sql", "3000_01_01_00_01_m1.sql", "3000_01_01_00_02_m2.sql"]


def test_a_second_file_of_the_same_words_is_said(project: Project, terminal: Terminal) -> None:
    """It may be meant; it may be typed twice."""
    first = Path(terminal("make", "add_x")[1].split()[0]).name
    _, out, _ = terminal("make", "add_x")
    assert f"there is one of the same words already: `sapi migrate:show {first}`" in out
    assert "the same words" not in terminal("make", "add_y")[1]


@pytest.mark.parametrize("name", ["a/b", "../up", "", ".", "x;y", "é\x00"])
def test_make_refuses_names_that_are_none(project: Project, terminal: Terminal, name: str) -> None:
    """A path is no name; nothing is written anywhere."""
    code, out, err = terminal("migrate:make", name)
    assert (code, out) == (2, "")
    assert "cannot be a migration's name" in err
    assert list(project.root.rglob("*.sql")) == []


def test_an_unfilled_template_is_not_applied(project: Project, terminal: Terminal) -> None:
    """It would be recorded as done while nothing was."""
    terminal("migrate:make", "later")
    code, _, err = terminal("migrate")
    assert code == 1
    assert "still the empty template" in err
    assert project.applied() == []


def test_exit_codes(project: Project, terminal: Terminal) -> None:
    """0 done, 1 failed, 2 bad usage or configuration, 3 for a check that found something."""
    project.write("bad", "SELECT 1/0;")
    assert terminal("migrate:status")[0] == 0
    assert terminal("migrate:status", "--check")[0] == 3
    assert terminal("migrate:pending", "--check")[0] == 3
    assert terminal("migrate:plan", "--check")[0] == 3
    assert terminal("migrate")[0] == 1
    assert terminal("migrate:nothing")[0] == 2
    assert terminal("migrat")[0] == 2
    assert terminal("migrate", "--frob")[0] == 2
    assert terminal("migrate:rollback", "one")[0] == 2
    assert terminal("migrate", "--database", "nope")[0] == 2
    assert terminal("migrate", "--dir", str(project.root / "nowhere"))[0] == 2
    assert terminal("migrate", "--set", "env")[0] == 2
    assert terminal("migrate:fresh")[0] == 2


def test_a_check_that_finds_nothing_is_0(project: Project, terminal: Terminal) -> None:
    """For CI."""
    project.write("good", "SELECT 1;")
    terminal("migrate")
    assert [terminal(f"migrate:{verb}", "--check")[0] for verb in ("status", "pending", "plan")] == [0, 0, 0]


def test_json_is_one_document_on_stdout(project: Project, terminal: Terminal) -> None:
    """For every verb, errors included; what is for people goes to stderr."""
    name = project.write("one", "CREATE TABLE one (i int);", "DROP TABLE one;")
    assert terminal.json("migrate:status")["migrations"][0]["state"] == "pending"
    status = terminal.json("migrate:pending")
    subject = {key: status[key] for key in ("database", "server", "protected")}
    assert f"{subject['database']} ({subject['server']})" == project.label
    assert status["migrations"][0]["name"] == name
    (statement,) = terminal.json("migrate:plan")["steps"][0]["parts"][0]["statements"]
    assert (statement["line"], statement["kind"]) == (2, "CREATE TABLE")
    assert terminal.json("migrate")["done"][0]["name"] == name
    assert terminal.json("migrate:redo")["done"][1]["direction"] == "up"
    assert terminal.json("migrate:history")["events"][0]["state"] == "done"
    assert terminal.json("migrate:repair", "one") == {**subject, "verb": "repair", "names": []}
    assert terminal.json("migrate:rollback")["done"][0]["direction"] == "down"
    assert terminal.json("migrate:baseline", "one")["done"][0]["name"] == name
    assert terminal.json("migrate:fresh", "--yes")["dropped"] == []
    assert terminal.json("migrate:make", "two")["action"] == "created"
    assert terminal.json("query", "SELECT 1 AS a, NULL")["results"][0]["rows"] == [[1, None]]
    assert terminal.json("migrate:rollback", "--to", "nope")["error"] == "UnknownMigration"
    assert terminal.json("migrate", "--frob")["error"] == "UsageError"
    project.write("bad", "SELECT\n  nope;", name="3000_01_01_00_00_bad.sql")
    (project.folder / terminal.json("migrate:status")["migrations"][1]["name"]).unlink()
    error = terminal.json("migrate")
    assert (error["line"], error["column"], error["sqlstate"]) == (3, 3, "42703")


def test_global_options_may_stand_before_the_command(project: Project, terminal: Terminal) -> None:
    """As with git and docker."""
    project.write("one", "CREATE TABLE one AS SELECT current_setting('fsapi.env', true) AS env;")
    assert terminal("--set", "env=dev", "--dir", str(project.folder), "migrate")[0] == 0
    assert project.value("SELECT env FROM one") == "dev"


def test_help_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """And has one width everywhere else: a notebook stores it."""
    monkeypatch.setenv("COLUMNS", "60")
    retire = parser_of(find_verb("retire"), prog="sapi migrate:retire")
    assert max(map(len, retire.format_help().splitlines())) > 60
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert max(map(len, retire.format_help().splitlines())) <= 60
    monkeypatch.setenv("COLUMNS", "300")
    assert 60 < max(map(len, retire.format_help().splitlines())) <= 100


@pytest.mark.parametrize(
    "words", [("status",), ("migrate", "status"), ("migrate:status",), ("--json", "migrate", "status")]
)
def test_a_verb_is_understood_however_it_is_typed(project: Project, terminal: Terminal, words: tuple[str, ...]) -> None:
    """Alone, as a notebook has it, and as a command: the meaning is certain."""
    code, out, err = terminal(*words)
    assert (code, err) == (0, "")
    assert (
        (json.loads(out)["migrations"] == [])
        if "--json" in words
        else out.startswith("No migration files in migrations;")
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stats"], "there is no command 'stats'\n→ did you mean `sapi migrate:status`?"),
        (["migrate:stats"], "there is no verb 'stats'\n→ did you mean status?"),
        (["qury", "SELECT 1"], "there is no command 'qury'\n→ did you mean `sapi query`?"),
        (["nonsense"], "there is no command 'nonsense'\n→ `sapi --help` lists the commands."),
        (["status", "--databse", "x"], "sapi status has no option --databse\n→ did you mean --database?"),
        (["--databse=x", "status"], "sapi has no option --databse\n→ did you mean --database?"),
        (["migrate", "yes"], "sapi migrate: the word 'yes' is too much\n→ did you mean --yes?"),
        (["migrate", "x y"], "sapi migrate: what was typed is too much\n→ `sapi migrate --help` shows what it takes."),
        (["rollback", "x"], "sapi rollback: N: the word 'x' is not a whole number"),
        (["migrate", "--max-wait", "x"], "sapi migrate: --max-wait: the word 'x' is not a number"),
        (["rename"], "sapi rename: OLD and NEW are missing\n→ write `sapi rename OLD NEW`; `sapi rename --help` shows"),
        (["query"], "sapi query: SQL is missing\n→ write `sapi query SQL`;"),
        (["migrate", "--to"], "sapi migrate: --to: its value is missing"),
        (["migrate", "--yes=1"], "sapi migrate: --yes: it takes no value"),
    ],
)
def test_a_slip_is_named_with_what_was_meant(terminal: Terminal, words: list[str], message: str) -> None:
    """In one or two lines: no list of all options, and no words of Python's."""
    code, _, err = terminal(*words)
    assert code == 2
    assert f"error: {message}" in err
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize(
    "words", [["rollback", "{}"], ["status", "--databse={}"], ["status", "--databse", "{}"], ["status", "{}"]]
)
def test_a_slip_beside_an_address_does_not_show_it(terminal: Terminal, words: list[str]) -> None:
    """It may hold a password."""
    code, out, err = terminal(*(word.format("postgresql://me:hunter2@localhost/shop") for word in words))
    assert code == 2
    assert "hunter2" not in out + err


def test_the_words_of_a_new_migration_need_no_quotes(project: Project, terminal: Terminal) -> None:
    """They are joined."""
    code, out, _ = terminal("make", "Create", "Orders")
    assert code == 0
    assert re.fullmatch(r"migrations/\d{4}(_\d\d){4}_create_orders\.sql was created\.", out.strip())


def test_query_runs_several_statements_in_one_transaction(project: Project, terminal: Terminal) -> None:
    """All results are shown; a failure undoes all of it."""
    sql = "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL) RETURNING *; SELECT count(*) FROM t"
    code, out, _ = terminal("query", sql)
    assert code == 0
    assert out == (
        "CREATE TABLE\n a | b\n---+------\n 1 | x\n 2 | NULL\n(2 rows)\n count\n-------\n     2\n(1 row)\n"
        f"on {project.label}\n"
    )
    code, _, err = terminal("query", "DELETE FROM t;\nSELECT nope")
    assert code == 1
    assert "  2 | SELECT nope\n    |        ^" in err
    assert project.value("SELECT count(*) FROM t") == 2


def test_query_reads_standard_input(project: Project, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `-`."""
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 'from stdin'"))
    assert "from stdin" in terminal("query", "-")[1]


def test_what_a_database_holds_cannot_drive_the_terminal(project: Project, terminal: Terminal) -> None:
    """Escape sequences in values, notices and errors are written out."""
    _, out, err = terminal("query", "SELECT E'\\x1b[31mred\\x1b]0;title\\x07' AS \"a\x1b[2J\"")
    assert "\x1b" not in out + err
    project.write("x", "DO $$ BEGIN RAISE EXCEPTION E'\\x1b[2Jgone'; END $$;")
    _, out, err = terminal("migrate")
    assert "gone" in err
    assert "\x1b" not in out + err


def test_a_pipe_gets_nothing_while_it_runs(project: Project, terminal: Terminal) -> None:
    """What the server said is in the result, on stdout; stderr is for errors."""
    project.write("warn", "DO $$ BEGIN RAISE WARNING 'careful'; END $$;")
    _, out, err = terminal("migrate")
    assert err == ""
    assert f"Applied 1 migration on {project.label}." in out
    assert "WARNING: careful" in out


def test_who_blocked_is_told_with_the_error(project: Project, terminal: Terminal) -> None:
    """Below it, with pid; with `--json` in the document."""
    project.rows("CREATE TABLE users (i int)")
    project.write("phone", "ALTER TABLE users ADD phone text;")
    words = ["migrate", "--lock-timeout", "3s", "--max-wait", "0"]
    with psycopg.connect(project.database, application_name="report") as blocker:
        blocker.execute("SELECT * FROM users")
        pid = blocker.info.backend_pid
        code, out, err = terminal(*words)
        document = terminal.json(*words)
    assert (code, out) == (1, "")
    assert (
        f"\n1 session blocks the migration on {project.label}.\n  blocks pid {pid}, postgres, report, idle in transaction, for "
        in err
    )
    assert [session["pid"] for session in document["blockers"]["sessions"]] == [pid]


def test_help_names_every_verb_and_option(terminal: Terminal) -> None:
    """From the one table that the magics use, too."""
    overview = terminal("--help")[1]
    assert all(verb.name in overview for verb in (*VERBS, QUERY))
    code, out, _ = terminal("migrate:rollback", "--help")
    assert code == 0
    assert all(option in out for option in ("--to", "--all", "--yes", "--database", "--dir", "--json"))


def test_fresh_asks_on_a_terminal(project: Project) -> None:
    """It shows what it will drop and waits for `yes`; anything else drops nothing."""
    project.write("t", "CREATE TABLE t (i int);")
    project.migrator().migrate()
    project.rows("INSERT INTO t VALUES (1)")
    for answer, code, rows in (("no", 2, 1), ("yes", 0, 0)):
        output, status = in_terminal(project, ["migrate:fresh"], answer)
        assert "table public.t" in output
        assert status == code
        assert project.value("SELECT count(*) FROM t") == rows


def in_terminal(project: Project, words: list[str], answer: str) -> tuple[str, int]:
    """Run a command on a pseudo-terminal, answer its question; what it showed, and its exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project.root)
        os.environ["DATABASE_URL"] = project.database
        os.execv(sys.executable, [sys.executable, "-m", "fsapi_nb.cli", *words])
    shown = b""
    while b"Type yes" not in shown:
        shown += os.read(terminal, 10_000)
    os.write(terminal, answer.encode() + b"\n")
    while True:
        try:
            piece = os.read(terminal, 10_000)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(status)


def test_sapi_py_is_the_same_program(project: Project) -> None:
    """`python sapi.py`, `python -m fsapi_nb.cli` and the console script."""
    environment = os.environ | {"DATABASE_URL": project.database}
    commands = [[sys.executable, str(ROOT / "sapi.py")], [str(Path(sys.executable).parent / "sapi")]]
    for command in commands:
        done = subprocess.run(
            [*command, "query", "SELECT 42"], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[2].strip() == "42"


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda name: name.name)
def test_ctrl_c_ends_with_130_and_says_where_things_stand(project: Project, name: signal.Signals) -> None:
    """So do SIGTERM and SIGHUP: the server's statement ends, nothing is left, no Python traceback is shown."""
    project.write("slow", "CREATE TABLE t (i int);\nSELECT pg_sleep(60);")
    environment = os.environ | {"DATABASE_URL": project.database}
    command = [sys.executable, "-m", "fsapi_nb.cli", "migrate"]
    process = subprocess.Popen(command, cwd=project.root, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not project.value(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%')"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(name)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "left nothing behind" in err
    assert "Traceback" not in err
    assert (
        project.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%'"
        )
        == 0
    )
