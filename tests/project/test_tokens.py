"""Databases that are reached as people reach them: a program that prints a token, a function that connects.

The server asks for passwords (scram), and each token is the role's password of its moment.
"""

from __future__ import annotations

import logging
import sys
import traceback
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb import Migrator, cli
from fsapi_nb.errors import CannotConnect, ConfigurationError, ConfirmationRequired, FsapiError
from tests.conftest import Project
from tests.project.test_connector import DIES_IN_COMMIT

# Makes a new password the role's own, prints it, and keeps a list of what it was asked.
_PROGRAM = """
import pathlib, secrets, sys
import psycopg
from psycopg import sql
admin, role, log, *asked = sys.argv[1:]
token = "canary" + secrets.token_hex(8)
with psycopg.connect(admin, autocommit=True) as connection:
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(token)))
with pathlib.Path(log).open("a") as file:
    file.write(" ".join(asked) + "\\n")
print(token)
print("a second line")
"""


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """That a project may run its programs is for the tests of trust."""
    monkeypatch.setenv("FSAPI_NB_TRUST", "1")


@dataclass
class Guarded:
    """A project whose database lets its role in by a password only."""

    project: Project
    role: str
    log: Path

    @property
    def url(self) -> str:
        """The address of the role, without a password."""
        parts = conninfo_to_dict(self.project.database)
        return make_conninfo("", host=parts["host"], port=parts.get("port"), dbname=parts["dbname"], user=self.role)

    @property
    def runs(self) -> list[str]:
        """What the program was asked each time."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def command(self) -> list[str]:
        """The program that makes a token."""
        program = self.project.root / "make_token.py"
        program.write_text(_PROGRAM)
        return [sys.executable, str(program), self.project.database, self.role, str(self.log)]

    def configure(self, *words: str, keys: str = "", command: list[str] | None = None) -> Migrator:
        """The migrator of the database `prod`, whose password the program prints."""
        arguments = [*(command or self.command()), *words]
        (self.project.root / "pyproject.toml").write_text(
            f"[tool.fsapi_nb.databases.prod]\nurl = {self.url!r}\npassword_command = {arguments!r}\n{keys}\n"
        )
        return self.project.migrator(database="prod")


@pytest.fixture
def guarded(project: Project) -> Iterator[Guarded]:
    """A role of its own that must give a password, in the server's own rules; both are taken away again."""
    role = f"token_{conninfo_to_dict(project.database)['dbname']}"
    rules = Path(project.value("SHOW hba_file"))
    before = rules.read_text()
    name = sql.Identifier(role)
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER").format(name))
        rules.write_text(f"local all {role} scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        yield Guarded(project, role, project.root / "asked.log")
        rules.write_text(before)
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(name))
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(name))


def test_each_connection_has_a_token_of_its_own(guarded: Guarded) -> None:
    """The one before is not valid any more; the connection that watches, and one that replaces a lost one, ask again."""
    project = guarded.project
    project.write("one", "CREATE TABLE first (i int);")
    migrator = guarded.configure(keys='password_for = "0s"')
    migrator.migrate()
    assert [status.state.value for status in migrator.status().statuses] == ["applied"]
    migrator.blockers()  # which opens a second connection
    assert len(guarded.runs) >= 4
    project.write("two", DIES_IN_COMMIT)
    before = len(guarded.runs)
    with pytest.raises(FsapiError):
        migrator.migrate()
    assert len(guarded.runs) >= before + 2
    assert not project.has("one")
    with migrator.connect() as connection:
        assert connection.info.user == guarded.role


def test_a_token_is_used_again_for_a_while(guarded: Guarded) -> None:
    """One run of the program for many connections, and for threads that ask at once."""
    migrator = guarded.configure()
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: migrator.status(), range(8)):
            assert found.statuses == ()
    migrator.query("SELECT 1")
    guarded.project.migrator(database="prod").status()
    assert len(guarded.runs) == 1


def test_a_token_that_is_refused_is_asked_for_again(guarded: Guarded) -> None:
    """One that was kept for too long, such as over the sleep of a laptop; a new one that is refused is an error."""
    migrator = guarded.configure()
    migrator.status()
    guarded.project.rows(f"ALTER ROLE {guarded.role} PASSWORD 'another'")
    migrator.status()
    assert len(guarded.runs) == 2
    wrong = guarded.configure(command=[sys.executable, "-c", "print('canary')"])
    with pytest.raises(CannotConnect, match="password authentication failed"):
        wrong.status()


def test_host_port_and_user_are_those_of_the_connection(guarded: Guarded) -> None:
    """They are put in as they are: no shell sees them, or anything else of the command."""
    guarded.configure("{user}@{host}:{port}", "$HOME; touch x", "{other").status()
    host = conninfo_to_dict(guarded.url)["host"]
    assert guarded.runs == [f"{guarded.role}@{host}:5432 $HOME; touch x {{other"]
    assert not (guarded.project.root / "x").exists()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("print('canary'); raise SystemExit('no canary today')", "failed with exit code 1"),
        ("import sys; sys.stderr.write('sign in first')", "printed nothing on its first line"),
        ("print(); print('canary')", "printed nothing on its first line"),
    ],
)
def test_a_program_that_fails_is_told_without_what_it_printed(guarded: Guarded, program: str, message: str) -> None:
    """What it said on stderr is shown, and its exit code."""
    with pytest.raises(CannotConnect, match=message) as caught:
        guarded.configure(command=[sys.executable, "-c", program]).status()
    assert "canary" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_program_that_is_not_there_is_told(guarded: Guarded) -> None:
    """By its name."""
    with pytest.raises(ConfigurationError, match="password_command cannot run 'no-such-program': No such file"):
        guarded.configure(command=["no-such-program", "{host}"]).status()


def test_a_token_is_shown_nowhere(guarded: Guarded, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Not in an error, a traceback with its values, a repr, a result, a log or the journal."""
    caplog.set_level(logging.DEBUG)
    guarded.project.write("bad", "SELECT nope;")
    migrator = guarded.configure(keys='password_for = "1h"')
    shown = [repr(migrator.status()), repr(vars(migrator)), str(migrator.history().to_json())]
    for change in (lambda: migrator.migrate(), lambda: migrator.query("SELECT nope")):
        with pytest.raises(FsapiError) as caught:
            change()
        shown += [
            str(caught.value),
            *traceback.TracebackException.from_exception(caught.value, capture_locals=True).format(),
        ]
    guarded.project.rows(f"ALTER ROLE {guarded.role} NOLOGIN")
    with pytest.raises(CannotConnect) as refused:
        migrator.status()
    shown += traceback.TracebackException.from_exception(refused.value, capture_locals=True).format()
    assert "canary" not in "".join(shown) + caplog.text


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://u:secret@h/d", "has a password and a password_command"),
        ("postgresql://u@a,b/d", "its address names several hosts"),
        ("service=nowhere", "its service is in no service file"),
    ],
)
def test_a_command_for_no_one_place_is_refused(tmp_path: Path, url: str, message: str) -> None:
    """Before it is run."""
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.fsapi_nb.databases.prod]\nurl = {url!r}\npassword_command = ['touch', '{tmp_path}/ran', '{{host}}']\n"
    )
    with pytest.raises(ConfigurationError, match=message):
        Migrator("prod", tmp_path).status()
    assert not (tmp_path / "ran").exists()


def test_a_database_with_a_command_is_protected_as_any_other(guarded: Guarded) -> None:
    """By its name, and where a plain URL leads to the same place."""
    guarded.project.write("one", "CREATE TABLE one (i int);")
    named = guarded.configure(keys="protected = true")
    for migrator in (named, guarded.project.migrator()):
        with pytest.raises(ConfirmationRequired):
            migrator.migrate()


# -- connect = "package.module:function" ------------------------------------------------------------------------------


def connecting(project: Project, body: str, *, function: str = "connect", keys: str = "") -> Migrator:
    """A migrator of the database `prod`, which a module of the project opens."""
    module = f"access_{uuid.uuid4().hex}"
    (project.root / f"{module}.py").write_text(f"import psycopg\nADDRESS = {project.database!r}\n{body}\n")
    (project.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nconnect = "{module}:{function}"\n{keys}\n'
    )
    return project.migrator(database="prod")


@pytest.mark.parametrize(
    "body",
    [
        "def connect(): return psycopg.connect(ADDRESS)",
        "def connect(name): assert name == 'prod'; return psycopg.connect(ADDRESS)",
        "class Access:\n    @staticmethod\n    def open(name, *, retries=3): return psycopg.connect(ADDRESS)",
    ],
    ids=["without an argument", "with the name", "of a class"],
)
def test_a_function_of_the_project_opens_each_connection(
    project: Project, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """It is found from the project's root, wherever the command is typed."""
    project.write("one", "CREATE TABLE one (i int);")
    connecting(project, body, function="Access.open" if "Access" in body else "connect").migrate()
    assert project.has("one")
    (project.root / "elsewhere").mkdir()
    monkeypatch.chdir(project.root / "elsewhere")
    assert cli.main(["migrate:status", "--check", "--database", "prod"]) == 0


@pytest.mark.parametrize(
    ("body", "function", "message"),
    [
        ("", "connect", "there is no function connect in access_"),
        ("connect = 3", "connect", "there is no function connect in access_"),
        ("raise ValueError('postgresql://u:canary@h/d')", "connect", "cannot be imported: ValueError"),
        ("def connect(): return 3", "connect", "did not return a psycopg 3 connection"),
    ],
)
def test_what_opens_no_connection_is_refused(project: Project, body: str, function: str, message: str) -> None:
    """With what is wrong, and without a password that it says."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        connecting(project, body, function=function).status()
    assert "canary" not in str(caught.value)


def test_a_database_that_a_function_opens_is_protected_by_name_and_in_doubt(project: Project) -> None:
    """Nothing says where it leads, so that any other place is in doubt, but one that says `protected = false`."""
    project.write("one", "CREATE TABLE one (i int);")
    open_ = f"[tool.fsapi_nb.databases.dev]\nurl = {project.database!r}\n"
    body = "def connect(): return psycopg.connect(ADDRESS)"
    connecting(project, body, keys=f"protected = true\n{open_}")
    for database in ("prod", "dev", project.database):
        with pytest.raises(ConfirmationRequired):
            project.migrator(database=database).migrate()
    connecting(project, body, keys=f"protected = true\n{open_}protected = false\n")
    project.migrator(database="dev").migrate()
    assert project.has("one")
