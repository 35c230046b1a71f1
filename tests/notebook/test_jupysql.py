"""`--database jupysql`, on a connection of our own through JupySQL's engine; `%sql` on the database of our magics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from fsapi_nb.notebook.jupysql import OPEN
from tests.conftest import MakeDatabase, Project
from tests.notebook.jupysql_shell import JupySql, Ran

SELECT = "%sql SELECT current_database() AS here"
ENGINE = """
import sqlalchemy, psycopg
opened = []
def connect():
    opened.append(psycopg.connect({dsn!r}))
    return opened[-1]
engine = sqlalchemy.create_engine({url!r}, creator={creator})
%sql engine
"""


def url_of(database: str, *, driver: str = "psycopg") -> str:
    parts = {key: str(value) for key, value in conninfo_to_dict(database).items()}
    query = "&".join(f"{key}={value}" for key, value in parts.items() if key != "dbname")
    return f"postgresql+{driver}:///{parts['dbname']}?{query}"


def name_of(database: str) -> str:
    return str(conninfo_to_dict(database)["dbname"])


def engine(project: Project, *, url: str = "postgresql+psycopg://", creator: str = "connect") -> str:
    return ENGINE.format(dsn=project.database, url=url, creator=creator)


@pytest.fixture(scope="module")
def process() -> Iterator[JupySql]:
    shell = JupySql()
    yield shell
    shell.close()


@pytest.fixture
def bare(process: JupySql, project: Project) -> Iterator[JupySql]:
    """A notebook in the project that has loaded nothing; all connections are closed before the database goes."""
    process.begin(folder=project.root)
    yield process
    process.begin(folder=project.root)


@pytest.fixture
def sql(bare: JupySql) -> JupySql:
    """The same with JupySQL and our magics loaded, neither connected to anything."""
    for cell in ("%load_ext sql", "%load_ext fsapi_nb", "%config SqlMagic.displaycon = False"):
        bare.run(cell)
    return bare


@pytest.fixture
def ours(sql: JupySql, project: Project) -> JupySql:
    """The same, with our magics pointed at the project's database."""
    sql.run(f"%config MigrateMagics.database = {project.database!r}")
    return sql


def here(ran: Ran) -> str:
    """The database that `SELECT` ran on."""
    *_, last = re.findall(r"^\| +(\w+) +\|$", ran.value or "", re.MULTILINE)
    return str(last)


def sessions(project: Project) -> int:
    """How many sessions of ours are on the project's database."""
    return int(
        project.value(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name LIKE 'fsapi_nb%'"
        )
    )


# -- JupySQL's database for our magics ---------------------------------------------------------------------------------


def test_jupysqls_database_is_used_where_it_is_asked_for(sql: JupySql, project: Project) -> None:
    """Whatever it is connected to now; and without a connection, or with one to something else, that is said."""
    project.write("one", "CREATE TABLE one (i int);")
    nothing = "ConfigurationError: JupySQL has no connection whose database could be used"
    assert str(sql.attempt("%migrate status --database jupysql").error).startswith(nothing)
    sql.run("%sql sqlite://")
    other = "ConfigurationError: JupySQL is connected to sqlite, not to PostgreSQL"
    assert str(sql.attempt("%migrate status --database jupysql").error).startswith(other)
    sql.run(f"%sql {url_of(project.database)}")
    sql.run("%migrate --database jupysql")
    assert project.has("one")
    assert ": 1 applied" in str(sql.run("%migrate status --database jupysql").value)


def test_the_connection_is_new_and_made_by_the_engine(sql: JupySql, project: Project) -> None:
    """A creator is asked for each of our connections; none is the one of `%sql`, and all are closed after use."""
    project.write(
        "pid", "CREATE TABLE seen AS SELECT pg_backend_pid() AS pid, current_setting('application_name') AS n;"
    )
    sql.run(engine(project))
    sql.run("before = len(opened)\n%migrate --database jupysql")
    # One that works, and one that must be refused its lock.
    assert sql.run("len(opened) - before").value == "2"
    assert sql.run("[each.closed for each in opened[before:]], opened[0].closed").value == "([True, True], False)"
    pid, name = project.rows("SELECT * FROM seen")[0]
    assert name == "fsapi_nb"
    assert sql.run(f"opened[0].info.backend_pid == {pid}").value == "False"
    assert sql.run("%sql SELECT 1 AS one").error is None


def test_hooks_and_arguments_of_the_engine_hold(sql: JupySql, project: Project) -> None:
    """What a hook puts into the address (a token that is fetched for each connection) is where we connect too."""
    project.write("one", "CREATE TABLE one AS SELECT current_setting('geqo') AS geqo;")
    parts = {key: str(value) for key, value in conninfo_to_dict(project.database).items()}
    sql.run(
        "import sqlalchemy\n"
        "engine = sqlalchemy.create_engine('postgresql+psycopg:///no_such', connect_args={'options': '-c geqo=off'})\n"
        "@sqlalchemy.event.listens_for(engine, 'do_connect')\n"
        f"def fetch(dialect, record, args, options): options.update({parts!r})\n"
        "@sqlalchemy.event.listens_for(engine, 'connect')\n"
        'def leave_open(connection, record): connection.execute("SET search_path TO nowhere")\n'
        "%config SqlMagic.autocommit = False\n"
        "%sql engine"
    )
    sql.run("%migrate --database jupysql")
    assert project.value("SELECT geqo FROM public.one") == "off"


def test_the_connection_of_sql_itself_is_refused(sql: JupySql, project: Project) -> None:
    """An engine that hands out one connection for ever has none for us; what is open in it stays open."""
    project.write("one", "CREATE TABLE one (i int);")
    sql.run(engine(project, creator="lambda: shared").replace("engine =", "shared = connect()\nengine ="))
    sql.run("%sql BEGIN;")
    sql.run("%sql CREATE TABLE kept (i int)")
    error = sql.attempt("%migrate --database jupysql").error
    assert str(error).startswith("ConfigurationError: JupySQL's engine gives the connection that %sql is using")
    assert sql.run("shared.info.transaction_status.name").value == "INTRANS"
    sql.run("%sql COMMIT")
    assert project.has("kept")
    assert not project.has("one")


def test_another_driver_s_database_is_reached_by_its_url(sql: JupySql, project: Project) -> None:
    """Our connection is psycopg 3's, whatever the engine's driver; a URL that leads elsewhere is not followed."""
    project.write("one", "CREATE TABLE one (i int);")
    sql.run(
        "import sys, types, sqlalchemy\n"
        "from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg\n"
        "class Other(PGDialect_psycopg): driver = 'other'\n"
        "sys.modules['other_driver'] = types.ModuleType('other_driver')\n"
        "sys.modules['other_driver'].Other = Other\n"
        "sqlalchemy.dialects.registry.register('postgresql.other', 'other_driver', 'Other')"
    )
    sql.run(f"%sql {url_of(project.database, driver='other')}")
    sql.run("%migrate --database jupysql")
    assert project.has("one")
    for url in ("postgresql+other://", "postgresql+other://127.0.0.1:1/elsewhere"):
        sql.run(engine(project, url=url))
        error = str(sql.attempt("%migrate --database jupysql").error)
        assert error.startswith("ConfigurationError: the URL of JupySQL's engine does not tell where %sql is connected")


def test_an_engine_that_connects_no_more_is_told_without_its_password(sql: JupySql, project: Project) -> None:
    """In a few lines, whatever the driver or a hook has to say."""
    broken = engine(project, url="postgresql+psycopg://ada:s3cret@127.0.0.1/shop")
    sql.run(broken + "\ndef connect(): raise RuntimeError('no luck with s3cret')\n")
    sql.run("engine.pool._creator = lambda record: connect()")
    ran = sql.attempt("%migrate --database jupysql")
    assert str(ran.error).startswith("CannotConnect: no connection to JupySQL's database\n  no luck with ***")
    assert "Traceback" not in ran.out + ran.err
    assert "s3cret" not in ran.out + ran.err


def test_a_protected_database_is_recognised_through_jupysql(sql: JupySql, project: Project) -> None:
    """By where the connection went: it has no name here."""
    protect(project)
    project.write("one", "CREATE TABLE one (i int);")
    sql.run(engine(project))
    assert str(sql.attempt("%migrate --database jupysql").error).startswith("ConfirmationRequired: ")
    sql.run("%migrate --database jupysql --yes")
    assert project.has("one")


def protect(project: Project) -> None:
    (project.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{project.database}"\nprotected = true\n'
    )


# -- our database for %sql ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cells",
    [
        ["%load_ext sql", "%load_ext fsapi_nb", "CONFIG", SELECT],
        ["%load_ext fsapi_nb", "CONFIG", "%load_ext sql", SELECT],
        ["%load_ext fsapi_nb", "CONFIG", f"%load_ext sql\n{SELECT}"],
        ["%load_ext fsapi_nb", f"CONFIG\n%load_ext sql\nif True:\n    found = {SELECT}\nfound"],
        ["%load_ext sql\n%load_ext fsapi_nb", f"CONFIG\ndef ask():\n    found = {SELECT}\n    return found", "ask()"],
        ["%load_ext sql\n%load_ext fsapi_nb", "CONFIG", f"%time {SELECT}"],
    ],
    ids=["sql first", "sql second", "in one cell", "in a block", "in a function", "timed"],
)
def test_sql_runs_on_the_database_of_our_magics(bare: JupySql, project: Project, cells: list[str]) -> None:
    """Whichever was loaded first, and in that very cell too; nobody is told an address."""
    for cell in cells:
        ran = bare.run(cell.replace("CONFIG", f"%config MigrateMagics.database = {project.database!r}"))
    assert here(ran) == name_of(project.database)
    assert "Running query in 'fsapi'" in ran.out
    assert "host" not in ran.out + ran.err
    shown = bare.run("%sql --connections").out
    assert "| postgresql+psycopg:// | fsapi |" in shown


def test_the_project_s_database_is_found_for_sql_too(sql: JupySql, project: Project) -> None:
    """Not only what `%config` says: `.env` and pyproject.toml as well."""
    (project.root / ".env").write_text(f"DATABASE_URL={project.database}\n")
    assert here(sql.run(SELECT)) == name_of(project.database)


def test_nothing_is_connected_before_sql_runs(ours: JupySql, project: Project) -> None:
    """Loading is for nothing; so is a cell that only speaks of `%sql`, or says itself where it goes."""
    ours.run("print('%sql SELECT 1')  # %sql SELECT 1")
    ours.run("%sql --connections")
    ours.run(f"%sql {url_of(project.database)}")
    assert sessions(project) == 0
    ours.run(SELECT)
    assert sessions(project) == 0
    assert "| fsapi |" not in ours.run("%sql --connections").out


@pytest.mark.parametrize("cell", ["%sql engine", "%sql {{url}}", "%sql $URL", "%%sql engine\nSELECT 1"])
def test_a_cell_that_brings_its_own_connection_gets_none(ours: JupySql, project: Project, cell: str) -> None:
    """An engine, or a URL from a variable: ours would only be in the way."""
    ours.run(f"import os, sqlalchemy\nurl = os.environ['URL'] = {url_of(project.database)!r}")
    ours.run("engine = sqlalchemy.create_engine(url)")
    ours.attempt(cell)
    assert sessions(project) == 0


def test_sql_follows_our_magics(ours: JupySql, project: Project, make_database: MakeDatabase) -> None:
    """When `MigrateMagics.database` changes, the next `%sql` runs there, in the same cell too, and only there."""
    ours.run(SELECT)
    with make_database() as other:
        assert here(ours.run(f"%config MigrateMagics.database = {other!r}\n{SELECT}")) == name_of(other)
        assert sessions(project) == 0
        ours.run("%reload_ext fsapi_nb")
        ours.run(f"%config MigrateMagics.database = {project.database!r}")
        assert here(ours.run(SELECT)) == name_of(project.database)
        assert here(ours.run(SELECT)) == name_of(project.database)
    assert sessions(project) == 1


def test_a_connection_of_the_user_s_is_never_touched(
    ours: JupySql, project: Project, make_database: MakeDatabase
) -> None:
    """`%sql` on a URL stays there, whatever our magics do; back on `fsapi` it is ours again."""
    ours.run(SELECT)
    with make_database() as other, make_database() as third:
        ours.run(f"%sql {url_of(other)}")
        assert here(ours.run(SELECT)) == name_of(other)
        ours.run(f"%config MigrateMagics.database = {third!r}")
        assert here(ours.run(SELECT)) == name_of(other)
        ours.run("%sql fsapi")
        assert here(ours.run(SELECT)) == name_of(third)
        ours.run(f"%sql {url_of(other)}")
        ours.run("%sql --close fsapi")
        assert here(ours.run(SELECT)) == name_of(other)
        ours.run("import sql\nsql.connection.ConnectionManager.close_all()")


def test_a_closed_connection_is_made_anew(ours: JupySql, project: Project) -> None:
    """`%sql --close fsapi` closes it; the next `%sql` has another."""
    ours.run(SELECT)
    ours.run("%sql --close fsapi")
    assert sessions(project) == 0
    assert here(ours.run(SELECT)) == name_of(project.database)


def test_a_lost_connection_is_made_anew(ours: JupySql, project: Project) -> None:
    """As JupySQL does it: the engine opens another, on the same database."""
    ours.run(SELECT)
    project.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'fsapi_nb%'")
    ours.attempt(SELECT)
    assert here(ours.run(SELECT)) == name_of(project.database)


def test_sql_and_our_magics_see_each_other(ours: JupySql, project: Project) -> None:
    """What one has committed the other finds; `--database jupysql` is the same database once more."""
    project.write("one", "CREATE TABLE one (i int);")
    ours.run("%migrate")
    ours.run("%sql INSERT INTO one VALUES (7)")
    assert project.rows("SELECT i FROM one") == [(7,)]
    assert ": 1 applied" in str(ours.run("%migrate status --database jupysql").value)


def test_a_database_out_of_reach_is_told_in_a_line(sql: JupySql, project: Project) -> None:
    """Then JupySQL says what it says without a connection; the old database is not used in its place."""
    sql.run(f"%config MigrateMagics.database = {project.database!r}")
    sql.run(SELECT)
    sql.run("%config MigrateMagics.database = 'postgresql://127.0.0.1:1/none'")
    ran = sql.attempt(SELECT)
    told, _, rest = ran.err.partition("\n")
    assert told == (
        "%sql has no connection to the database of %migrate: no connection to the database. %migrate status shows more."
    )
    assert rest.startswith("UsageError: No active connection.")
    assert "Traceback" not in ran.out + ran.err
    assert sessions(project) == 0


def test_sql_never_goes_on_to_another_database(sql: JupySql, project: Project) -> None:
    """JupySQL would take DATABASE_URL where it has no connection, although our magics were told another database."""
    url = f"postgresql://{url_of(project.database).partition('://')[2]}"
    sql.run("%config MigrateMagics.database = 'postgresql://127.0.0.1:1/none'")
    sql.run(f"import os\nos.environ['DATABASE_URL'] = {url!r}")
    ran = sql.attempt(SELECT)
    sql.run("del os.environ['DATABASE_URL']")
    assert str(ran.error).startswith("CannotConnect: ")
    assert "Traceback" not in ran.out + ran.err


def test_sql_only_reads_a_protected_database(ours: JupySql, project: Project) -> None:
    """As `%query` does, and it says so once; `--database jupysql` is still the protected database, to write with --yes."""
    protect(project)
    project.write("one", "CREATE TABLE one (i int);")
    ran = ours.run(SELECT)
    assert ran.err == "This database is protected: %sql only reads from it.\n"
    assert ours.run(SELECT).err == ""
    assert "read-only transaction" in ours.attempt("%sql CREATE TABLE two (i int)").err
    assert str(ours.attempt("%migrate --database jupysql").error).startswith("ConfirmationRequired: ")
    ours.run("%migrate --database jupysql --yes")
    assert project.has("one")
    assert not project.has("two")


def test_no_output_of_sql_shows_a_password(sql: JupySql, project: Project) -> None:
    """Not the alias, not the URL, at the highest verbosity, nor when it is closed."""
    secret = project.database + " password=s3cret"
    sql.run(f"%config MigrateMagics.database = {secret!r}")
    sql.run("%config SqlMagic.displaycon = True")
    sql.run("%config SqlMagic.feedback = 2")
    shown: list[Any] = [sql.run(SELECT), sql.run("%sql --connections"), sql.attempt("%sql SELEKT")]
    shown += [sql.run("import sql\nsql.connection.ConnectionManager.close_all(verbose=True)")]
    assert "fsapi" in shown[0].out
    assert "s3cret" not in str(shown)
    assert "host" not in str(shown)


def test_unloading_leaves_sql_as_it_is(ours: JupySql, project: Project) -> None:
    """With the connection that it has; without one it has none from us any more."""
    ours.run(f"def ask():\n    found = {SELECT}\n    return found\nask()")
    ours.run("%unload_ext fsapi_nb")
    assert here(ours.run(SELECT)) == name_of(project.database)
    ours.run("%sql --close fsapi")
    assert ours.attempt("ask()").error is not None
    assert sessions(project) == 0


# -- a transaction left open -------------------------------------------------------------------------------------------

CELL = "-- UP\nCREATE TABLE two (i int);\n-- DOWN\nDROP TABLE two;\n"


@pytest.fixture
def one(ours: JupySql, project: Project) -> JupySql:
    """A project with one migration, and `%sql` on its database."""
    project.write("one", "CREATE TABLE one (i int);", "DROP TABLE one;")
    ours.run("%sql SELECT 1 AS one")
    return ours


@pytest.mark.parametrize(
    "cell",
    [
        "%migrate",
        "%rollback",
        "%migrate redo",
        "%migrate fresh --yes",
        "%migrate baseline one",
        "%migrate repair one",
        f"%%migration two --apply\n{CELL}",
        f"%%migration two --redo\n{CELL}",
        "%migrate --database jupysql",
    ],
)
@pytest.mark.parametrize("left", ["open", "failed"])
def test_an_open_transaction_of_sql_is_told_before_it_is_waited_for(one: JupySql, cell: str, left: str) -> None:
    """In one line that never changes and says how to end it; after that nothing is told."""
    one.run("%sql BEGIN;")
    if left == "failed":
        one.attempt("%sql SELECT 1/0")
    assert one.attempt(cell).err.splitlines()[:1] == [OPEN]
    one.run("%sql ROLLBACK")
    assert OPEN not in one.attempt(cell).err
    assert "%sql COMMIT" in OPEN
    assert "\n" not in OPEN


@pytest.mark.parametrize("cell", ["%migrate status", "%migrate plan", "%query SELECT 1", f"%%migration two\n{CELL}"])
def test_what_changes_nothing_tells_nothing(one: JupySql, cell: str) -> None:
    """Whoever only looks waits for nobody."""
    one.run("%sql BEGIN;")
    assert one.run(cell).err == ""
    one.run("%sql ROLLBACK")


def test_an_open_transaction_elsewhere_is_not_told(one: JupySql, project: Project, make_database: MakeDatabase) -> None:
    """One of another database, or of a connection of another kind; a user's own on ours is told like ours."""
    with make_database() as other:
        one.run(f"%sql {url_of(other)}")
        one.run("%sql BEGIN;")
        one.run("%sql sqlite://")
        assert one.run("%migrate").err == ""
        one.run(f"%sql {url_of(other)}")
        one.run("%sql ROLLBACK")
    one.run(f"import psycopg\nraw = psycopg.connect({project.database!r})\nraw.execute('SELECT 1')")
    one.run("import sql\nsql.connection.ConnectionManager.set(raw, displaycon=False, alias='raw')")
    assert one.run("%rollback").err.splitlines() == [OPEN]
    one.run("raw.rollback()")
    assert one.run("%migrate").err == ""
