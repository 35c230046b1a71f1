"""The tests' own databases: each test gets an empty one, whatever an earlier one has left."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests import asking
from tests.databases import Databases

RESTORED = [
    "SELECT 1",
    "CREATE TABLE t (i int GENERATED ALWAYS AS IDENTITY, n serial, o int); CREATE INDEX ON t (o); INSERT INTO t (o) VALUES (1)",
    "CREATE TABLE p (i int) PARTITION BY RANGE (i); CREATE TABLE p1 PARTITION OF p DEFAULT; CREATE STATISTICS s ON i, n FROM t",
    "CREATE VIEW v AS SELECT 1 AS i; CREATE MATERIALIZED VIEW m AS SELECT * FROM v; CREATE SEQUENCE loose",
    "CREATE TYPE mood AS ENUM ('a'); CREATE DOMAIN d AS mood; CREATE FUNCTION f(d[]) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA other; CREATE TABLE other.t (i int); CREATE VIEW v AS SELECT * FROM other.t; ANALYZE",
    "CREATE EXTENSION pg_trgm; CREATE TABLE t (w text); CREATE INDEX ON t USING gin (w gin_trgm_ops)",
    "CREATE TABLE t (i int); CREATE PUBLICATION pub FOR TABLE t; ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    "SELECT lo_from_bytea(0, 'x'); CREATE COLLATION mine FROM \"C\"; CREATE TEXT SEARCH CONFIGURATION search (COPY = simple)",
]
DROPPED = [
    "GRANT CREATE ON SCHEMA public TO PUBLIC",
    "COMMENT ON SCHEMA public IS 'mine'",
    "DROP SCHEMA public; CREATE SCHEMA public",
    "ALTER DATABASE {name} SET search_path TO other",
    "ALTER DATABASE {name} CONNECTION LIMIT 5",
    "ALTER ROLE CURRENT_USER IN DATABASE {name} SET work_mem TO '1MB'",
    "COMMENT ON DATABASE {name} IS 'mine'",
    "GRANT CONNECT ON DATABASE {name} TO PUBLIC",
    "ALTER FUNCTION pg_catalog.abs(int) COST 2",
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "CREATE FOREIGN DATA WRAPPER w",
    "CREATE CAST (int AS inet) WITH INOUT",
]


@pytest.fixture
def fresh(server: str) -> Iterator[Databases]:
    """Databases of the test's own."""
    databases = Databases(server)
    yield databases
    databases.close()


def use(databases: Databases, statements: str) -> str:
    """Run statements in a database; return its name."""
    with databases.empty() as address, psycopg.connect(address, autocommit=True) as connection:
        name = str(conninfo_to_dict(address)["dbname"])
        assert connection.execute("SELECT count(*) FROM pg_class WHERE oid >= 16384").fetchone() == (0,)
        for statement in statements.format(name=name).split("; "):
            connection.execute(statement.encode())
    return name


def test_what_a_test_made_is_gone(fresh: Databases) -> None:
    """Objects of all kinds: the same database is used again, and is empty."""
    names = {use(fresh, "CREATE TABLE t (i int, n int); " * (n == 2) + made) for n, made in enumerate(RESTORED)}
    assert len(names) == 1


@pytest.mark.parametrize("statements", DROPPED)
def test_a_database_that_is_not_as_it_was_is_dropped(fresh: Databases, statements: str) -> None:
    """Rights, comments, settings and objects that are not looked for: nothing of it is in the next database."""
    name = use(fresh, statements)
    assert use(fresh, "SELECT 1") != name


def test_what_is_left_on_the_server_is_told(fresh: Databases) -> None:
    """A role would be in the way of a test that makes one of that name."""
    with pytest.raises(AssertionError, match=r"left on the server: role test_\d+_\d+_left$"):
        use(fresh, "CREATE ROLE {name}_left")
    with fresh.empty() as address, psycopg.connect(address, autocommit=True) as connection:
        (role,) = (
            connection.execute(r"SELECT rolname FROM pg_roles WHERE rolname LIKE 'test\_%\_left'").fetchone() or ()
        )
        connection.execute(f"DROP ROLE {role}".encode())


def test_a_session_that_is_still_open_is_ended(fresh: Databases) -> None:
    """In the middle of a transaction that holds locks; the database is used again."""
    with fresh.empty() as address:
        left = psycopg.connect(address)
        left.execute("CREATE TABLE t (i int)")
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    left.close()
    with fresh.empty() as again:
        assert again == address


def test_what_a_test_asks_is_asked_as_in_a_new_session(fresh: Databases) -> None:
    """The session is kept, and what was set, made, locked or listened to in it is not."""
    state = """SELECT current_setting('search_path'), to_regclass('mine') IS NULL, count(*) FROM pg_locks
        WHERE locktype = 'advisory' AND pid = pg_backend_pid()"""
    with fresh.empty() as address:
        with asking.session(address) as connection:
            first = connection.execute("SELECT pg_backend_pid()").fetchone()
            connection.execute("SET search_path TO nowhere; CREATE TEMP TABLE mine (i int); SELECT pg_advisory_lock(1)")
        with asking.session(address) as connection:
            assert connection.execute("SELECT pg_backend_pid()").fetchone() == first
            assert connection.execute(state).fetchone() == ('"$user", public', True, 0)


def test_what_a_new_session_begins_with_is_seen(fresh: Databases) -> None:
    """Where the database's settings were changed, where the kept session is at work, and where it was ended."""
    with fresh.empty() as address:
        with asking.session(address) as connection, asking.session(address) as other:
            pid = connection.info.backend_pid
            assert other.info.backend_pid != pid
            other.execute("SELECT pg_terminate_backend(%s)", [pid])
        with asking.session(address) as connection:
            assert connection.info.backend_pid != pid
            name = connection.info.dbname
            connection.execute(f"ALTER DATABASE {name} SET work_mem TO '7MB'".encode())
        with asking.session(address) as connection:
            assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)
