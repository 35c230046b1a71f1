"""A secret for each way in to a database, which is looked for in all that fsapi_nb shows, writes and keeps."""

from __future__ import annotations

import logging
import os
import pickle
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb import Migrator, cli
from fsapi_nb.commands import VERBS
from fsapi_nb.errors import FsapiError
from fsapi_nb.history import store
from fsapi_nb.postgres import protection
from fsapi_nb.postgres.wait import StoppableConnection
from fsapi_nb.project import dsn
from tests.canary import CANARY, traces
from tests.conftest import Project
from tests.notebook.conftest import Cells
from tests.notebook.panels import press_everything, told
from tests.verbs.on_scratch import scratch_on

Patch = pytest.MonkeyPatch
#: What runs a command that gets a password: it starts ten times as fast as a Python.
SHELL = "/bin/sh"


def _url(project: Project) -> str:
    parts = conninfo_to_dict(project.database)
    place = quote(str(parts["host"]), safe="")
    return (
        f"postgresql://postgres:{quote(CANARY, safe='')}@/{parts['dbname']}?host={place}&port={parts.get('port', 5432)}"
    )


def _toml(project: Project, text: str) -> str:
    (project.root / "pyproject.toml").write_text(f"[tool.fsapi_nb.databases.prod]\n{text}\n")
    return "prod"


def _by_dotenv(project: Project, text: str) -> None:
    (project.root / ".env").write_text(text)


def _by_parts(project: Project, patch: Patch) -> None:
    parts = conninfo_to_dict(project.database)
    given = {"DB_HOST": parts["host"], "DB_PORT": parts.get("port", 5432), "DB_NAME": parts["dbname"]}
    for name, value in {**given, "DB_USER": "postgres", "DB_PASS": CANARY}.items():
        patch.setenv(name, str(value))


def _by_variables(project: Project, patch: Patch) -> None:
    parts = conninfo_to_dict(project.database)
    given = {"PGHOST": parts["host"], "PGPORT": parts.get("port", 5432), "PGDATABASE": parts["dbname"]}
    for name, value in {**given, "PGUSER": "postgres", "PGPASSWORD": CANARY}.items():
        patch.setenv(name, str(value))


def _by_service(project: Project, patch: Patch) -> str:
    parts = conninfo_to_dict(project.database)
    file = project.root / "services.conf"
    keys = {"host": parts["host"], "port": parts.get("port", 5432), "dbname": parts["dbname"], "user": "postgres"}
    file.write_text("[s]\n" + "\n".join(f"{key}={value}" for key, value in {**keys, "password": CANARY}.items()))
    patch.setenv("PGSERVICEFILE", str(file))
    patch.setenv("FSAPI_NB_TRUST", "1")
    return _toml(project, 'url = "service=s"')


def _by_variable_of_a_name(project: Project, patch: Patch) -> str:
    patch.setenv("SHOP", _url(project))
    return _toml(project, 'url_env = "SHOP"')


def _by_command(project: Project, patch: Patch) -> str:
    patch.setenv("FSAPI_NB_TRUST", "1")
    (project.root / "get.sh").write_text(f"echo '{CANARY}'\n")
    command = [SHELL, str(project.root / "get.sh"), "--token", CANARY]
    return _toml(project, f"url = {project.database!r}\npassword_command = {command!r}")


def _by_function(project: Project, patch: Patch) -> str:
    patch.setenv("FSAPI_NB_TRUST", "1")
    patch.syspath_prepend(str(project.root))
    module = f"access_{conninfo_to_dict(project.database)['dbname']}"
    address = make_conninfo(project.database, password=CANARY)
    (project.root / f"{module}.py").write_text(f"import psycopg\ndef open(): return psycopg.connect({address!r})\n")
    return _toml(project, f'connect = "{module}:open"')


WAYS: dict[str, Callable[[Project, Patch], str | None]] = {
    "option": lambda project, _: _url(project),
    "option of keywords": lambda project, _: make_conninfo(project.database, password=CANARY),
    "DATABASE_URL": lambda project, patch: patch.setenv("DATABASE_URL", _url(project)),
    "DB_PASS": _by_parts,
    ".env": lambda project, _: _by_dotenv(project, f"DATABASE_URL={_url(project)}\n"),
    "pyproject.toml": lambda project, _: _toml(project, f'url = "{_url(project)}"\nprotected = false'),
    "url_env": _by_variable_of_a_name,
    "service file": _by_service,
    "PGPASSWORD": _by_variables,
    "password_command": _by_command,
    "connect": _by_function,
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, project: Project, monkeypatch: Patch) -> str | None:
    """What is typed for a database that is reached in one of the ways."""
    monkeypatch.chdir(project.root)
    return WAYS[request.param](project, monkeypatch)


@pytest.fixture(autouse=True)
def _no_scratch_server(server: str, project: Project, monkeypatch: Patch) -> Iterator[None]:
    """The tests' server is the scratch server, too."""
    with scratch_on(server, project, monkeypatch):
        yield


@dataclass
class Traceable:
    """What a process leaves where others may look: its children, and files in the home, the project and for a moment."""

    folders: list[Path]
    children: list[tuple[list[str], dict[str, str]]] = field(default_factory=list)

    def files(self) -> set[Path]:
        """Those that hold the secret."""
        found = (file for folder in self.folders for file in folder.rglob("*") if file.is_file())
        return {file for file in found if traces(file.read_bytes().decode("latin-1"))}


@pytest.fixture
def left(project: Project, monkeypatch: Patch, tmp_path_factory: pytest.TempPathFactory) -> Traceable:
    """A home and a folder for temporary files of its own, and the programs that are begun with arguments and environment."""
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("temporary")
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # of the module that a `connect` names
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    found = Traceable([home, scratch, project.root])
    begin = subprocess.Popen.__init__

    def begun(process: subprocess.Popen[Any], arguments: Any, *more: Any, **options: Any) -> None:
        environment = options.get("env")
        found.children.append((list(arguments), dict(os.environ if environment is None else environment)))
        begin(process, arguments, *more, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", begun)
    return found


def _all_rows(project: Project) -> str:
    tables = project.rows("SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v') AND oid >= 16384")
    return "\n".join(str(project.rows(f"SELECT t::text FROM {table} t")) for (table,) in tables)


def test_no_command_shows_or_keeps_a_password(
    project: Project, way: str | None, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Those that succeed, and those that fail; as text and as JSON, in logs, files and in the database."""
    caplog.set_level(logging.DEBUG)
    project.write(
        "seen", "CREATE TABLE seen AS SELECT query, application_name FROM pg_stat_activity;", "DROP TABLE seen;"
    )
    named = ["--database", way] if way else []
    codes = [cli.main([*verb.split(), *named]) for verb in ("migrate", "migrate:status", "migrate:history --json")]
    project.write("broken", "SELECT nothing;")
    failing = ("migrate", "migrate --json", "migrate:show seen", "migrate:plan", "query nonsense", "migrate:to")
    codes += [cli.main([*verb.split(), *named]) for verb in failing]
    assert codes == [0, 0, 0, 1, 1, 0, 0, 1, 2]
    printed = capfd.readouterr()
    assert not traces(printed.out + printed.err + caplog.text + _all_rows(project))


#: What is typed of each verb: first what succeeds, then what does not. `a` and `b` are applied, `b` is edited, `gone`
#: has no file.
TYPED: dict[str, tuple[str, ...]] = {
    "status": ("", "--check"),
    "pending": ("", "--check"),
    "plan": ("", "rollback", "fresh", "redo nowhere"),
    "show": ("{a}", "nowhere"),
    "lint": ("", "{b} --all", "--check", "nowhere"),
    "changes": ("", "nowhere"),
    "drift": ("", "--check"),
    "diff": ("database database", "folder database", "database nowhere"),
    "history": ("", "-n 2"),
    "blockers": ("",),
    "diagram": ("", "--changes {a}", "--mermaid", "nothing", "--around nothing"),
    "schema": ("", "a", "a --profile", "a --profile --exact", "--unused", "nothing", "--write", "--check"),
    "repair": ("{b}", "nowhere"),
    "retire": ("{gone}", "{a}", "--undo {gone}", "{gone}"),
    "migrate": ("--allow-unparsed", "--to nowhere", "-n 0"),
    "rename": ("{a} {b}", "nowhere {a}"),
    "resolve": ("{a} --done",),
    "baseline": ("nowhere", "{a}"),
    "redo": ("--yes", "nowhere"),
    "rollback": ("1", "--to nowhere", "--all"),
    "fresh": ("--yes",),
    "query": ('"SELECT 1 AS one"', '"SELECT nothing"', '"SELECT 1; SELECT 1/0"'),
    "make": ("later",),
    "down": ("{a} --replace", "nowhere"),
    "trust": ("--list", "--yes", "--revoke ."),
    "init": ("made",),
}


def test_no_verb_shows_or_keeps_a_password(
    project: Project,
    way: str | None,
    left: Traceable,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each of them, where it succeeds and where it does not, in a terminal: as text, and as JSON; in no file and process list."""
    assert set(TYPED) == {"query", *(verb.name for verb in VERBS)}
    caplog.set_level(logging.DEBUG)
    names, written = _a_lively_history(project), left.files()
    printed, succeeded = _type_all(names, ["--database", way] if way else [], capfd)
    assert not traces(printed + caplog.text + _all_rows(project)), printed
    assert succeeded >= set(TYPED) - {"rename", "resolve", "baseline"}  # which have nothing to do here
    assert left.files() == written
    # Of a password_command, and of what reads the statements of scripts.
    assert {Path(arguments[0]).name for arguments, _ in left.children} <= {Path(SHELL).name, "squawk"}
    assert not traces(str([each for each in left.children if Path(each[0][0]).name == "squawk"]))


def test_no_verb_shows_or_keeps_a_secret_of_a_script(
    project: Project,
    left: Traceable,
    monkeypatch: Patch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One that is written in scripts and in queries, and one that `--set` takes from the environment: as above."""
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("API_KEY", CANARY)
    caplog.set_level(logging.DEBUG)
    own = f"SELECT set_config('app.jwt_secret', '{CANARY}', true);"
    names, written = _a_lively_history(project, own), left.files()
    named = ["--database", project.database, "--set", "api_key"]
    printed, succeeded = _type_all(names, named, capfd)
    for query in (
        f"SELECT nothing, format('password %L', '{CANARY}')",
        "SELECT current_setting('fsapi.api_key')::int",
        "DO $$ BEGIN RAISE NOTICE 'it is %', current_setting('fsapi.api_key'); END $$",
    ):
        for form in ([], ["--json"]):
            cli.main(["query", query, *form, *named])
    said = capfd.readouterr()
    assert not traces(printed + said.out + said.err + caplog.text + _all_rows(project)), printed
    assert succeeded >= set(TYPED) - {"rename", "resolve", "baseline", "fresh", "rollback", "redo"}
    assert left.files() == written
    assert {Path(arguments[0]).name for arguments, _ in left.children} == {"squawk"}
    assert not traces(str(left.children))


def _type_all(names: dict[str, str], named: list[str], capfd: pytest.CaptureFixture[str]) -> tuple[str, set[str]]:
    """Type every verb, as `TYPED` says; return what was printed, and which verbs succeeded."""
    printed, succeeded = "", set()
    for verb, typed in TYPED.items():
        command = verb if verb in {"init", "migrate", "query", "schema", "trust"} else f"migrate:{verb}"
        for line in typed:
            for form in ([], ["--json"]):
                there = [] if verb in {"init", "trust"} else named
                code = cli.main([command, *shlex.split(line.format(**names)), *form, *there])
                succeeded |= {verb} if code == 0 else set()
        said = capfd.readouterr()
        printed += said.out + said.err
    return printed, succeeded


def test_no_result_in_a_notebook_shows_a_password(
    project: Project, way: str | None, cells: Cells, monkeypatch: Patch
) -> None:
    """Each verb as a magic: its text, its HTML, its JSON and its frame, and what an error shows."""
    names = _a_lively_history(project)
    cells.shell.user_ns["way"] = way and Secretive(way)
    cells.run("%config MigrateMagics.database = way")
    shown = ""
    for verb, typed in TYPED.items():
        magic = {"migrate": "%migrate", "query": "%query"}.get(verb, f"%migrate {verb}")
        for line in typed:
            written = line.format(**names)
            done = cells.shell.run_cell(f"{magic} {written.strip(chr(34)) if verb == 'query' else written}")
            for form in ("_repr_html_", "to_json", "to_frame", "_repr_mimebundle_"):
                shown += str(getattr(done.result, form, str)())
            shown += f"{done.result!r} {cells.said()}"
    shown += _panel_and_completion(project, cells, monkeypatch)
    cells.run("%config MigrateMagics.database = None")
    assert not traces(shown), shown


def _panel_and_completion(project: Project, cells: Cells, monkeypatch: Patch) -> str:
    """All that the panel tells a page, whose every button is pressed, and what Tab offers."""
    project.write("late", "CREATE TABLE late (i int);", "DROP TABLE late;", name="2026_01_01_01_00_late.sql")
    cells.run("%config MigrateMagics.widgets = 'on'")
    with told(monkeypatch) as messages:
        panel = cells.run("%migrate panel")
        press_everything(panel)
    cells.run("%config MigrateMagics.widgets = 'auto'")
    offered = [cells.offered(line) for line in ("%migrate ", "%migrate status --database ", "%query --param ")]
    return f"{messages} {panel} {vars(panel)} {panel._widget.get_state()} {offered} {cells.said()}"


def _a_lively_history(project: Project, more: str = "") -> dict[str, str]:
    """One of everything that verbs have to do with, its scripts with `more`; return the names."""
    names = {
        each: project.write(each, f"CREATE TABLE {each} (i int);{more}", f"DROP TABLE {each};{more}") for each in "ab"
    }
    names["gone"] = project.write("gone", "CREATE TABLE gone (i int);", "DROP TABLE gone;")
    project.migrator().migrate()
    (project.folder / names["gone"]).unlink()
    project.write_text(
        names["b"], f"-- UP\nCREATE TABLE b (i int); {more} SELECT 1;\n\n-- DOWN\nDROP TABLE IF EXISTS b;{more}\n"
    )
    return names


BREAKS: dict[str, tuple[Any, str]] = {
    "reading the settings": (dsn, "own_parts"),
    "connecting": (StoppableConnection, "connect"),
    "looking for the history": (store, "locate"),
    "comparing addresses": (protection, "_best"),
}


@pytest.mark.parametrize("where", BREAKS)
def test_no_traceback_shows_a_password(
    project: Project, way: str | None, cells: Cells, monkeypatch: Patch, where: str
) -> None:
    """Of an exception that nobody expected, with the values of variables, by a magic and by a Migrator."""

    def fail(*_: object, **__: object) -> None:
        raise ValueError("a fault")

    monkeypatch.setattr(*BREAKS[where], fail)
    cells.run("%xmode Verbose")
    cells.shell.user_ns.update(Migrator=Migrator, folder=str(project.folder), way=way and Secretive(way))
    cells.run("%config MigrateMagics.database = way")
    shown = ""
    for cell in ("%migrate status", "Migrator(way, folder).status()"):
        done = cells.shell.run_cell(cell)
        assert done.success or isinstance(done.error_in_exec, ValueError | FsapiError)
        shown += cells.said()
    cells.run("%xmode Context\n%config MigrateMagics.database = None")
    assert not traces(shown), shown


class Secretive(str):
    """The tester's own variable, of which nothing is to be seen."""

    def __repr__(self) -> str:
        return "'...'"


def test_no_value_shows_a_password(project: Project, way: str | None) -> None:
    """Neither what a Migrator holds, however deep it is looked into, nor what is pickled of it."""
    migrator = project.migrator(database=way)
    shown = f"{vars(migrator)} {migrator} {migrator._options.access.address.dsn} {migrator._options.project}"
    try:
        shown += pickle.dumps(migrator).decode("latin-1")
    except FsapiError as error:
        shown += str(error)
    assert not traces(shown)


@pytest.mark.parametrize(
    "typed",
    [
        f"shop:{CANARY}@host/db",
        f"postgresql://shop:{CANARY}@127.0.0.1:1/db",
        f"postgresql://shop:{CANARY}@127.0.0.1:1",
        f"postgresql://shop:{CANARY.replace('@', '?')}@127.0.0.1:1/db",
        f"host=127.0.0.1 port=1 password={CANARY} sslmode=nonsense",
        f"//shop:{CANARY}@host",
        f"mysql://shop:{CANARY}@host/db",
        f"postgresql://shop:{quote(CANARY, safe='')}@127.0.0.1:1/db",
    ],
)
def test_an_address_that_is_wrong_is_not_quoted(
    project: Project, typed: str, capfd: pytest.CaptureFixture[str], monkeypatch: Patch
) -> None:
    """It may be a password with a character that is not encoded; what is in front of it or behind it is none."""
    monkeypatch.chdir(project.root)
    assert cli.main(["migrate:status", "--database", typed]) in {1, 2}
    assert cli.main(["migrate:status", "--json", "--database", typed]) in {1, 2}
    _toml(project, f'url = "{typed}"')
    assert cli.main(["migrate:status", "--database", "prod"]) in {1, 2}
    with pytest.raises(FsapiError) as caught:
        Migrator("prod", project.folder).status()
    printed = capfd.readouterr()
    for part in (CANARY, CANARY.replace("@", "?")):
        assert not traces(printed.out + printed.err + _held(caught.value), part)


def _held(error: BaseException | None) -> str:
    """What a debugger or a collector of errors finds at an error: all it comes from, with the values in every frame."""
    found = ""
    while error is not None:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename != __file__]
        found += f"{error} {error.args} {vars(error)} {[frame.f_locals for frame in frames]}"
        error = error.__cause__ or error.__context__
    return found


@pytest.mark.parametrize(
    "message",
    [
        f"401: token={CANARY} has expired",
        f"{{'password': '{CANARY}'}}",
        f"postgresql://u:{CANARY}@host/d",
        f"Authorization: Bearer {CANARY.replace('@', '-').replace('&', '-')}",
        f"client_secret: {CANARY}",
    ],
)
def test_what_a_function_that_connects_says_is_shown_without_secrets(project: Project, message: str) -> None:
    """A cloud's library quotes what it was given."""

    def connect() -> Any:
        raise RuntimeError(message)

    with pytest.raises(FsapiError) as caught:
        Migrator(connect, project.folder).status()
    assert not traces("\n".join(caught.value.lines()))
    assert "***" in str(caught.value)


def test_settings_are_shown_nowhere(project: Project, tmp_path: Path) -> None:
    """`--set` is how a secret gets to a script, which is stored without it."""
    project.write("key", "CREATE TABLE used AS SELECT current_setting('fsapi.api_key') = '' AS is_empty;")
    migrator = project.migrator(settings={"api_key": CANARY})
    migrator.migrate()
    assert project.rows("SELECT * FROM used") == [(False,)]
    assert not traces(f"{vars(migrator)} {_all_rows(project)}")
    with pytest.raises(FsapiError, match="'api_key' cannot be pickled") as caught:
        pickle.dumps(migrator)
    assert not traces(str(caught.value))
