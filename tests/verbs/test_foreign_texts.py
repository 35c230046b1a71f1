"""What a database has stored is nobody's file: run for a comparison, it starts no program of this machine."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from fsapi_nb import Migrator, RefusedPlan, ReplayFailed
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
