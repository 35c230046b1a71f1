"""What a role without rights plants in schemas of the search_path: nothing of it is ever executed by whoever migrates."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator
from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.errors import HistoryError, Locked
from fsapi_nb.events import StatementWatched
from fsapi_nb.history.tables import Tables
from fsapi_nb.project.address import Address
from fsapi_nb.project.root import Project as Settings
from fsapi_nb.servers.scratch_server import open_scratch
from fsapi_nb.text.secrets import Secret
from tests.catalog.planted import called, plant
from tests.conftest import Project

PATHS = {
    "PostgreSQL's first": '"$user", public, another',
    "PostgreSQL's last": "public, another, pg_catalog",
}
A = "CREATE TABLE public.a (i pg_catalog.int4);\nINSERT INTO public.a VALUES (1);"
STEPS = (
    "CREATE SCHEMA own;\nCREATE PROCEDURE own.p() LANGUAGE plpgsql AS 'BEGIN END';\nCALL own.p();\nBEGIN;\nCREATE TABLE public.c ();\n"
    "COMMIT;\nBEGIN;\nCREATE TABLE public.d ();\nCOMMIT;"
)


@pytest.fixture(scope="module")
def planted(server: str) -> Iterator[str]:
    """A database where a role that may make things in two schemas, and nothing else, has planted in both."""
    name = f"planted_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        admin.execute(f"CREATE ROLE {name}".encode())
        with psycopg.connect(make_conninfo(server, dbname=name), autocommit=True) as connection:
            connection.execute("CREATE SCHEMA another")
            connection.execute(f"GRANT CREATE, USAGE ON SCHEMA public, another TO {name}".encode())
            connection.execute(f"SET ROLE {name}".encode())
            for schema in ("public", "another"):
                plant(connection, schema)
        yield name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        admin.execute(f"DROP ROLE {name}".encode())


@pytest.fixture
def database(server: str, planted: str) -> Iterator[str]:
    """A copy of what was planted, since planting takes two seconds; the server counts the calls of functions in it."""
    name = f"{planted}_copy"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {planted}".encode())
        admin.execute(f"ALTER DATABASE {name} SET track_functions = 'all'".encode())
        yield make_conninfo(server, dbname=name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def garden(project: Project, path: str) -> None:
    """Let every session have that search_path."""
    project.rows(f"ALTER DATABASE {project.value('SELECT current_database()')} SET search_path = {path}")


def found(project: Project) -> list[str]:
    """What was executed of it."""
    with psycopg.connect(project.database, autocommit=True, options="-c search_path=pg_catalog") as connection:
        return called(connection, "public", "another")


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
@pytest.mark.parametrize(
    "statement", ["SELECT 'a'::varchar(9) = 'b'::varchar(9)", "SELECT 'a'::name = 'b'::varchar(9)"]
)
def test_what_is_planted_is_executed_by_whoever_names_it(project: Project, path: str, statement: str) -> None:
    """Otherwise the tests below would show nothing: operators that fit better than PostgreSQL's are found on any path."""
    garden(project, path)
    project.rows(statement)
    assert found(project) != []


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_no_verb_executes_what_was_planted(project: Project, path: str) -> None:
    """Each verb is run by a superuser; its scripts name nothing that could be a planted one."""
    garden(project, path)
    project.rows(
        "CREATE TYPE public.mood AS ENUM ('sad'); CREATE TYPE public.pair AS RANGE (subtype = pg_catalog.float8)"
    )
    first = project.write("a", A, "DROP TABLE public.a;")
    second = project.write("b", "CREATE INDEX CONCURRENTLY a_i ON public.a (i);", "DROP INDEX CONCURRENTLY public.a_i;")
    third = project.write("c", STEPS, "DROP TABLE public.c, public.d;\nDROP SCHEMA own CASCADE;")
    migrator = project.migrator()
    last = "2026_01_01_00_09_renamed.sql"
    verbs: dict[str, Callable[[], object]] = {
        "plan": migrator.plan,
        "migrate": migrator.migrate,
        "status": migrator.status,
        "history": migrator.history,
        "show": lambda: migrator.show(second),
        "changes": lambda: migrator.changes(second),
        "blockers": migrator.blockers,
        "diagram": migrator.diagram,
        "facts": migrator.facts,
        "query": lambda: migrator.query("SELECT 'sad'::public.mood, array['sad'::public.mood], public.pair(1, 2)"),
        "check": lambda: migrator.check("holds", "SELECT true"),
        "connect": lambda: migrator.connect().close(),
        "follow": lambda: _followed(migrator),
        "rollback": lambda: migrator.rollback(count=2),
        "migrate again": migrator.migrate,
        "redo": migrator.redo,
        "rename": lambda: _renamed(project, migrator, third, last),
        "plan of a rollback": lambda: migrator.plan("rollback"),
        "retire": lambda: _retired(project, migrator, last),
        "restore": lambda: migrator.retire([last], undo=True),
        "repair": lambda: _repaired(project, migrator, first),
        "write": lambda: migrator.write(
            "e", "-- UP\nCREATE TABLE public.e ();\n-- DOWN\nDROP TABLE public.e;", apply=True
        ),
        "baseline": lambda: _baselined(project, migrator),
        "a snapshot": lambda: _read_catalog(project),
        "a lock": lambda: _locked(project),
        "a refusal": lambda: _refused(project, migrator),
        "a long statement": lambda: _watched(project),
    }
    for name, verb in verbs.items():
        verb()
        assert found(project) == [], name


def test_no_fresh_executes_what_was_planted(project: Project) -> None:
    """What was planted in the managed schema is dropped with all else there; that of another one would be found first."""
    garden(project, "another, public, pg_catalog")
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nschema = "public"\n')
    project.write("a", A, "DROP TABLE public.a;")
    migrator = project.migrator()
    migrator.migrate()
    migrator.fresh(yes=True)
    assert found(project) == []
    assert project.rows("SELECT FROM pg_catalog.pg_proc WHERE pronamespace = 'public'::pg_catalog.regnamespace") == []


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_no_database_for_a_moment_executes_what_was_planted(project: Project, path: str) -> None:
    """The databases of tests are made, copied and swept by a session of the database that the address names."""
    garden(project, path)
    with open_scratch(Settings(project.root), Address(Secret(project.database), "a test")) as scratch:
        scratch.publish("0123456789abcdef", lambda _: None)
        address = scratch.copy("0123456789abcdef")
        assert address is not None
        scratch.drop(address)
        template = f"fsapi_template_{scratch.project}_0123456789abcdef"
    project.rows(f"DROP DATABASE {template}")
    assert found(project) == []


def _renamed(project: Project, migrator: Migrator, old: str, new: str) -> None:
    (project.folder / old).rename(project.folder / new)
    migrator.rename(old, new)


def _retired(project: Project, migrator: Migrator, name: str) -> None:
    (project.folder / name).unlink()
    migrator.retire([name])


def _repaired(project: Project, migrator: Migrator, name: str) -> None:
    (project.folder / name).write_text("-- UP\nCREATE TABLE public.a (i pg_catalog.int8);\n")
    migrator.repair(name)


def _baselined(project: Project, migrator: Migrator) -> None:
    migrator.baseline(only=[project.write("f", "CREATE TABLE public.f ();", name="2026_01_01_00_30_f.sql")])


def _followed(migrator: Migrator) -> None:
    stopped = threading.Event()
    migrator.follow(lambda _: stopped.set(), stopped)


def _read_catalog(project: Project) -> None:
    with psycopg.connect(project.database, autocommit=True) as connection:
        read_snapshot(connection, None)


def _locked(project: Project) -> None:
    """Somebody else holds the lock, and who that is is said."""
    file = project.folder / project.write("i", "SELECT 1;", name="2026_01_01_00_35_i.sql")
    key = Tables("public").lock_key(str(project.value("SELECT pg_catalog.current_database()")))
    with psycopg.connect(project.database, autocommit=True) as other:
        other.execute("SELECT pg_catalog.pg_advisory_lock(%s)", [key])
        with pytest.raises(Locked, match="pid"):
            project.migrator(max_wait=0.1).migrate()
        project.migrator().status()
    file.unlink()


def _refused(project: Project, migrator: Migrator) -> None:
    """A trigger takes the record away, which is found, and so is who did it."""
    project.write("g", "CREATE TABLE public.g ();", name="2026_01_01_00_40_g.sql")
    project.rows(
        "CREATE FUNCTION own.swallow() RETURNS pg_catalog.trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER swallows BEFORE INSERT ON public.migrations FOR EACH ROW EXECUTE FUNCTION own.swallow()"
    )
    with pytest.raises(HistoryError, match="swallows"):
        migrator.migrate()
    project.rows("DROP FUNCTION own.swallow() CASCADE")


def _watched(project: Project) -> None:
    """A statement that waits for a lock is watched from a second connection."""
    project.write("h", "CREATE INDEX CONCURRENTLY a_j ON public.a (i);", name="2026_01_01_00_50_h.sql")
    seen = threading.Event()

    def watch(event: object) -> None:
        if isinstance(event, StatementWatched):
            seen.set()

    with psycopg.connect(project.database) as other:
        other.execute("INSERT INTO public.a VALUES (2)")
        run = threading.Thread(target=project.migrator(observers=[watch]).migrate)
        run.start()
        assert seen.wait(30)
    run.join()


_CUT_OFF = {
    "create": ("SELECT 1", "CREATE INDEX CONCURRENTLY a_i ON public.a (i)"),
    "unique": ("SELECT 1", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_i ON public.a (i)"),
    "drop": ("CREATE INDEX a_i ON public.a (i)", "DROP INDEX CONCURRENTLY public.a_i"),
    "reindex": ("CREATE INDEX a_i ON public.a (i)", "REINDEX INDEX CONCURRENTLY public.a_i"),
    "detach": (
        (
            "CREATE TABLE public.p (i pg_catalog.int4) PARTITION BY RANGE (i);"
            "CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (0) TO (1)"
        ),
        "ALTER TABLE public.p DETACH PARTITION public.p1 CONCURRENTLY",
    ),
    "vacuum": ("SELECT 1", "VACUUM public.a"),
}


@pytest.mark.parametrize("moved", [False, True], ids=["here", "from a dump"])
def test_no_recovery_executes_what_was_planted(project: Project, moved: bool) -> None:
    """A run was cut off behind each statement that leaves a trace; with a dump, only names tell what it has left."""
    garden(project, PATHS["PostgreSQL's last"])
    project.rows("CREATE TABLE public.a (i pg_catalog.int4)")
    for before, statement in _CUT_OFF.values():
        project.rows("DROP INDEX IF EXISTS public.a_i; DROP TABLE IF EXISTS public.p, public.p1")
        project.rows(before)
        name = project.write("cut", f"{statement};")
        project.migrator().migrate()
        project.rows(
            f"DELETE FROM public.migrations WHERE name::pg_catalog.text OPERATOR(pg_catalog.=) '{name}';"
            "DELETE FROM public.migrations_journal WHERE state OPERATOR(pg_catalog.=) 'done' AND migration::pg_catalog.text "
            f"OPERATOR(pg_catalog.=) '{name}'"
        )
        if moved:
            project.rows(
                'UPDATE public.migrations_journal SET witness = pg_catalog.regexp_replace(witness, \'"place": "[^"]*"\', '
                '\'"place": "1/1"\')'
            )
        project.rows("SELECT pg_catalog.pg_stat_reset()")
        project.migrator().migrate()
        assert found(project) == [], statement
        assert project.migrator().pending().statuses == ()


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_no_look_at_the_schema_executes_what_was_planted(project: Project, path: str) -> None:
    """The overview, a pattern, and pages with the rows of tables."""
    garden(project, path)
    project.rows(
        "CREATE TABLE public.a (i pg_catalog.int4 PRIMARY KEY, t pg_catalog.text, n pg_catalog.name, s pg_catalog.text[]);"
        "INSERT INTO public.a VALUES (1, 'a', 'b', '{c}'), (2, NULL, NULL, NULL)"
    )
    before = found(project)
    for name, rows in ((None, None), ("a*", None), ("public.a", None), ("public.a", 9), ("trap_of_bool", None)):
        project.migrator().schema(name, rows=rows)
    assert found(project) == before
