"""What a database has stored is nobody's file: run for a comparison, it starts no program of this machine."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from fsapi_nb import Migrator, NotUpToDate, RefusedPlan, ReplayFailed
from fsapi_nb.catalog.comparison import compare
from fsapi_nb.verbs.catalogs import open_loaded, open_scratch_catalog
from fsapi_nb.verbs.diff import DatabaseSide, find_side
from fsapi_nb.verbs.scratch import open_scratch_server
from tests.conftest import Project

pytestmark = pytest.mark.slow  # an embedded server is started for each project

PROGRAM = "COPY (SELECT 1) TO PROGRAM 'touch {made}'"
STORED = {
    "COPY": PROGRAM + ";",
    "COPY to a file": "COPY (SELECT 1) TO '{made}';",
    "a DO block": "DO $do$ BEGIN EXECUTE $$" + PROGRAM + "$$; END $do$;",
    "a function": "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN "
    + PROGRAM
    + "; END $f$; SELECT f();",
    "the session's first role": "RESET SESSION AUTHORIZATION; RESET ROLE; " + PROGRAM + ";",
    "a superuser's role": "SET ROLE postgres; " + PROGRAM + ";",
    "a role of its own": "CREATE ROLE fsapi_more SUPERUSER; SET ROLE fsapi_more; " + PROGRAM + ";",
    "a role of PostgreSQL's": "GRANT pg_execute_server_program TO CURRENT_USER; " + PROGRAM + ";",
    "a setting": "ALTER SYSTEM SET archive_command = 'touch {made}'; SELECT pg_reload_conf();",
    "an untrusted extension": "CREATE EXTENSION dblink;",
}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The file that a program would make; any account may write its folder."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    return folder / "made"


@pytest.mark.parametrize("what", STORED)
def test_a_stored_script_cannot_start_a_program(project: Project, made: Path, what: str) -> None:
    """Whoever may write the history's tables could otherwise use the machine of everybody who looks for drift."""
    name = project.write("one", "CREATE TABLE t (i int);", "DROP TABLE t;")
    migrator = Migrator(project.database, project.folder)
    migrator.migrate()
    (project.folder / name).unlink()
    with psycopg.connect(project.database) as connection:
        text = f"CREATE TABLE t (i int); {STORED[what].format(made=made)}\n"
        connection.execute("UPDATE migrations_scripts SET up = %s, digest = NULL", [text])
    with pytest.raises(ReplayFailed) as error:
        migrator.drift()
    assert "permission denied" in error.value.message or "[42501]" in error.value.message
    assert "name a server of yours: --scratch URL" in str(error.value.hint)
    assert not made.exists()


def test_a_stored_script_runs_as_the_owner_of_its_database(project: Project) -> None:
    """With trusted extensions; who owns its objects there is no difference."""
    name = project.write("one", "CREATE EXTENSION pg_trgm; CREATE SCHEMA s; CREATE TABLE s.t (i int);", "SELECT 1;")
    migrator = Migrator(project.database, project.folder)
    migrator.migrate()
    (project.folder / name).unlink()
    assert not migrator.drift().attention


def test_a_function_that_was_planted_cannot_start_a_program(project: Project, made: Path) -> None:
    """An index of a constant runs its function when it is made: that of the database that is written as a migration."""
    with psycopg.connect(project.database) as connection:
        connection.execute(
            "CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS 'BEGIN END';"
            "CREATE FUNCTION f(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM public.g(); RETURN i; END';"
            "CREATE TABLE t (i int); CREATE INDEX ON t ((f(1) + i))"
        )
        body = f"BEGIN {PROGRAM.format(made=made)}; END"
        connection.execute(f"CREATE OR REPLACE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $g${body}$g$")
    with pytest.raises(RefusedPlan) as error:
        Migrator(project.database, project.folder).baseline_from_database("init")
    assert "permission denied" in error.value.message
    assert not made.exists()


def test_an_untrusted_extension_does_not_keep_a_database_from_its_first_migration(project: Project) -> None:
    """Its installation is proven apart: the server's own scripts run as a superuser, and nothing else does."""
    with psycopg.connect(project.database) as connection:
        connection.execute(
            'CREATE SCHEMA "Ext"; CREATE EXTENSION dblink WITH SCHEMA "Ext"; CREATE EXTENSION pg_stat_statements;'
            'CREATE TABLE t (i int); CREATE VIEW "Ext".v AS SELECT i FROM t'
        )
    result = Migrator(project.database, project.folder).baseline_from_database("init")
    text = next(project.folder.iterdir()).read_text()
    assert 'CREATE EXTENSION dblink WITH SCHEMA "Ext";' in text
    assert "CREATE EXTENSION pg_stat_statements WITH SCHEMA public;" in text
    assert "an empty database migrated with it has the same schema, and its DOWN leaves that empty again" in repr(
        result
    )


def test_an_untrusted_extension_is_in_the_copy_of_a_database(project: Project) -> None:
    """Else a difference to the database would be one of that extension, whose SQL could not run either."""
    with psycopg.connect(project.database) as connection:
        connection.execute('CREATE SCHEMA "Ext"; CREATE EXTENSION dblink WITH SCHEMA "Ext"; CREATE TABLE t (i int);')
    options = Migrator(project.database, project.folder)._options
    side = find_side(options, "database", defined=True)
    assert isinstance(side, DatabaseSide)
    with (
        open_scratch_server(options, side.found.needs, foreign=True) as scratch,
        open_loaded(options, side.found, scratch) as address,
        open_scratch_catalog(options, address) as copy,
    ):
        assert compare(side.found.reading, copy.reading) == ()


PLANTED = """
    CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
    CREATE FUNCTION f(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM public.g(); RETURN i; END';
    CREATE INDEX ON t ((f(1) + i)); ALTER TABLE t ADD j int DEFAULT f(2)
"""


def _plant(project: Project, made: Path) -> None:
    """A function that an index and a default call when they are made, and whose text was changed then."""
    with psycopg.connect(project.database) as connection:
        connection.execute(PLANTED.encode())
        body = f"BEGIN {PROGRAM.format(made=made)}; END"
        connection.execute(f"CREATE OR REPLACE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $g${body}$g$".encode())


def test_what_is_adopted_cannot_start_a_program(project: Project, made: Path) -> None:
    """Its definitions are made on the scratch server, and again by the migration that is written of them."""
    project.write("one", "CREATE TABLE t (i int);", "DROP TABLE t;")
    migrator = Migrator(project.database, project.folder)
    migrator.migrate()
    _plant(project, made)
    with pytest.raises(NotUpToDate, match="would not be as in the database"):
        migrator.adopt("adopted")
    assert not made.exists()
    assert len([*project.folder.iterdir()]) == 1


def test_a_difference_to_a_database_cannot_start_a_program(project: Project, made: Path) -> None:
    """Nor one to a file with a schema, such as that of somebody's commit."""
    project.write("one", "CREATE TABLE t (i int);", "DROP TABLE t;")
    migrator = Migrator(project.database, project.folder)
    migrator.migrate()
    _plant(project, made)
    assert migrator.make_from_diff("there", target="database").left
    file = project.root / "schema.sql"
    file.write_text(f"CREATE TABLE t (i int); {PROGRAM.format(made=made)};")
    for look in (lambda: migrator.diff("folder", str(file)), lambda: migrator.make_from_diff("x", target=str(file))):
        with pytest.raises(ReplayFailed, match="permission denied"):
            look()
    assert not made.exists()


def test_what_a_database_has_stored_ends_some_day(project: Project) -> None:
    """A script without an end would keep its reader waiting for ever."""
    options = Migrator(project.database, project.folder)._options
    with open_scratch_server(options, foreign=True) as scratch, psycopg.connect(scratch.make()) as connection:
        assert connection.execute("SHOW statement_timeout").fetchall() == [("10min",)]


def test_roles_that_this_server_cannot_have_are_left_out(project: Project) -> None:
    """A server of another version keeps names for itself that this one does not, and the reverse."""
    with open_scratch_server(Migrator(project.database, project.folder)._options, foreign=True) as scratch:
        scratch.make_roles(["pg_some_day", "public", "app"])
        assert scratch.session.connection().execute(
            b"SELECT rolname::text FROM pg_roles WHERE rolname IN ('pg_some_day', 'public', 'app')"
        ).fetchall() == [("app",)]
