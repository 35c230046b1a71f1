"""A plain query is answered as a copy, and nobody can tell: the same rows, tag, places of errors, and interrupts."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

import pandas as pd
import psycopg
import pytest
from psycopg import sql as literal
from psycopg.pq import TransactionStatus

from fsapi_nb.errors import QueryFailed
from fsapi_nb.model.place import SourceLocation
from fsapi_nb.model.result import Column, ResultSet
from fsapi_nb.query.copy import plain_query
from fsapi_nb.query.query import run_query
from fsapi_nb.query.values.chunk import MalformedRows, fields, unframe
from fsapi_nb.query.values.stored import ColumnarRows
from fsapi_nb.views.frames import prepare, to_frame
from fsapi_nb.views.results import QueryResult
from tests.conftest import MakeDatabase

Connection = psycopg.Connection[tuple[Any, ...]]
MANY = 20_000  # rows, so that they come in several chunks


@pytest.fixture(scope="module", autouse=True)
def _frames() -> None:
    prepare()


@pytest.fixture(scope="module")
def session(make_database: MakeDatabase) -> Iterator[Connection]:
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        yield connection


@pytest.fixture
def connection(session: Connection) -> Iterator[Connection]:
    """The shared session; it must come back as it was."""
    yield session
    assert session.pgconn.transaction_status == TransactionStatus.IDLE
    session.execute("RESET ALL")


def query(connection: Connection, text: str, *, read_only: bool = False) -> ResultSet:
    (result,) = run_query(connection, text, read_only=read_only)
    return result


# ------------------------------------------------------------------------------------------------- what is copied


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        " \n-- what\nSELECT 1 -- one",
        "SELECT 1 /* ; */ ; ; -- the end;",
        "VALUES (1)",
        "(SELECT 1)",
        "WITH one AS (SELECT 1) TABLE one",
        "SELECT 1 UNION SELECT 1 ORDER BY 1 LIMIT 1",
        "SELECT ';)'::text, $$)$$ AS \")\"",
        'SELECT 1 AS "😀" /* 😀 */ ;',
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_plain_query_is_copied(connection: Connection, text: str, read_only: bool) -> None:
    assert plain_query(text)
    result = query(connection, text, read_only=read_only)
    assert isinstance(result.rows, ColumnarRows)
    assert len(result.rows) == 1
    assert result.command == "SELECT 1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-- nothing",
        "SELECT 1; SELECT 2",
        ";SELECT 1",
        "SELECT",
        "SELECT 1 INTO t",
        "SELECT 1 FOR UPDATE",
        "WITH gone AS (DELETE FROM t RETURNING 1) SELECT * FROM gone",
        "INSERT INTO t VALUES (1) RETURNING a",
        "SHOW server_version",
        "EXPLAIN SELECT 1",
        "EXECUTE one",
        "FETCH c",
        "SELECT $1",
        "SELECT current_query()",
        'SELECT * FROM "pg_stat_activity"',
        "SELECT set_config('client_encoding', 'LATIN1', false)",
        "SELECT 1 WHERE",
        "SELECT '",
        "SELECT 1 -- " + "x" * 100_000,
    ],
)
def test_what_is_not_just_a_query_is_sent_as_it_is(text: str) -> None:
    """Where it could change something, see its own text, or stands not alone, and where we do not know."""
    assert plain_query(text) is None or text == "SELECT"


def test_an_enum_is_copied_and_has_its_name(connection: Connection) -> None:
    """Which is the database's own, so that its catalog is asked."""
    connection.execute("CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('sad', 'ok')")
    result = query(connection, "SELECT * FROM (VALUES (1, 'ok'::app.mood), (2, NULL)) v (id, mood)")
    assert isinstance(result.rows, ColumnarRows)
    assert result.rows == [(1, "ok"), (2, None)]
    assert [column.type_name for column in result.columns] == ["int4", "app.mood"]
    assert str(to_frame(result)["mood"].dtype) == "object"


def test_many_rows_that_come_as_text_are_the_same(connection: Connection) -> None:
    """They come in parts, each of which is let go once it is read."""
    result, _ = run_query(connection, f"{LARGE}; SELECT 1")
    assert isinstance(result.rows, ColumnarRows)
    assert result.command == f"SELECT {MANY}"
    rows = query(connection, LARGE).rows
    assert result.rows == rows
    assert [repr(row) for row in result.rows] == [repr(row) for row in rows]
    pd.testing.assert_frame_equal(to_frame(result), to_frame(query(connection, LARGE)), check_exact=True)


def test_a_type_that_bytes_do_not_say_exactly_is_read_as_text(connection: Connection) -> None:
    result = query(connection, "SELECT 1 AS a, '10.0.0.1'::inet AS b")
    assert not isinstance(result.rows, ColumnarRows)
    assert result.rows == [(1, "10.0.0.1")]


def test_other_styles_of_dates_are_read_as_text(connection: Connection) -> None:
    """So that one text gives the same whether it stands alone or among others."""
    connection.execute("SET DateStyle = German; SET IntervalStyle = iso_8601")
    assert query(connection, "SELECT DATE '2020-01-31'").rows == [("31.01.2020",)]
    assert query(connection, "SELECT INTERVAL '1 day'").rows == [("P1D",)]


def test_the_query_runs_once(connection: Connection) -> None:
    connection.execute("CREATE SEQUENCE once")
    assert query(connection, "SELECT nextval('once')").rows == [(1,)]
    assert query(connection, "SELECT nextval('once'), '10.0.0.1'::inet").rows == [(2, "10.0.0.1")]


# -------------------------------------------------------------------------------------------------- what it gives

LARGE = f"""
SELECT n AS id, CASE WHEN n % 3 > 0 THEN n::int2 END AS small, CASE WHEN n % 5 > 0 THEN n / 4.0 END AS amount,
    CASE WHEN n % 7 > 0 THEN repeat('é', n % 40) END AS name, DATE '1890-01-01' + n * 9 AS day, NULL::bool AS nothing
FROM generate_series(1, {MANY}) n
"""


def test_many_rows_are_the_same_as_one_by_one(connection: Connection) -> None:
    """Across chunks, with NULL in some, all or none of a column, and texts of all lengths."""
    result = query(connection, LARGE)
    rows = connection.execute(LARGE.encode()).fetchall()
    assert result.command == f"SELECT {MANY}"
    assert list(result.rows) == rows
    assert [repr(row[2]) for row in result.rows] == [repr(row[2]) for row in rows]


def test_long_rows_are_the_same(connection: Connection) -> None:
    """Which come a few at once."""
    sql = "SELECT n, repeat(n::text, 1000000), repeat('é', n * 9) FROM generate_series(1, 9) n"
    assert query(connection, sql).rows == [(n, str(n) * 1_000_000, "é" * n * 9) for n in range(1, 10)]


def test_backslashes_as_they_were_once(connection: Connection) -> None:
    """Our parser reads strings as the standard has them; in this setting, another end of the query would be found."""
    connection.execute("SET standard_conforming_strings = off; SET escape_string_warning = off")
    assert query(connection, r"SELECT '\' ;--'").rows == [("' ;--",)]


def test_rows_are_a_sequence(connection: Connection) -> None:
    """What lists of rows were used for: indices from both ends, slices, comparison."""
    rows = query(connection, "SELECT n, CASE WHEN n > 1 THEN n::text END FROM generate_series(1, 4) n").rows
    expected = [(1, None), (2, "2"), (3, "3"), (4, "4")]
    assert rows == expected
    assert (rows[0], rows[-1], len(rows), bool(rows)) == (expected[0], expected[-1], 4, True)
    assert rows[1:3] == expected[1:3]
    assert rows[::-2] == expected[::-2]
    assert list(reversed(rows)) == expected[::-1]
    assert (3, "3") in rows
    assert rows != expected[:3]
    with pytest.raises(IndexError):
        rows[4]


def test_the_caller_s_decimal_context_rounds_nothing(connection: Connection) -> None:
    with localcontext(prec=3):
        assert query(connection, "SELECT 123456.789").rows == [(Decimal("123456.789"),)]


def test_a_large_result_is_shown_by_its_ends(connection: Connection) -> None:
    shown = str(QueryResult((query(connection, LARGE),)))
    assert f"({MANY} rows)" in shown
    assert "2382-" in shown


def test_each_frame_is_its_owner_s(connection: Connection) -> None:
    """They share memory until one is changed, and the result never changes."""
    result = QueryResult((query(connection, "SELECT 1 AS a, 'x' AS b, 1.5 AS c, NULL::date AS d"),))
    first, second = result.to_frame(), result.to_frame()
    changed: dict[str, Any] = {"a": 2, "b": "y", "c": Decimal(2), "d": date(2020, 1, 1)}
    for name, value in changed.items():
        first.loc[0, name] = value
    assert second.to_dict("records")[0]["a"] == 1
    for frame in (second, result.to_frame()):
        assert [str(value) for value in frame.iloc[0]] == ["1", "x", "1.5", "None"]
    assert result.results[0].rows == [(1, "x", Decimal("1.5"), None)]


@pytest.mark.parametrize("encoding", ["LATIN1", "SJIS", "UTF8"])
def test_another_client_encoding_is_followed(connection: Connection, encoding: str) -> None:
    connection.execute(literal.SQL("SET client_encoding = {}").format(encoding))
    text = {"LATIN1": "é", "SJIS": "日本表", "UTF8": "é日😀"}[encoding]
    result = query(connection, f"SELECT '{text}' AS \"{text}\", '{text}'::bpchar, '{{\"a\": \"{text}\"}}'::json;")
    assert isinstance(result.rows, ColumnarRows)
    assert result.columns[0] == Column(text, 25, "text")
    assert result.rows == [(text, text, {"a": text})]


def test_bytes_that_are_no_text_are_visible(make_database: MakeDatabase, server: str) -> None:
    """In a database whose encoding is none; and its positions of errors count bytes."""
    name = f"ascii_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'".encode()
        )
    try:
        with psycopg.connect(server, dbname=name, autocommit=True) as connection:
            result = query(connection, r"SELECT E'a\xffb' AS x UNION ALL SELECT 'é' ORDER BY 1")
            assert sorted(str(value) for (value,) in result.rows) == [r"a\xffb", "é"]
            with pytest.raises(QueryFailed) as caught:
                query(connection, "SELECT 'é', 1 / (n - 1), nope FROM generate_series(1, 2) n")
            assert caught.value.place == SourceLocation(
                "query", 1, 26, "SELECT 'é', 1 / (n - 1), nope FROM generate_series(1, 2) n"
            )
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


# --------------------------------------------------------------------------------------------- what can go wrong


def test_an_error_has_its_place_in_the_text(connection: Connection) -> None:
    with pytest.raises(QueryFailed) as caught:
        query(connection, "SELECT 1,\n  'é€', nope")
    assert caught.value.server.sqlstate == "42703"
    assert caught.value.place == SourceLocation("query", 2, 9, "  'é€', nope")
    assert caught.value.state == "unchanged; the transaction was rolled back."
    assert isinstance(caught.value.__cause__, psycopg.errors.UndefinedColumn)


def test_an_error_while_it_runs_has_its_place_in_the_text(connection: Connection) -> None:
    """PostgreSQL tells a position in the copy, which is not that in the text."""
    failing, code = "JSON_VALUE('{\"a\": 1}', 'strict $.b' ERROR ON ERROR)", "2203A"
    if connection.info.server_version < 170000:  # which tell no position of what fails while it runs
        failing, code = "(1 / 0)", "22012"
    with pytest.raises(QueryFailed) as caught:
        query(connection, f"SELECT\n  'x'::text || {failing}")
    assert caught.value.server.sqlstate == code
    assert caught.value.place is None or caught.value.place.line == 2


def test_an_error_after_many_rows_is_an_error(connection: Connection) -> None:
    with pytest.raises(QueryFailed, match="division by zero"):
        query(connection, f"SELECT 1 / ({MANY} - n) FROM generate_series(1, {MANY}) n")
    assert query(connection, "SELECT 1").rows == [(1,)]


def test_a_statement_timeout_holds(connection: Connection) -> None:
    connection.execute("SET statement_timeout = '50ms'")
    with pytest.raises(QueryFailed) as caught:
        query(connection, "SELECT n FROM generate_series(1, 100) n WHERE pg_sleep(1) IS NOT NULL")
    assert caught.value.server.sqlstate == "57014"


def test_a_lost_connection_says_so(make_database: MakeDatabase) -> None:
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        with pytest.raises(QueryFailed) as caught:
            query(connection, "SELECT pg_terminate_backend(pg_backend_pid()), n FROM generate_series(1, 9) n")
        assert caught.value.server.sqlstate == "57P01"
        assert "the server rolls back" in str(caught.value.state)


def test_read_only_is_read_only(connection: Connection) -> None:
    connection.execute("CREATE FUNCTION write() RETURNS int LANGUAGE sql AS 'CREATE TABLE written (); SELECT 1'")
    with pytest.raises(QueryFailed) as caught:
        query(connection, "SELECT write()", read_only=True)
    assert caught.value.server.sqlstate == "25006"
    assert query(connection, "SELECT write()").rows == [(1,)]  # and is committed
    assert query(connection, "SELECT to_regclass('written')::text").rows == [("written",)]


def interrupting(condition: Callable[[], bool]) -> threading.Thread:
    """Interrupt the main thread once this is so."""

    def wait() -> None:
        given_up = time.monotonic() + 20
        while not condition() and time.monotonic() < given_up:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_an_interrupt_while_the_server_computes(connection: Connection, make_database: MakeDatabase) -> None:
    pid = connection.info.backend_pid
    with make_database() as address, psycopg.connect(address, autocommit=True) as other:
        busy = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
        thread = interrupting(lambda: other.execute(busy, (pid,)).fetchone() is not None)
        with pytest.raises(KeyboardInterrupt):
            query(connection, "SELECT 1 WHERE pg_sleep(60) IS NOT NULL")
        thread.join()
    assert query(connection, "SELECT 1").rows == [(1,)]


def test_an_interrupt_while_rows_come(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it strikes while they are waited for or while they are read, the server stops, and the session lives."""
    for chunks in range(1, 6):
        begun = [0]

        def counting(*arguments: Any, begun: list[int] = begun) -> Any:
            begun[0] += 1
            return fields(*arguments)

        monkeypatch.setattr("fsapi_nb.query.copy.fields", counting)
        thread = interrupting(lambda begun=begun, chunks=chunks: begun[0] >= chunks)  # type: ignore[misc]
        with pytest.raises(KeyboardInterrupt):
            query(connection, "SELECT n, n / 4.0, 'x' FROM (SELECT generate_series(1, 1000000000) AS n) endless")
        thread.join()
        assert connection.pgconn.transaction_status == TransactionStatus.IDLE
        assert query(connection, "SELECT 1").rows == [(1,)]


def test_an_interrupt_while_a_lock_is_waited_for(connection: Connection, make_database: MakeDatabase) -> None:
    """The lock is taken where the server is asked for the columns."""
    connection.execute("CREATE TABLE locked (a int)")
    pid = connection.info.backend_pid
    with psycopg.connect(connection.info.dsn, autocommit=False) as other, make_database() as address:
        other.execute("LOCK TABLE locked")
        with psycopg.connect(address, autocommit=True) as third:
            waits = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
            thread = interrupting(lambda: third.execute(waits, (pid,)).fetchone() is not None)
            with pytest.raises(KeyboardInterrupt):
                query(connection, "SELECT a FROM locked")
            thread.join()
        other.rollback()
    assert query(connection, "SELECT a FROM locked").rows == []


# ------------------------------------------------------------------------------------------- bytes that are no rows

ROW = b"\x00\x01\x00\x00\x00\x04\x00\x00\x00\x01"


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        ([ROW], 2),
        ([ROW, b"\x00\x02" + ROW[2:]], 1),
        ([ROW[:-1]], 1),
        ([ROW + b"\x00"], 1),
        ([ROW, ROW[:2] + b"\x7f\xff\xff\xff" + ROW[6:]], 1),
    ],
)
def test_what_is_not_as_announced_is_an_error_and_no_value(rows: list[bytes], count: int) -> None:
    with pytest.raises(MalformedRows):
        for field in fields(bytearray(b"".join(rows)), [len(row) for row in rows], count):
            field.fixed(">i4")


def test_a_header_must_be_one() -> None:
    with pytest.raises(MalformedRows):
        unframe(bytearray(ROW), [len(ROW)], is_first=True)


def test_an_empty_result_has_its_columns(connection: Connection) -> None:
    result = query(connection, "SELECT 1 AS a, now() AS b WHERE false")
    assert (result.command, list(result.rows)) == ("SELECT 0", [])
    assert to_frame(result).shape == (0, 2)
