"""What is read of tables before a plan is shown: names, kin and sizes, without waiting for anybody or running their code."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from fsapi_nb.actions.tree_names import joined
from fsapi_nb.catalog.table_facts import read_table_facts
from fsapi_nb.catalog.table_sizes import count_query
from fsapi_nb.model.action import Kin, TableSet
from fsapi_nb.model.forecast import TableSize
from fsapi_nb.model.table_facts import FoundTable, Needed, TableFacts
from fsapi_nb.postgres.session import Connection


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def other(database: str) -> Iterator[Connection]:
    with psycopg.connect(database) as connection:
        yield connection
        connection.rollback()


def facts_of(connection: Connection, *sets: TableSet) -> TableFacts:
    return read_table_facts(connection, Needed(frozenset(sets), frozenset(sets)))


def tables_named(connection: Connection, name: str, kin: Kin = Kin.SELF) -> list[FoundTable]:
    facts = facts_of(connection, TableSet(name, kin))
    return [facts.tables[number] for number in facts.sets[TableSet(name, kin)]]


def size_of(connection: Connection, name: str) -> TableSize | None:
    (table,) = tables_named(connection, name)
    return table.size


def fill(connection: Connection, name: str, rows: int) -> None:
    connection.execute(f"CREATE TABLE {name} (i int, t text)".encode())
    connection.execute(f"INSERT INTO {name} SELECT i, md5(i::text) FROM generate_series(1, {rows}) AS i".encode())


# -- names -------------------------------------------------------------------------------------------------------------

HOSTILE = ["a.b", 'a"b', "'; DROP TABLE x; --", "%s %(name)s {x}", "Übel", "select", "🙂", "\\", "x" * 70]


def test_a_table_is_found_by_any_name(connection: Connection) -> None:
    """With quotes, dots, marks of queries, and with more bytes than PostgreSQL keeps; it is named as it is."""
    for name in HOSTILE:
        connection.execute(sql.SQL("CREATE TABLE {} (i int)").format(sql.Identifier(name)))
    for name in HOSTILE:
        (table,) = tables_named(connection, joined([name]))
        assert table.name == joined([name[:63]])


def test_names_are_looked_up_along_the_search_path(connection: Connection) -> None:
    """The first that has the name is meant, and a schema is named only where it must be."""
    connection.execute("CREATE SCHEMA one; CREATE SCHEMA two; SET search_path = two, one")
    connection.execute("CREATE TABLE one.t (i int); CREATE TABLE two.t (i int); CREATE TABLE one.u (i int)")
    connection.execute("CREATE TABLE public.v (i int); CREATE TEMP TABLE w (i int)")
    names = {
        name: [table.name for table in tables_named(connection, name)] for name in ("t", "one.t", "two.t", "one.u", "v")
    }
    assert names == {"t": ["t"], "one.t": ["one.t"], "two.t": ["t"], "one.u": ["u"], "v": []}
    assert [table.name for table in tables_named(connection, "w")] == ["w"]
    assert tables_named(connection, "public.v")[0].name == "public.v"
    assert tables_named(connection, "pg_class")[0].name == "pg_class"


def test_names_of_other_databases_are_not_looked_up(connection: Connection) -> None:
    """A name of three parts is no reason to fail."""
    assert TableSet("a.b.c") not in facts_of(connection, TableSet("a.b.c"), TableSet("t")).sets


# -- sizes -------------------------------------------------------------------------------------------------------------


def test_rows_of_small_tables_are_counted(connection: Connection) -> None:
    """Whatever an old estimate says; an empty table has none for certain."""
    fill(connection, "small", 10)
    connection.execute("ANALYZE small; INSERT INTO small SELECT 1 FROM generate_series(1, 990)")
    connection.execute("CREATE TABLE empty (i int)")
    found = size_of(connection, "small")
    assert found is not None
    assert (found.rows, found.exact) == (1_000, True)
    assert size_of(connection, "empty") == TableSize(0, 0, exact=True)


def test_rows_of_large_tables_are_estimated_as_the_planner_does(connection: Connection) -> None:
    """By the density that ANALYZE saw, and the pages of now; without it, by what was inserted since the server started."""
    fill(connection, "large", 80_000)
    connection.execute("ANALYZE large; INSERT INTO large SELECT * FROM large")
    found = size_of(connection, "large")
    assert found is not None
    assert not found.exact
    assert found.rows == pytest.approx(160_000, rel=0.1)
    assert found.size == connection.execute("SELECT pg_total_relation_size('large')").fetchall()[0][0]


def test_a_partitioned_table_has_the_size_of_its_partitions(connection: Connection) -> None:
    """Those below them, too; each partition knows its table."""
    connection.execute(
        "CREATE TABLE p (i int) PARTITION BY RANGE (i);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (i);"
        "CREATE TABLE p2a PARTITION OF p2 FOR VALUES FROM (10) TO (20);"
        "INSERT INTO p SELECT generate_series(0, 19)"
    )
    assert size_of(connection, "p") == TableSize(20, 16384, exact=True)
    assert size_of(connection, "p2") == TableSize(10, 8192, exact=True)
    facts = facts_of(connection, TableSet("p"), TableSet("p", Kin.PARTITIONS))
    parents = {table.name: facts.tables[table.parent].name for table in facts.tables.values() if table.parent}
    assert parents == {"p1": "p", "p2": "p", "p2a": "p2"}


# -- nobody is waited for, and nothing of theirs is run ------------------------------------------------------------------

LOCKS = [
    "LOCK TABLE t IN ACCESS EXCLUSIVE MODE",
    "ALTER TABLE t ADD COLUMN n int",
    "REINDEX INDEX t_i",
]


@pytest.mark.parametrize("statement", LOCKS)
def test_a_locked_table_is_not_waited_for(connection: Connection, other: Connection, statement: str) -> None:
    """Its size is that of the last VACUUM or ANALYZE, and nobody is in anybody's way."""
    fill(connection, "t", 1_000)
    connection.execute("CREATE INDEX t_i ON t (i); ALTER TABLE t ADD CHECK (i > 0); ANALYZE t")
    other.execute(statement.encode())
    before = time.monotonic()
    facts = facts_of(connection, TableSet("t"))
    assert time.monotonic() - before < 1
    assert facts.notes == ()
    assert [set(shape.columns) for shape in facts.shapes.values()] == [{"i", "t"}]
    (found,) = (table.size for table in facts.tables.values())
    assert found is not None
    assert (found.rows, found.exact) == (1_000, False)
    assert found.size > 8192 * 2


def test_a_lock_that_another_session_waits_for_is_not_waited_for_either(
    connection: Connection, other: Connection, database: str
) -> None:
    """Whoever comes behind it would wait as well."""
    fill(connection, "t", 10)
    other.execute("SELECT FROM t")
    with psycopg.connect(database, autocommit=True) as waiting:
        waiting.execute("SET lock_timeout = '5s'")
        thread = threading.Thread(target=waiting.execute, args=("ALTER TABLE t ADD COLUMN n int",))
        thread.start()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s"
        deadline = time.monotonic() + 4
        while connection.execute(waits, [waiting.info.backend_pid]).fetchone() == (0,) and time.monotonic() < deadline:
            time.sleep(0.01)
        before = time.monotonic()
        found = size_of(connection, "t")
        took = time.monotonic() - before
        other.rollback()
        thread.join()
    assert found is not None
    assert not found.exact
    assert took < 1


def test_what_takes_too_long_is_left_out_and_said(connection: Connection, other: Connection) -> None:
    """A lock on the catalog itself: there are no sizes, and a note says why."""
    fill(connection, "t", 10)
    other.execute("LOCK TABLE pg_catalog.pg_inherits IN ACCESS EXCLUSIVE MODE")
    before = time.monotonic()
    facts = facts_of(connection, TableSet("t"), TableSet("t", Kin.PARTITIONS))
    assert time.monotonic() - before < 2
    assert (facts.tables, facts.sets) == ({}, {})
    assert facts.notes == (
        "the tables could not be looked at, so their sizes are unknown: another session has locked one of them",
    )
    assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_no_right_is_needed_to_look(connection: Connection, database: str) -> None:
    """Who may not read a table gets an estimate of its rows, and no error: not of its schema, either."""
    connection.execute("CREATE SCHEMA secret")
    fill(connection, "secret.t", 100)
    connection.execute("ANALYZE secret.t; CREATE ROLE nobody_special LOGIN")
    try:
        with psycopg.connect(database, autocommit=True) as poor:
            poor.execute("SET ROLE nobody_special")
            (table,) = tables_named(poor, "secret.t")
            assert table.size is not None
            assert (table.size.rows, table.size.exact) == (100, False)
    finally:
        connection.execute("DROP ROLE nobody_special")


def test_no_policy_is_run_and_no_row_is_hidden(connection: Connection, database: str) -> None:
    """Rows of a table with policies for the role are not counted."""
    fill(connection, "t", 100)
    connection.execute(
        "CREATE FUNCTION spy() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'run'; END $$;"
        "ANALYZE t; ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (spy());"
        "CREATE ROLE somebody_special; GRANT SELECT ON t TO somebody_special"
    )
    try:
        with psycopg.connect(database, autocommit=True) as poor:
            poor.execute("SET ROLE somebody_special")
            found = size_of(poor, "t")
            assert found is not None
            assert (found.rows, found.exact) == (100, False)
    finally:
        connection.execute("REVOKE ALL ON t FROM somebody_special; DROP ROLE somebody_special")


def test_no_function_and_no_operator_of_a_user_is_run(connection: Connection) -> None:
    """Not even if the search_path finds it before PostgreSQL's own."""
    fill(connection, "t", 10)
    connection.execute(
        """
        CREATE FUNCTION spy() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'run'; END $$;
        CREATE FUNCTION spy(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT spy()';
        CREATE FUNCTION spy(name, name) RETURNS bool LANGUAGE sql AS 'SELECT spy()';
        CREATE FUNCTION spy("char", "char") RETURNS bool LANGUAGE sql AS 'SELECT spy()';
        CREATE OPERATOR = (LEFTARG = oid, RIGHTARG = oid, FUNCTION = spy);
        CREATE OPERATOR = (LEFTARG = name, RIGHTARG = name, FUNCTION = spy);
        CREATE OPERATOR = (LEFTARG = "char", RIGHTARG = "char", FUNCTION = spy);
        CREATE FUNCTION current_schemas(bool) RETURNS name[] LANGUAGE sql AS 'SELECT NULL::name[] FROM spy()';
        CREATE FUNCTION pg_total_relation_size(oid) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint FROM spy()';
        SET search_path = public, pg_catalog
        """
    )
    assert size_of(connection, "t") == TableSize(10, 16384, exact=True)


PLANTED = [
    "CREATE INDEX ON t ((i + planted('x')))",
    "CREATE INDEX ON t (i) WHERE i > planted('x')",
    "CREATE STATISTICS s ON (i + planted('x')), i FROM t",
    "CREATE INDEX ON t ((i + ('x' ~> 1)))",
    "CREATE INDEX ON t (i) WHERE 1::checked > i",
]


@pytest.mark.parametrize("statement", PLANTED)
def test_what_an_expression_of_a_table_calls_is_not_run(connection: Connection, statement: str) -> None:
    """To plan a query PostgreSQL executes what an index or statistics call with constants: no row is counted there."""
    connection.execute("CREATE TABLE t (i int)")
    connection.execute(
        """
        CREATE FUNCTION planted(text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
            IF current_setting('test.planted', true) = 'run' THEN RAISE EXCEPTION 'run'; END IF; RETURN 1;
        END $$;
        CREATE FUNCTION planted(text, int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT public.planted($1)';
        CREATE OPERATOR ~> (LEFTARG = text, RIGHTARG = int, FUNCTION = planted);
        CREATE DOMAIN checked AS int CHECK (VALUE >= planted('x'))
        """
    )
    connection.execute(statement.encode())
    connection.execute("INSERT INTO t SELECT generate_series(1, 100); ANALYZE t; SET test.planted = 'run'")
    facts = facts_of(connection, TableSet("t"))
    assert facts.notes == ()
    assert [table.size and (table.size.rows, table.size.exact) for table in facts.tables.values()] == [(100, False)]


def test_rows_are_counted_where_expressions_are_postgresqls_own(connection: Connection) -> None:
    """Most indexes of expressions are of that kind."""
    fill(connection, "t", 10)
    connection.execute("CREATE INDEX ON t (lower(t)) WHERE i IS NOT NULL; CREATE STATISTICS s ON (i + 1), t FROM t")
    assert (found := size_of(connection, "t")) is not None
    assert (found.rows, found.exact) == (10, True)


def test_rows_of_so_many_tables_are_counted_that_locks_are_left(connection: Connection) -> None:
    """One statement holds the locks of all tables in it, and the server's room for locks is everybody's."""
    row = ("s", "t", "r", True, None, True, 1, 1.0, 1, 8192, 8192, 0, False, True, None)
    query = count_query([(number, *row) for number in range(5_000)])
    assert query is not None
    assert query.as_string(connection).count("count(*)") == 100


def test_nothing_is_written(connection: Connection) -> None:
    """A session that may only read can look, and a transaction number is not used up."""
    fill(connection, "t", 10)
    connection.execute("SET default_transaction_read_only = on")
    before = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())").fetchone()
    assert size_of(connection, "t") is not None
    assert connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())").fetchone() == before


def test_tables_are_known_even_if_their_kin_is_not(connection: Connection, other: Connection) -> None:
    """Who is named is looked at by itself where the rest takes too long; a note says what is missing."""
    fill(connection, "t", 10)
    other.execute("LOCK TABLE pg_catalog.pg_policy IN ACCESS EXCLUSIVE MODE")
    found = facts_of(connection, TableSet("t"), TableSet("t", Kin.DEPENDENT))
    assert [table.name for table in found.tables.values()] == ["t"]
    assert list(found.sets) == [TableSet("t")]
    assert found.notes[0] == ("which other tables are concerned is not known: another session has locked one of them")
