"""History tables that another role has made, or made something of: none of its code runs with the rights of who migrates."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from fsapi_nb import Migrator
from fsapi_nb.errors import FsapiError, HistoryError
from fsapi_nb.model.status import State
from tests.conftest import Project

COLUMNS = "id serial PRIMARY KEY, name varchar(255) UNIQUE, applied_at timestamp DEFAULT now(), duration_ms integer"
PLAIN = "id serial, name varchar(255), applied_at timestamp DEFAULT now(), duration_ms integer"
VERBS: list[Callable[[Migrator], object]] = [
    lambda migrator: migrator.status(),
    lambda migrator: migrator.plan(),
    lambda migrator: migrator.history(),
    lambda migrator: migrator.migrate(),
    lambda migrator: migrator.fresh(yes=True),
]


@pytest.fixture
def stranger(project: Project) -> Iterator[psycopg.Connection]:
    """A session of a role that may only create objects in the schema public, and has a function and a schema."""
    database = project.value("SELECT current_database()")
    role = f"stranger_{database}"
    project.rows(
        f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}; CREATE SCHEMA lair AUTHORIZATION {role};"
        f"ALTER DATABASE {database} SET track_functions = 'all'"
    )
    project.write("a", "CREATE TABLE a ();", "DROP TABLE a;")
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute(f"SET ROLE {role}".encode())
        connection.execute(
            "CREATE FUNCTION lair.evil() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';"
            "CREATE FUNCTION lair.fired() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            "CREATE TYPE lair.odd AS (name text);"
            "CREATE FUNCTION lair.told(lair.odd) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE CAST (lair.odd AS text) WITH FUNCTION lair.told(lair.odd) AS IMPLICIT"
        )
        yield connection
    project.rows(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def calls(project: Project) -> list[str]:
    """The functions of the role that anybody has called."""
    query = "SELECT funcname::text FROM pg_stat_user_functions WHERE schemaname = 'lair' AND calls > 0"
    return [name for (name,) in project.rows(query)]


PLANTED = {
    "a view": "CREATE VIEW {0} AS SELECT lair.evil() AS id, ''::text AS name, now() AS applied_at, 1 AS duration_ms",
    "a trigger": f"CREATE TABLE {{0}} ({COLUMNS}); CREATE TRIGGER t BEFORE INSERT ON {{0}} FOR EACH ROW EXECUTE FUNCTION lair.fired()",
    "a rule": f"CREATE TABLE {{0}} ({COLUMNS}); CREATE RULE r AS ON INSERT TO {{0}} DO ALSO SELECT lair.evil()",
    "a default": f"CREATE TABLE {{0}} ({COLUMNS}, more int DEFAULT lair.evil())",
    "a default of PostgreSQL's": f"CREATE TABLE {{0}} ({COLUMNS}, more xml DEFAULT query_to_xml('SELECT lair.evil()', true, true, ''))",
    "a generated column": f"CREATE TABLE {{0}} ({COLUMNS}, more int GENERATED ALWAYS AS (lair.evil()) STORED)",
    "a check": f"CREATE TABLE {{0}} ({COLUMNS}, CHECK (lair.evil() > id * 0))",
    "an index": f"CREATE TABLE {{0}} ({COLUMNS}); CREATE INDEX e ON {{0}} ((id + lair.evil()))",
    "a part of an index": f"CREATE TABLE {{0}} ({COLUMNS}); CREATE INDEX e ON {{0}} (id) WHERE id > lair.evil()",
    "a type": "CREATE TABLE {0} (id serial, name lair.odd, applied_at timestamp, duration_ms int)",
    "a foreign key": f"CREATE TABLE {{0}} ({COLUMNS}); CREATE TABLE lair.more (id int REFERENCES {{0}} ON DELETE CASCADE)",
    "the key of partitions": f"CREATE TABLE {{0}} ({PLAIN}) PARTITION BY LIST ((id + lair.evil()))",
    "a partition": f"CREATE TABLE lair.whole ({PLAIN}) PARTITION BY LIST ((id + lair.evil())); CREATE TABLE {{0}} PARTITION OF lair.whole DEFAULT",
    "a child": f"CREATE TABLE {{0}} ({COLUMNS}); CREATE TABLE lair.child () INHERITS ({{0}})",
}


@pytest.mark.parametrize("schema", ["public", "lair"])
@pytest.mark.parametrize("statement", PLANTED.values(), ids=PLANTED.keys())
def test_no_code_of_a_stranger_s_table_runs(
    project: Project, stranger: psycopg.Connection, statement: str, schema: str
) -> None:
    """On the search_path it is refused with its owner's name; elsewhere nobody has named it, and it is passed over."""
    stranger.execute(statement.format(f"{schema}.migrations").encode())
    project.rows("SELECT pg_stat_reset()")  # of what the role itself has called
    for verb in VERBS:
        if schema == "lair":
            verb(project.migrator())
            continue
        with pytest.raises(HistoryError) as caught:
            verb(project.migrator())
        assert "belongs to the role 'stranger_" in str(caught.value)
        assert "Database: unchanged." in str(caught.value)
    assert calls(project) == []
    assert project.has("public.a") is (schema == "lair")


@pytest.mark.parametrize("table", ["migrations_scripts", "migrations_journal"])
@pytest.mark.parametrize("kind", ["VIEW {0} AS SELECT lair.evil() AS run_id", "TABLE {0} (run_id uuid, witness text)"])
def test_a_stranger_cannot_add_to_a_history(
    project: Project, stranger: psycopg.Connection, table: str, kind: str
) -> None:
    """What was made beside an adopted table before ours were is not taken for them."""
    project.rows(f"CREATE TABLE migrations ({COLUMNS})")
    stranger.execute(f"CREATE {kind.format(table)}".encode())
    for verb in VERBS[:4]:
        with pytest.raises(HistoryError, match="belongs to the role 'stranger_"):
            verb(project.migrator())
    assert calls(project) == []


@pytest.mark.parametrize(
    ("own", "planted"),
    [
        (None, "CREATE TABLE migrations (id serial, name lair.odd, applied_at timestamp, duration_ms int)"),
        (None, f"CREATE TABLE migrations ({COLUMNS}); CREATE TABLE lair.child () INHERITS (migrations)"),
        (COLUMNS, "CREATE VIEW migrations_journal AS SELECT 1 AS run_id, lair.evil()::text AS migration"),
    ],
    ids=["a type", "a child", "a journal"],
)
def test_no_code_of_a_stranger_runs_to_find_out_which_history_is_meant(
    project: Project, stranger: psycopg.Connection, own: str | None, planted: str
) -> None:
    """A second history elsewhere, which may be read, makes nothing be read of the first that may not."""
    if own:
        project.rows(f"CREATE TABLE migrations ({own})")
    stranger.execute(f"CREATE TABLE lair.migrations ({COLUMNS}); {planted}".encode())
    if not own:
        table, value = ("lair.child", "'x'") if "child" in planted else ("migrations", "ROW('x')")
        stranger.execute(f"INSERT INTO {table} (name) VALUES ({value})".encode())
    project.rows("SELECT pg_stat_reset()")
    for verb in VERBS:
        with pytest.raises(HistoryError, match="belongs to the role 'stranger_"):
            verb(project.migrator())
    assert calls(project) == []


def test_what_fsapi_made_for_another_role_stays_usable(project: Project, stranger: psycopg.Connection) -> None:
    """Our tables stand beside that role's, and every verb goes on, as often as it is run."""
    stranger.execute(f"CREATE TABLE public.migrations ({COLUMNS})".encode())
    migrator = project.migrator()
    for _ in range(2):
        migrator.migrate()
        assert project.has("public.a")
        assert [status.state for status in migrator.status().statuses] == [State.APPLIED]
        migrator.rollback()
        assert not project.has("public.a")
    migrator.migrate()
    (note,) = migrator.status().notes
    assert note.startswith("public.migrations belongs to the role 'stranger_")


def test_a_plain_table_of_a_stranger_is_used_and_named(project: Project, stranger: psycopg.Connection) -> None:
    """It holds data alone; status and plan say whose it is, and the statement takes it over."""
    stranger.execute(f"CREATE TABLE public.migrations ({COLUMNS})".encode())
    migrator = project.migrator()
    (note,) = migrator.status().notes
    assert note.startswith("public.migrations belongs to the role 'stranger_")
    assert migrator.plan().notes == (note,)
    project.rows(note.rpartition(": ")[2])
    assert migrator.status().notes == ()
    migrator.migrate()
    assert project.has("public.a")


def test_a_history_elsewhere_is_not_found_by_a_stranger_s_word(project: Project, stranger: psycopg.Connection) -> None:
    """A table that knows these files, in a schema that nobody has named, is not taken: which one is meant must be said."""
    stranger.execute(f"CREATE TABLE lair.migrations ({COLUMNS})".encode())
    (name,) = [path.name for path in project.folder.iterdir()]
    stranger.execute("INSERT INTO lair.migrations (name) VALUES (%s)", [name])
    with pytest.raises(FsapiError, match="--schema"):
        project.migrator().migrate()
    project.migrator(schema="public").migrate()
    assert project.has("public.a")


def test_the_owner_of_the_database_and_one_s_own_roles_are_trusted(
    project: Project, stranger: psycopg.Connection
) -> None:
    """Their triggers are theirs to have."""
    database, role = (
        project.value("SELECT current_database()"),
        f"stranger_{project.value('SELECT current_database()')}",
    )
    stranger.execute(PLANTED["a trigger"].format("public.migrations").encode())
    owner = project.value("SELECT current_user")
    project.rows(f"ALTER DATABASE {database} OWNER TO {role}")
    assert project.migrator().status().notes == ()
    project.rows(f'ALTER DATABASE {database} OWNER TO "{owner}"')
    with pytest.raises(HistoryError):
        project.migrator().status()
    project.rows(f"ALTER ROLE {role} SUPERUSER")
    assert project.migrator().status().notes == ()
    project.rows(f"ALTER ROLE {role} NOSUPERUSER")
