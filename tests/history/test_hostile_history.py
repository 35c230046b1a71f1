"""What the history tables hold is data: a role that may write them cannot have whoever migrates execute anything."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

from fsapi_nb.errors import FsapiError, InDoubt, PartlyApplied
from fsapi_nb.model.status import State
from fsapi_nb.script.effects import is_same_index
from tests.conftest import Project

_ROW = """
    INSERT INTO migrations_journal (run_id, migration, event, state, step, steps, in_transaction, step_checksum, script, witness)
    VALUES (pg_catalog.gen_random_uuid(), %s, 'up', %s, %s, 3, false, 'x', %s, %s)
"""
STEPS = "SET search_path TO public;\nCREATE INDEX CONCURRENTLY t_i ON t (i);\nCREATE INDEX CONCURRENTLY t_j ON t (j);"
ELSEWHERE = json.dumps({"relation": None, "indexes": [], "place": "1/1"})


@pytest.fixture
def writer(project: Project) -> Iterator[psycopg.Connection]:
    """A session of a role that may only insert into the journal of an applied migration, and has a function."""
    database = project.value("SELECT current_database()")
    role = f"writer_{database}"
    project.write("t", "CREATE TABLE t (i int, j int);", "DROP TABLE t;")
    project.migrator().migrate()
    project.rows(
        f"CREATE ROLE {role} LOGIN; CREATE SCHEMA lair AUTHORIZATION {role}; GRANT INSERT ON migrations_journal TO {role};"
        f"ALTER DATABASE {database} SET track_functions = 'all'"
    )
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute(f"SET ROLE {role}".encode())
        connection.execute(
            "CREATE FUNCTION lair.evil(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END'"
        )
        yield connection
    project.rows(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def calls(project: Project) -> int:
    """How often the role's function was called by anybody."""
    return int(project.value("SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE schemaname = 'lair'"))


@pytest.mark.parametrize(
    "witness", [ELSEWHERE, None, '{"relation": null, "indexes": []}'], ids=["moved", "none", "here"]
)
@pytest.mark.parametrize(
    ("done", "started"),
    [
        ("SELECT set_config('x', lair.evil(1)::text, false)", "CREATE INDEX CONCURRENTLY t_i ON t (i)"),
        ("SET search_path TO lair, public", "CREATE INDEX CONCURRENTLY t_i ON t (evil(i))"),
        ("SET search_path TO public", "CREATE INDEX CONCURRENTLY t_k ON t ((i + lair.evil(2))) WHERE i = lair.evil(3)"),
        ("SET search_path TO public", "DROP INDEX CONCURRENTLY t_k"),
    ],
    ids=["a step that is done", "a search_path", "an index", "a drop"],
)
def test_nothing_that_the_journal_says_is_executed(
    project: Project, writer: psycopg.Connection, done: str, started: str, witness: str | None
) -> None:
    """It says that an earlier run has done a step and sent another one; both are of the role's own invention."""
    name = project.write("i", STEPS)
    project.rows("CREATE INDEX t_k ON t (j); CREATE INDEX t_i ON t (i, j)")
    writer.execute(_ROW, [name, "done", 1, done, None])
    writer.execute(_ROW, [name, "started", 2, started, witness])
    for verb in (project.migrator().status, project.migrator().plan, project.migrator().migrate):
        try:
            verb()
        except FsapiError as error:
            assert error.message
    assert calls(project) == 0
    assert project.has("t_k")


@pytest.mark.parametrize(
    "witness",
    ["", "{", "[]", "1", "{}", '{"indexes": 1}', '{"indexes": [1]}', '{"indexes": [{}]}', '{"indexes": [], "place": 1}',
     '{"indexes": [], "relation": "t"}', '{"indexes": [{"oid": true}]}', '{"indexes": [{"oid": "1; DROP TABLE t"}]}'],
)  # fmt: skip
def test_an_odd_sight_of_the_catalog_is_in_doubt(project: Project, writer: psycopg.Connection, witness: str) -> None:
    """What is not of the form that fsapi_nb writes is not read as if it were."""
    name = project.write("i", STEPS)
    writer.execute(_ROW, [name, "done", 1, "SET search_path TO public", None])
    writer.execute(_ROW, [name, "started", 2, "CREATE INDEX CONCURRENTLY t_i ON t (i)", witness])
    with pytest.raises(InDoubt):
        project.migrator().migrate()
    assert not project.has("t_i")


@pytest.mark.parametrize("witness", ["[1]", "{", '{"search_path": 1}', "null"])
def test_odd_settings_of_a_step_that_is_done_are_none(
    project: Project, writer: psycopg.Connection, witness: str
) -> None:
    """What the session of a step began with is said again where it differs, and only if it can be a setting."""
    name = project.write("i", STEPS)
    writer.execute(_ROW, [name, "done", 1, "SET search_path TO public", witness])
    assert project.migrator().status().statuses[-1].state is State.PARTLY_APPLIED
    with pytest.raises(PartlyApplied):
        project.migrator().migrate()


def test_the_leftover_of_a_statement_that_was_edited_is_dropped(project: Project) -> None:
    """The journal's statement is compared with the index that is there: it need not be run for that."""
    project.rows("CREATE TABLE u (i int); INSERT INTO u VALUES (1), (1)")
    name = project.write("i", "CREATE UNIQUE INDEX CONCURRENTLY u_i ON u (i);")
    with pytest.raises(FsapiError):
        project.migrator().migrate()
    assert project.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'u_i'::regclass") is False
    project.write_text(name, "-- UP\nCREATE INDEX CONCURRENTLY u_i ON u (i);\n")
    project.migrator().migrate()
    assert project.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'u_i'::regclass") is True
    assert project.value("SELECT indisunique FROM pg_index WHERE indexrelid = 'u_i'::regclass") is False


@pytest.mark.parametrize(
    ("statement", "columns", "same"),
    [
        ("CREATE INDEX CONCURRENTLY x ON t (i)", "(i)", True),
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS x ON public.t USING btree (i ASC NULLS LAST, j DESC)", "(i, j DESC)", True),
        ("CREATE INDEX ON t (i) INCLUDE (j)", "(i) INCLUDE (j)", True),
        ("CREATE INDEX x ON t (i)", "(j)", False),
        ("CREATE INDEX x ON t (i, j)", "(i)", False),
        ("CREATE INDEX x ON t USING hash (i)", "(i)", False),
        ("CREATE INDEX x ON t (i DESC)", "(i)", False),
        ("CREATE UNIQUE INDEX x ON t (i)", "(i)", False),
        ("CREATE INDEX x ON t (i) WHERE i > 1", "(i)", None),
        ("CREATE INDEX x ON t ((i + j))", "((i + 1))", None),
        ("CREATE INDEX x ON", "(i)", None),
        ("DROP TABLE t", "(i)", None),
    ],
)  # fmt: skip
def test_indexes_are_compared_by_their_texts(project: Project, statement: str, columns: str, same: bool | None) -> None:
    """As PostgreSQL writes the definition; what is not plain is not guessed at."""
    project.rows(f"CREATE TABLE t (i int, j int); CREATE INDEX made ON t {columns}")
    definition = project.value("SELECT pg_get_indexdef('made'::regclass)")
    assert is_same_index(statement, definition) is same


@pytest.mark.parametrize("name", ["../../../../../../x.sql", "2026/../../aaaaaax.sql", "..\\..\\aaaaaaaaaaax.sql"])
def test_a_path_in_the_history_is_no_file_to_write(project: Project, name: str) -> None:
    """A cell writes a file of the folder, whatever names the history has."""
    project.write("t", "CREATE TABLE t ();")
    project.migrator().migrate()
    project.rows(f"INSERT INTO migrations (name) VALUES ('{name}')")
    result = project.migrator().write("x", "CREATE TABLE x ();")
    assert result.name.endswith("_x.sql")
    assert (project.folder / result.name).is_file()
