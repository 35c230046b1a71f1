"""Parameters of a query: Python's values reach PostgreSQL exactly, and come back through the same code as ever."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from psycopg.pq import TransactionStatus

from fsapi_nb.database.query import JSON_NULL, run_query
from fsapi_nb.errors import QueryFailed, TransactionEnded, UsageError
from tests.conftest import MakeDatabase

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def connection(make_database: MakeDatabase) -> Iterator[Connection]:
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TABLE t (i int, m mood, d jsonb)")
        yield connection


def value_of(connection: Connection, sql: str, *parameters: object) -> Any:
    (result,) = run_query(connection, sql, parameters)
    ((value,),) = result.rows
    return value


@pytest.mark.parametrize(
    "value",
    [
        7,
        -(2**40),
        True,
        1.5,
        float("inf"),
        Decimal("1.50"),
        "it's $1 {x} %s \\ ' é 🐘\n",
        "",
        None,
        b"\x00\xff'",
        date(2020, 1, 31),
        time(23, 59, 59, 999999),
        datetime(2020, 1, 31, 12, 30, 0, 123456),
        datetime(2020, 1, 31, 12, 30, tzinfo=UTC),
        timedelta(days=3, seconds=2, microseconds=1),
        uuid.UUID("12345678-1234-5678-1234-567812345678"),
        [1, 2, None],
        [[1, 2], [3, 4]],
        {"a": [1, Decimal("1.50"), None, True, {"é": "\n"}], "b": {}},
        JSON_NULL,
    ],
    ids=repr,
)
def test_a_value_comes_back_as_it_went_in(connection: Connection, value: object) -> None:
    """Each of Python's types is one of PostgreSQL's, down to the digits and the bytes."""
    back = value_of(connection, "SELECT $1", value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("value", "back"),
    [
        (np.int64(5), 5),
        (np.float64(1.5), 1.5),
        (np.bool_(True), True),
        (pd.Timestamp("2020-01-31 12:30:00.123456789"), datetime(2020, 1, 31, 12, 30, 0, 123457)),
        (pd.NaT, None),
        (pd.NA, None),
        ([pd.NA, 1], [None, 1]),
        ([{"a": 1}, {"b": 2}], ['{"a": 1}', '{"b": 2}']),
    ],
    ids=repr,
)
def test_the_values_of_frames_can_be_bound(connection: Connection, value: object, back: object) -> None:
    """numpy's numbers, pandas' times, and NULL for what pandas has for no value at all."""
    assert value_of(connection, "SELECT $1", value) == back


def test_the_type_of_text_follows_from_the_sql(connection: Connection) -> None:
    """So that an enum, a number or a date can be given as text, and an array of any of them as a list of text."""
    assert value_of(connection, "SELECT $1::text[]", ["a", None, "b'{\","]) == ["a", None, "b'{\","]
    assert value_of(connection, "SELECT $1::date[]", ["2020-01-31"]) == [date(2020, 1, 31)]
    assert value_of(connection, "SELECT $1::int + 1", "41") == 42
    run_query(connection, "INSERT INTO t (i, m, d) VALUES ($1, $2, $3)", ("1", "happy", {"a": 1}))
    assert (
        value_of(connection, "SELECT count(*) FROM t WHERE m = $1 AND d @> $2 AND i = ANY ($3)", "happy", {}, [1]) == 1
    )


def test_results_are_those_of_a_query_without_parameters(connection: Connection) -> None:
    """The same columns, types, tags and rows."""
    sql = "SELECT 1::int8 AS a, '2020-01-01'::date AS b, 'sad'::mood, '{1.0}'::jsonb[] AS c, now() IS NULL AS d"
    assert run_query(connection, f"{sql}, $1 AS e", ["x"]) == run_query(connection, f"{sql}, 'x' AS e")
    assert value_of(connection, "SELECT $1", 2**70) == Decimal(2**70)
    bound, plain = (
        run_query(connection, "SELECT $1::int WHERE false", [1]),
        run_query(connection, "SELECT 1 WHERE false"),
    )
    assert (bound[0].rows, bound[0].command) == (plain[0].rows, plain[0].command) == ([], "SELECT 0")


def test_it_is_one_transaction_and_undone_as_one(connection: Connection) -> None:
    """What fails leaves nothing, and the connection idle; what only reads cannot write."""
    with pytest.raises(QueryFailed) as failed:
        run_query(connection, "INSERT INTO t (i) SELECT 1 / $1::int FROM generate_series(1, 3)", [0])
    assert failed.value.state == "rolled back; nothing was changed."
    with pytest.raises(QueryFailed, match="read-only"):
        run_query(connection, "INSERT INTO t (i) VALUES ($1)", [5], read_only=True)
    assert connection.info.transaction_status is TransactionStatus.IDLE
    assert value_of(connection, "SELECT count(*) FROM t WHERE i = $1", 5) == 0


def test_several_statements_are_refused_where_the_second_begins(connection: Connection) -> None:
    """PostgreSQL binds parameters to one statement; comments and a last semicolon are none."""
    assert value_of(connection, "-- é\nSELECT /* ; */ $1;\n-- end\n", "x") == "x"
    with pytest.raises(QueryFailed) as failed:
        run_query(connection, "SELECT 'é', $1;\n-- second\n  SELECT 2", [1])
    place = failed.value.place
    assert place is not None
    assert (place.line, place.column, place.source) == (3, 3, "  SELECT 2")
    assert failed.value.state == "nothing was run."


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "cannot adapt type 'object'"),
        ([object()], "cannot adapt type 'object'"),
        ([1, "a"], "cannot dump lists of mixed types"),
        ("a\0b", "NUL"),
        ({1: 2}, "a key of a JSON object is text, not int"),
        ({"a": float("nan")}, "not JSON compliant"),
        ({"a": {1, 2}}, "not JSON serializable"),
        (pd.DataFrame(), "cannot adapt type 'DataFrame'"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_postgresql_has_no_type_for_is_said(connection: Connection, value: object, why: str) -> None:
    """Which parameter it is, and why; nothing was sent."""
    with pytest.raises(UsageError) as refused:
        run_query(connection, "SELECT $1, $2", ["x", value])
    assert refused.value.message.startswith(f"$2 ({type(value).__name__}) cannot be a parameter: ")
    assert why in refused.value.message
    assert connection.info.transaction_status is TransactionStatus.IDLE


@pytest.mark.parametrize("sql", ["COMMIT", "COPY t FROM STDIN", "VACUUM t", ""])
def test_a_statement_without_parameters_takes_none(connection: Connection, sql: str) -> None:
    """Rather than leaving a value out in silence."""
    with pytest.raises(UsageError, match=r"the SQL has no parameter \$1"):
        run_query(connection, sql, [1])


def test_a_transaction_cannot_be_ended_with_parameters_either(connection: Connection) -> None:
    """A statement that ends it from inside is found out as in any query."""
    connection.execute("CREATE PROCEDURE ends(i int) LANGUAGE plpgsql AS 'BEGIN COMMIT; END'")
    with pytest.raises((TransactionEnded, QueryFailed)):
        run_query(connection, "CALL ends($1)", [1])
    assert connection.info.transaction_status is TransactionStatus.IDLE
