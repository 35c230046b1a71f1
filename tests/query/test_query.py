"""What PostgreSQL answers reaches Python exactly, in one transaction, whatever the SQL is."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as clock
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from fsapi_nb.errors import QueryFailed, TransactionEnded
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.model.result import Column, ResultSet
from fsapi_nb.postgres.wait import StoppableConnection
from fsapi_nb.postgres.wire import collect
from fsapi_nb.query.query import JSON_NULL, JsonText, run_query
from fsapi_nb.views.frames import to_frame
from tests.conftest import MakeDatabase

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def session(make_database: MakeDatabase) -> Iterator[Connection]:
    """One session for all tests that change nothing."""
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        yield connection


@pytest.fixture
def reader(session: Connection) -> Iterator[Connection]:
    """The shared session; it must come back as it was, and settings are put back."""
    yield session
    assert session.pgconn.transaction_status == TransactionStatus.IDLE
    session.execute("RESET ALL")


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    """A connection like those that a query is given: psycopg's own gives up if a cancel takes longer than five seconds."""
    with StoppableConnection.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def other(database: str) -> Iterator[Connection]:
    """A second session, to see what is committed."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def only_value(connection: Connection, sql: str) -> object:
    (result,) = run_query(connection, sql)
    ((value,),) = result.rows
    return value


UTC_2020 = datetime(2020, 1, 1, tzinfo=UTC)
DEEP = "[" * 150 + "]" * 150
PI_29 = "3.14159265358979323846264338328"

# An SQL expression, the Python value it becomes, and the dtype of its column.
VALUES: list[tuple[str, object, str]] = [
    ("1::int2", 1, "Int16"),
    ("1::int4", 1, "Int32"),
    ("9007199254740993::int8", 9007199254740993, "Int64"),
    ("4294967295::oid", 4294967295, "UInt32"),
    ("true", True, "boolean"),
    ("0.1::float4", 0.1, "Float32"),
    ("0.1::float8", 0.1, "Float64"),
    ("'-Infinity'::float8", float("-inf"), "Float64"),
    (f"{PI_29}::numeric", Decimal(PI_29), "object"),
    ("1.10::numeric(10,2)", Decimal("1.10"), "object"),
    ("'Infinity'::numeric", Decimal("Infinity"), "object"),
    ("'%s :x {} $1'::text", "%s :x {} $1", "string"),
    ("'ab'::char(4)", "ab  ", "string"),
    ("'x'::\"char\"", "x", "string"),
    ("'n'::name", "n", "string"),
    ("'literal'", "literal", "string"),
    ("NULL", None, "string"),
    ("'日本 é'", "日本 é", "string"),
    (
        "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
        uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        "object",
    ),
    (r"'\x00ff5c'::bytea", b"\x00\xff\\", "object"),
    # dates and times
    ("'2020-01-31'::date", date(2020, 1, 31), "object"),
    ("'infinity'::date", "infinity", "object"),
    ("'0044-03-15 BC'::date", "0044-03-15 BC", "object"),
    ("'10000-01-01'::date", "10000-01-01", "object"),
    ("'2020-01-01 00:00:00.000001'::timestamp", datetime(2020, 1, 1, 0, 0, 0, 1), "datetime64[us]"),
    ("'0001-01-01'::timestamp", datetime(1, 1, 1), "datetime64[us]"),
    ("'9999-12-31 23:59:59.999999'::timestamp", datetime.max, "datetime64[us]"),
    ("'-infinity'::timestamp", "-infinity", "object"),
    ("'2020-01-01 05:30+05:30'::timestamptz", UTC_2020, "datetime64[us, UTC]"),
    ("'infinity'::timestamptz", "infinity", "object"),
    ("'12:00:00.5'::time", clock(12, 0, 0, 500_000), "object"),
    ("'24:00'::time", "24:00:00", "object"),
    ("'12:00+05:30:10'::timetz", clock(12, tzinfo=timezone(timedelta(hours=5, minutes=30, seconds=10))), "object"),
    ("'24:00+01'::timetz", "24:00:00+01", "object"),
    ("'1 day 02:03:04.5'::interval", timedelta(days=1, hours=2, minutes=3, seconds=4.5), "object"),
    ("'-1 day -00:00:00.5'::interval", -timedelta(days=1, seconds=0.5), "object"),
    ("'-1 day +01:00'::interval", timedelta(hours=-23), "object"),
    ("'1 day -01:00'::interval", timedelta(hours=23), "object"),
    ("'0'::interval", timedelta(0), "object"),
    ("'300:00:00'::interval", timedelta(hours=300), "object"),
    ("'1 mon'::interval", "1 mon", "object"),
    ("'1 year 2 days'::interval", "1 year 2 days", "object"),
    ("'1000000000 days'::interval", "1000000000 days", "object"),
    # JSON
    ("'null'::jsonb", JSON_NULL, "object"),
    ("'null'::json", JSON_NULL, "object"),
    ("NULL::jsonb", None, "object"),
    ("""'"null"'::jsonb""", "null", "object"),
    ("""'{"a": [1, 1.10, null, true]}'::jsonb""", {"a": [1, Decimal("1.10"), None, True]}, "object"),
    ("'12345678901234567890'::jsonb", 12345678901234567890, "object"),
    ("'1e400'::json", Decimal("1e400"), "object"),
    ("""'{"a":1,"a":2}'::json""", JsonText('{"a":1,"a":2}'), "object"),
    (r"""'"\ud800"'::json""", JsonText(r'"\ud800"'), "object"),
    (r"""'"\ud83d\ude00"'::json""", "😀", "object"),
    (f"'{DEEP}'::json", JsonText(DEEP), "object"),
    ("ARRAY['[1]', 'null', NULL]::jsonb[]", ["[1]", "null", None], "object"),
    # arrays
    ("ARRAY[1, NULL, 3]", [1, None, 3], "object"),
    ("'{}'::int[]", [], "object"),
    ("ARRAY[[1, 2], [3, NULL]]", [[1, 2], [3, None]], "object"),
    ("'[0:1]={1,2}'::int[]", "[0:1]={1,2}", "object"),
    (r"""ARRAY['NULL', NULL, '', 'a"b\c,{}', E'x\ny']""", ["NULL", None, "", 'a"b\\c,{}', "x\ny"], "object"),
    ("'{infinity,2020-01-01,NULL}'::date[]", ["infinity", date(2020, 1, 1), None], "object"),
    (r"ARRAY['\x00'::bytea]", [b"\x00"], "object"),
    ("ARRAY['(1,1),(0,0)'::box, '(2,2),(0,0)']", ["(1,1),(0,0)", "(2,2),(0,0)"], "object"),
    ("'1 2'::int2vector", "1 2", "object"),
    # ranges
    ("'[1,5)'::int4range", Range(1, 5, "[)"), "object"),
    ("'empty'::numrange", Range(empty=True), "object"),
    ("'(,1.10]'::numrange", Range(None, Decimal("1.10"), "(]"), "object"),
    ("tstzrange('2020-01-01 00:00+00', NULL)", Range(UTC_2020, None, "[)"), "object"),
    ("daterange('2020-01-01', 'infinity')", "[2020-01-01,infinity)", "object"),
    ("daterange('0044-03-15 BC', NULL)", '["0044-03-15 BC",)', "object"),
    ("'{[1,2),[5,9)}'::int8multirange", Multirange([Range(1, 2, "[)"), Range(5, 9, "[)")]), "object"),
    ("'{}'::int8multirange", Multirange(), "object"),
    ("'{[2020-01-01,infinity)}'::datemultirange", "{[2020-01-01,infinity)}", "object"),
    ("ARRAY['[1,3)'::int4range]", [Range(1, 3, "[)")], "object"),
    # what has no Python type
    ("ROW(1, 'a b', NULL)", '(1,"a b",)', "object"),
    ("'10.0.0.1/8'::inet", "10.0.0.1/8", "object"),
    ("'08:00:2b:01:02:03'::macaddr", "08:00:2b:01:02:03", "object"),
    ("'1234.5'::money", "$1,234.50", "object"),
    ("'a:1 b'::tsvector", "'a':1 'b'", "object"),
    ("B'0101'", "0101", "object"),
    ("'(1,2)'::point", "(1,2)", "object"),
    ("'0/16B3748'::pg_lsn", "0/16B3748", "object"),
    ("'7'::xid", "7", "object"),
    ("'pg_class'::regclass", "pg_class", "object"),
    ("pg_sleep(0)", "", "object"),
]


@pytest.mark.parametrize(("expression", "value", "dtype"), VALUES)
def test_a_value_is_exact_and_its_column_has_the_dtype_of_its_type(
    reader: Connection, expression: str, value: object, dtype: str
) -> None:
    reader.execute("SET lc_monetary = 'C'")
    reader.execute("SET TimeZone = 'Asia/Kolkata'")  # what comes back is in UTC all the same
    (result,) = run_query(reader, f"SELECT {expression} AS x")
    ((got,),) = result.rows
    assert got == value
    assert type(got) is type(value)
    assert repr(got) == repr(value)  # Decimal("1.1") == Decimal("1.10")
    assert str(to_frame(result)["x"].dtype) == dtype


@pytest.mark.parametrize("type_name", ["float4", "float8", "numeric"])
def test_nan_is_a_value(reader: Connection, type_name: str) -> None:
    nan = only_value(reader, f"SELECT 'NaN'::{type_name}")
    assert str(nan).lower() == "nan"
    assert only_value(reader, f"SELECT ARRAY['NaN', NULL, '1']::{type_name}[] IS NOT NULL") is True


def test_types_of_the_user_are_named_and_read(connection: Connection) -> None:
    """Enums, domains, composites and ranges that were made in the very same text; domains show as what they are of."""
    *_, result = run_query(
        connection,
        """
        CREATE TYPE mood AS ENUM ('sad', 'ok');
        CREATE DOMAIN price AS numeric CHECK (VALUE > 0);
        CREATE DOMAIN prices AS price[];
        CREATE TYPE pair AS (a int, b text);
        CREATE TYPE span AS RANGE (subtype = date);
        CREATE SCHEMA app CREATE TABLE entry (id int);
        SELECT 'sad'::mood AS enum, '{ok,NULL}'::mood[] AS enums, 1.50::price AS price, '{1.50}'::price[] AS prices,
            ARRAY['{1.50}'::prices] AS nested, ROW(1, 'x y')::pair AS pair, ARRAY[ROW(1, 'x y')::pair] AS pairs,
            '[2020-01-01,2020-02-01)'::span AS span, '{[2020-01-01,infinity)}'::span_multirange AS spans,
            '(7)'::app.entry AS entry
        """,
    )
    assert {column.name: column.type_name for column in result.columns} == {
        "enum": "mood",
        "enums": "mood[]",
        "price": "numeric",
        "prices": "price[]",
        "nested": "prices[]",
        "pair": "pair",
        "pairs": "pair[]",
        "span": "span",
        "spans": "span_multirange",
        "entry": "app.entry",
    }
    assert result.rows == [
        (
            "sad",
            ["ok", None],
            Decimal("1.50"),
            [Decimal("1.50")],
            [[Decimal("1.50")]],
            '(1,"x y")',
            ['(1,"x y")'],
            Range(date(2020, 1, 1), date(2020, 2, 1), "[)"),
            "{[2020-01-01,infinity)}",
            "(7)",
        )
    ]
    connection.execute("DROP SCHEMA app CASCADE")


def test_a_type_that_is_gone_leaves_its_text(connection: Connection) -> None:
    sql = "CREATE TYPE mood AS ENUM ('ok'); SELECT 'ok'::mood; DROP TYPE mood"
    _, result, _ = run_query(connection, sql)
    assert result.rows == [("ok",)]
    assert result.columns[0].type_name == f"oid {result.columns[0].type_oid}"


def test_other_styles_of_dates_stay_text_rather_than_be_guessed(reader: Connection) -> None:
    """PostgreSQL tells a changed DateStyle only after the last statement: 02/01/2020 could be read as February."""
    _, _, result, _ = run_query(
        reader,
        "SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'iso_8601';"
        "SELECT DATE '2020-01-02', TIMESTAMP '2020-01-02 00:00', INTERVAL '1 day';"
        "SET DateStyle = 'SQL, MDY'",
    )
    assert result.rows == [("02/01/2020", "02/01/2020 00:00:00", "P1D")]


def test_bytea_in_the_old_output_is_bytes(reader: Connection) -> None:
    _, result = run_query(reader, r"SET bytea_output = escape; SELECT '\x00ff5c41'::bytea")
    assert result.rows == [(b"\x00\xff\\A",)]


def test_elements_of_arrays_end_where_they_end(reader: Connection) -> None:
    r"""psycopg alone reads on behind an element: `{"","\001"}` begins with an empty value."""
    for style in ("escape", "hex"):
        sql = (
            rf"SET bytea_output = {style}; SELECT ARRAY['', '\x015c'::bytea, NULL], ARRAY[1.5, 'NaN'], ARRAY['x'::text]"
        )
        _, result = run_query(reader, sql)
        assert repr(result.rows[0]) == r"([b'', b'\x01\\', None], [Decimal('1.5'), Decimal('NaN')], ['x'])"


def test_a_moment_that_is_in_the_calendar_only_here_stays_text(reader: Connection) -> None:
    """In New York it is the last day of 9999, in UTC the first of the next year."""
    sql = "SET TimeZone = 'America/New_York'; SELECT m, ARRAY[m] FROM (SELECT '9999-12-31 22:00-05'::timestamptz) t (m)"
    _, result = run_query(reader, sql)
    assert result.rows == [("9999-12-31 22:00:00-05", ["9999-12-31 22:00:00-05"])]


def test_bounds_of_ranges_may_have_braces(connection: Connection) -> None:
    *_, result = run_query(
        connection,
        r"""CREATE TYPE words AS RANGE (subtype = text); CREATE TYPE lists AS RANGE (subtype = int[]);
        SELECT words('}', NULL), words('a"\b', '{'), lists('{1,2}', '{3}'), lists('[0:1]={1,2}', NULL)""",
    )
    assert result.rows == [
        (Range("}", None, "[)"), Range('a"\\b', "{", "[)"), Range([1, 2], [3], "[)"), '["[0:1]={1,2}",)')
    ]


def test_another_client_encoding_is_followed(reader: Connection) -> None:
    _, result = run_query(reader, "SET client_encoding = 'LATIN1'; SELECT 'e' || chr(233) AS \"e\"")
    assert result.rows == [("e\xe9",)]
    assert only_value(reader, "SELECT '\xe9'") == "\xe9"
    with pytest.raises(QueryFailed) as caught:
        run_query(reader, "SELECT '€'")
    assert caught.value.place == SourceLocation("query", 1, 9, "SELECT '€'")


# ---------------------------------------------------------------------------------------------- whole results


def test_every_statement_has_its_result_in_order(connection: Connection) -> None:
    results = run_query(
        connection,
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2) RETURNING a AS x, a; INSERT INTO t VALUES (3);"
        "SELECT FROM t; SELECT a FROM t WHERE false; -- the end",
    )
    x, a = Column("x", 23, "int4"), Column("a", 23, "int4")
    assert results == (
        ResultSet((), [], "CREATE TABLE"),
        ResultSet((x, a), [(1, 1), (2, 2)], "INSERT 0 2"),
        ResultSet((), [], "INSERT 0 1"),
        ResultSet((), [(), (), ()], "SELECT 3"),
        ResultSet((a,), [], "SELECT 0"),
    )


@pytest.mark.parametrize("sql", ["", ";", "-- only a comment", " /* ; */ ;;"])
def test_a_text_without_statements_has_no_results(reader: Connection, sql: str) -> None:
    assert run_query(reader, sql) == ()


def test_a_binary_cursor_gives_its_bytes(reader: Connection) -> None:
    _, result = run_query(reader, "DECLARE c BINARY CURSOR FOR SELECT 1, NULL::int; FETCH c")
    assert result.rows == [(b"\x00\x00\x00\x01", None)]


# ------------------------------------------------------------------------------------------------ transactions


def test_a_failing_second_statement_rolls_back_the_first(connection: Connection) -> None:
    with pytest.raises(QueryFailed) as caught:
        run_query(connection, "CREATE TABLE t (a int);\r\nSELECT 'é€', nope;")
    assert caught.value.server.sqlstate == "42703"
    assert caught.value.place == SourceLocation("query", 2, 14, "SELECT 'é€', nope;")
    assert caught.value.state == "unchanged; the transaction was rolled back."
    assert isinstance(caught.value.__cause__, psycopg.errors.UndefinedColumn)
    assert only_value(connection, "SELECT to_regclass('t')") is None


def test_an_error_at_the_very_end_has_its_place(reader: Connection) -> None:
    with pytest.raises(QueryFailed) as caught:
        run_query(reader, "\nSELECT (")
    assert caught.value.place == SourceLocation("query", 2, 9, "SELECT (")


def test_an_error_without_a_position_has_no_place(connection: Connection) -> None:
    run_query(connection, "CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(QueryFailed, match="duplicate key") as caught:
        run_query(connection, "INSERT INTO t VALUES (1), (1)")  # COMMIT fails
    assert caught.value.place is None
    assert caught.value.server.detail == "Key (a)=(1) already exists."
    assert run_query(connection, "SELECT FROM t")[0].rows == []


def test_a_nul_is_refused_rather_than_the_rest_left_out(reader: Connection) -> None:
    with pytest.raises(QueryFailed, match="NUL") as caught:
        run_query(reader, "SELECT 1\n\0 FROM nowhere")
    assert caught.value.place == SourceLocation("query", 2, 1, "? FROM nowhere")


def test_vacuum_alone_runs_outside_a_transaction(connection: Connection) -> None:
    run_query(connection, "CREATE TABLE t (a int)")
    assert run_query(connection, "-- by itself\nVACUUM t;") == (ResultSet((), [], "VACUUM"),)
    run_query(connection, "CREATE INDEX CONCURRENTLY i ON t (a)")
    assert only_value(connection, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") is True


@pytest.mark.parametrize(("sql", "read_only"), [("VACUUM; SELECT 1", False), ("VACUUM", True)])
def test_vacuum_is_refused_in_company_and_in_read_only(reader: Connection, sql: str, read_only: bool) -> None:
    with pytest.raises(QueryFailed) as caught:
        run_query(reader, sql, read_only=read_only)
    assert caught.value.server.sqlstate == "25001"


def test_what_fails_outside_a_transaction_does_not_claim_a_rollback(connection: Connection) -> None:
    run_query(connection, "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1)")
    with pytest.raises(QueryFailed) as caught:
        run_query(connection, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)")
    assert "invalid index" in str(caught.value.state)
    assert only_value(connection, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") is False


def test_read_only_refuses_writes(connection: Connection) -> None:
    with pytest.raises(QueryFailed) as caught:
        run_query(connection, "CREATE TABLE t (a int)", read_only=True)
    assert caught.value.server.sqlstate == "25006"
    assert run_query(connection, "SELECT 1", read_only=True)[0].rows == [(1,)]


# A text that ends our transaction, what its error says of the rest, and the rows that are then in t.
ENDINGS = [
    ("INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2)", "after the last of them is committed", [1, 2]),
    ("INSERT INTO t VALUES (1); ROLLBACK; INSERT INTO t VALUES (2)", "after the last of them is committed", [2]),
    ("BEGIN; INSERT INTO t VALUES (1); COMMIT", "after the last of them is committed", [1]),
    ("INSERT INTO t VALUES (1); COMMIT AND CHAIN; INSERT INTO t VALUES (2)", "rolled back", [1]),
    ("INSERT INTO t VALUES (1); COMMIT; BEGIN; INSERT INTO t VALUES (2)", "rolled back", [1]),
    ("SAVEPOINT s; ROLLBACK AND CHAIN; INSERT INTO t VALUES (2)", "rolled back", []),
]


@pytest.mark.parametrize(("sql", "state", "rows"), ENDINGS)
def test_a_text_that_ends_the_transaction_is_reported(
    connection: Connection, other: Connection, sql: str, state: str, rows: list[int]
) -> None:
    run_query(connection, "CREATE TABLE t (a int)")
    with pytest.raises(TransactionEnded) as caught:
        run_query(connection, sql)
    assert state in str(caught.value.state)
    assert [row[0] for row in other.execute("SELECT a FROM t ORDER BY a")] == rows
    assert connection.pgconn.transaction_status == TransactionStatus.IDLE


def test_an_error_after_an_embedded_commit_does_not_claim_that_nothing_changed(connection: Connection) -> None:
    with pytest.raises(QueryFailed) as caught:
        run_query(connection, "CREATE TABLE t (a int); COMMIT; SELECT 1 / 0")
    assert "nothing was changed" not in str(caught.value.state)
    assert only_value(connection, "SELECT to_regclass('t')") == "t"


def test_savepoints_and_isolation_levels_are_left_to_the_text(connection: Connection) -> None:
    *_, isolation, _, _, _, rows = run_query(
        connection,
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; CREATE TABLE t (a int); SHOW transaction_isolation;"
        "SAVEPOINT s; INSERT INTO t VALUES (1); ROLLBACK TO s; SELECT a FROM t",
    )
    assert isolation.rows == [("serializable",)]
    assert rows.rows == []


def test_a_connection_in_a_transaction_is_not_taken(connection: Connection) -> None:
    connection.execute("BEGIN")
    with pytest.raises(ValueError, match="autocommit"):
        run_query(connection, "SELECT 1")


# ---------------------------------------------------------------------------------- copies, interrupts, losses


@pytest.mark.parametrize(
    "sql",
    [
        "COPY t FROM STDIN",
        "COPY t TO STDOUT",
        "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 50000)) TO STDOUT",
        "COPY t TO STDOUT; COPY t FROM STDIN; SELECT 1",
        "INSERT INTO t VALUES (2); COPY t TO STDOUT",
    ],
)
def test_copy_is_refused_and_leaves_the_connection_usable(connection: Connection, sql: str) -> None:
    run_query(connection, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
    with pytest.raises(QueryFailed, match="COPY") as caught:
        run_query(connection, sql)
    assert caught.value.state == "unchanged; the transaction was rolled back."
    assert run_query(connection, "SELECT a FROM t")[0].rows == [(1,)]


def test_an_interrupt_cancels_on_the_server_and_rolls_back(connection: Connection, other: Connection) -> None:
    pid = connection.info.backend_pid

    def interrupt() -> None:
        busy = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
        while other.execute(busy, (pid,)).fetchone() is None:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_query(connection, "CREATE TABLE t (a int); SELECT pg_sleep(60)")
    thread.join()
    assert connection.pgconn.transaction_status == TransactionStatus.IDLE
    assert only_value(connection, "SELECT to_regclass('t')") is None


def test_an_interrupt_in_the_midst_of_a_conversation_leaves_the_connection_usable(connection: Connection) -> None:
    """Python raises it wherever it is at work, not only where it waits for the server."""

    def interrupted(conversation: PQGen[None]) -> PQGen[None]:
        yield next(conversation)
        raise KeyboardInterrupt

    connection.pgconn.send_query(b"SELECT pg_sleep(60); SELECT 1")
    with pytest.raises(KeyboardInterrupt):
        connection.wait(interrupted(collect(connection.pgconn, [])))
    assert connection.pgconn.transaction_status == TransactionStatus.IDLE
    assert only_value(connection, "SELECT 7") == 7


def test_a_lost_connection_says_what_became_of_the_changes(connection: Connection, other: Connection) -> None:
    with pytest.raises(QueryFailed) as caught:
        run_query(connection, "CREATE TABLE t (a int); SELECT pg_terminate_backend(pg_backend_pid())")
    assert caught.value.server.sqlstate == "57P01"  # the server said so before it went
    assert "the server rolls back" in str(caught.value.state)
    assert other.execute("SELECT to_regclass('t')").fetchone() == (None,)
    with pytest.raises(QueryFailed) as caught:
        run_query(connection, "SELECT 1")
    assert caught.value.server.sqlstate is None
    assert caught.value.state == "unchanged."


def test_a_connection_lost_during_commit_leaves_it_open(connection: Connection) -> None:
    """A deferred trigger runs in COMMIT, and ends its own backend there."""
    run_query(
        connection,
        """
        CREATE TABLE t (a int);
        CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER leave AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION leave()
        """,
    )
    with pytest.raises(QueryFailed) as caught:
        run_query(connection, "INSERT INTO t VALUES (1)")
    assert "not known" in str(caught.value.state)
