"""Parameters of a query: Python's values reach PostgreSQL exactly, and come back through the same code as ever."""

from __future__ import annotations

import enum
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

from fsapi_nb.errors import QueryFailed, TransactionEnded, UsageError
from fsapi_nb.query.query import JSON_NULL, run_query
from tests.conftest import MakeDatabase

Connection = psycopg.Connection[tuple[Any, ...]]


class Level(enum.IntEnum):
    """Whole numbers with names."""

    LOW = 1


@pytest.fixture(scope="module")
def connection(make_database: MakeDatabase) -> Iterator[Connection]:
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE FUNCTION takes_int(i int) RETURNS bool RETURN true")
        connection.execute("CREATE FUNCTION takes_ints(i int[]) RETURNS bool RETURN true")
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
        (pd.Series([pd.Timestamp("2020-01-31"), pd.NaT]), [datetime(2020, 1, 31), None]),
        (np.array([1.5, np.inf]), [1.5, float("inf")]),
        (np.datetime64("2020-01-31"), date(2020, 1, 31)),
        (np.datetime64("2020-01-31T12:30:00.123456789"), datetime(2020, 1, 31, 12, 30, 0, 123456)),
        (np.datetime64("NaT"), None),
        (np.timedelta64(5, "s"), timedelta(seconds=5)),
        ({"a": np.int64(1), "b": [np.bool_(True)]}, {"a": 1, "b": [True]}),
        ([{"a": 1}, {"b": 2}], ['{"a": 1}', '{"b": 2}']),
    ],
    ids=repr,
)
def test_the_values_of_frames_can_be_bound(connection: Connection, value: object, back: object) -> None:
    """numpy's numbers, pandas' times, and NULL for what pandas has for no value at all."""
    assert value_of(connection, "SELECT $1", value) == back


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        (1, "integer"),
        (-(2**31), "integer"),
        (2**31, "bigint"),
        (2**63, "numeric"),
        (np.int64(1), "integer"),
        (np.int16(1), "integer"),
        (Level.LOW, "integer"),
        (True, "boolean"),
        ([1, 2], "integer[]"),
        ([1, None, 2**40], "bigint[]"),
        ([[1, 2], [3, 2**40]], "bigint[]"),
        ([1, 2**63], "numeric[]"),
        ([1, np.int64(2)], "integer[]"),
        ([1, Decimal("1.5")], "numeric[]"),
        ([1, 1.5, np.float64(2)], "double precision[]"),
        ((1, 2), "integer[]"),
        ({1, 2}, "integer[]"),
        (range(3), "integer[]"),
        (np.array([1, 2]), "integer[]"),
        (np.array([[1, 2], [3, 4]]), "integer[]"),
        (np.array(["2020-01-31"], dtype="datetime64[ns]"), "timestamp without time zone[]"),
        (pd.Series([1, 2]), "integer[]"),
        (pd.Series([1.5, None]), "double precision[]"),
        (pd.Index([2**40]), "bigint[]"),
        (pd.array([1, None], dtype="Int64"), "integer[]"),
        (pd.Series([True, None]), "boolean[]"),
        (psycopg.types.numeric.Int2(1), "smallint"),
    ],
    ids=repr,
)
def test_a_number_has_the_type_that_it_has_in_sql(connection: Connection, value: object, type_name: str) -> None:
    """So that what works with the number written into the SQL works with a parameter; a list has that of its widest."""
    assert value_of(connection, "SELECT pg_typeof($1)::text", value) == type_name


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("ARRAY[1, 2] = $1", ([1, 2],)),
        ("ARRAY[1, 2] && $1", ([2, 3],)),
        ("1::bigint = ANY ($1)", ([1, 2**40],)),
        ("1 = ANY ($1)", (pd.Series([1, 2]),)),
        ("'a' = ANY ($1)", (pd.Series(["a", None]),)),
        ("NOT 1 = ANY ($1)", ([],)),
        ("array_append(ARRAY[1], $1) = ARRAY[1, 2]", (2,)),
        ("coalesce(NULL, $1) = 1 AND 7 / $2 = 3", (1, 2)),
        ("round(1.25, $1) = 1.3", (1,)),
        ("make_date($1, $2, $3) = '2020-01-02'", (2020, 1, 2)),
        ("repeat('x', $1) = 'xxx' AND left('abc', $2) = 'a'", (3, 1)),
        ("('[1, 2]'::jsonb -> $1) = '2' AND jsonb_build_object('a', $2) = '{\"a\": 5}'", (1, 5)),
        ("(SELECT count(*) FROM generate_series(1, $1)) = 3", (3,)),
        ("$1 * 30000 = 900000000", (30000,)),
        ("takes_int($1) AND takes_ints($2)", (np.int64(1), [np.int64(1)])),
    ],
)
def test_whole_numbers_go_where_written_ones_go(
    connection: Connection, sql: str, parameters: tuple[object, ...]
) -> None:
    """Operators and functions take an integer, where they may refuse a smallint or a bigint."""
    assert value_of(connection, f"SELECT {sql}", *parameters) is True


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
    assert failed.value.state == "unchanged; the transaction was rolled back."
    with pytest.raises(QueryFailed, match="read-only"):
        run_query(connection, "INSERT INTO t (i) VALUES ($1)", [5], read_only=True)
    assert connection.info.transaction_status is TransactionStatus.IDLE
    assert value_of(connection, "SELECT count(*) FROM t WHERE i = $1", 5) == 0


@pytest.mark.parametrize("value", [["a"], ("a",), {"a"}, np.array(["a"]), pd.Series(["a"])], ids=repr)
def test_a_list_in_parentheses_is_refused(connection: Connection, value: object) -> None:
    """`IN` compares with the whole list as one value, which no row has."""
    with pytest.raises(UsageError, match=r"IN \(\$1\) compares with all of it as one value"):
        run_query(connection, "SELECT 'a' IN ($1)", [value])


def test_several_statements_are_refused_where_the_second_begins(connection: Connection) -> None:
    """PostgreSQL binds parameters to one statement; comments and a last semicolon are none."""
    assert value_of(connection, "-- é\nSELECT /* ; */ $1;\n-- end\n", "x") == "x"
    with pytest.raises(QueryFailed) as failed:
        run_query(connection, "SELECT 'é', $1;\n-- second\n  SELECT 2", [1])
    place = failed.value.place
    assert place is not None
    assert (place.line, place.column, place.source) == (3, 3, "  SELECT 2")
    assert failed.value.state == "unchanged."


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "cannot adapt type 'object'"),
        ([object()], "cannot adapt type 'object'"),
        ([1, "a"], "cannot dump lists of mixed types"),
        ([1.5, 2**60 + 1], "no type in common that holds all digits"),
        ([1, True], "cannot dump lists of mixed types"),
        (np.datetime64("20200-01-31"), "outside of what Python's dates and times hold"),
        (np.array(5), "unsized"),
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
