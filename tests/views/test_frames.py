"""Frames, tables and JSON show what PostgreSQL answered: by the columns' types, exactly, and without harm."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import psycopg
import pytest

from fsapi_nb.model.result import Column, ResultSet
from fsapi_nb.query.query import run_query
from fsapi_nb.views.frames import to_frame
from fsapi_nb.views.tables import text_table, to_json
from tests.conftest import MakeDatabase

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def connection(make_database: MakeDatabase) -> Iterator[Connection]:
    """One session for all tests, as none changes anything."""
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        yield connection


def query(connection: Connection, sql: str) -> ResultSet:
    (result,) = run_query(connection, sql)
    return result


def column(oid: int, *values: object, type_name: str = "x") -> ResultSet:
    """A result of one column, made by hand."""
    return ResultSet((Column("x", oid, type_name),), [(value,) for value in values], f"SELECT {len(values)}")


DTYPES = [
    ("int2", "Int16"),
    ("int4", "Int32"),
    ("int8", "Int64"),
    ("oid", "UInt32"),
    ("bool", "boolean"),
    ("float4", "Float32"),
    ("float8", "Float64"),
    ("numeric", "object"),
    ("text", "string"),
    ("varchar(3)", "string"),
    ("char(3)", "string"),
    ("name", "string"),
    ("xml", "string"),
    ("timestamp", "datetime64[us]"),
    ("timestamptz", "datetime64[us, UTC]"),
    ("date", "object"),
    ("time", "object"),
    ("interval", "object"),
    ("uuid", "object"),
    ("bytea", "object"),
    ("jsonb", "object"),
    ("int4[]", "object"),
    ("int4range", "object"),
    ("inet", "object"),
]


@pytest.mark.parametrize(("type_name", "dtype"), DTYPES)
@pytest.mark.parametrize("rows", ["WHERE false", "", "UNION ALL SELECT NULL"], ids=["none", "one NULL", "two NULLs"])
def test_the_dtype_follows_from_the_type_whatever_the_rows(
    connection: Connection, type_name: str, dtype: str, rows: str
) -> None:
    frame = to_frame(query(connection, f"SELECT NULL::{type_name} AS x {rows}"))
    assert str(frame["x"].dtype) == dtype
    assert frame["x"].isna().all()


def test_integers_beside_null_keep_every_digit(connection: Connection) -> None:
    frame = to_frame(query(connection, "VALUES (9007199254740993::int8), (NULL), (-9223372036854775808)"))
    assert frame["column1"].tolist() == [9007199254740993, pd.NA, -9223372036854775808]


def test_nan_is_not_null(connection: Connection) -> None:
    frame = to_frame(query(connection, "VALUES ('NaN'::float8, 'NaN'::float4), (NULL, NULL), (0.1, 0.1)"))
    assert frame["column1"].isna().tolist() == [False, True, False]
    assert frame["column2"].isna().tolist() == [False, True, False]
    assert str(frame["column1"][0]) == "nan"
    assert pd.concat([frame, frame])["column1"].isna().sum() == 2


def test_numeric_is_decimal_and_null_is_none(connection: Connection) -> None:
    frame = to_frame(query(connection, "VALUES (3.14159265358979323846264338328), (NULL), (1.10)"))
    assert frame["column1"].tolist() == [Decimal("3.14159265358979323846264338328"), None, Decimal("1.10")]


def test_timestamps_hold_all_of_pythons_years() -> None:
    values = [datetime(1, 1, 1, tzinfo=UTC), None, datetime.max.replace(tzinfo=UTC)]
    series = to_frame(column(1184, *values))["x"]
    assert str(series.dtype) == "datetime64[us, UTC]"
    assert [None if pd.isna(value) else value.to_pydatetime() for value in series] == values


def test_one_infinity_makes_the_column_objects_and_leaves_the_others(connection: Connection) -> None:
    frame = to_frame(query(connection, "VALUES ('2020-01-01'::timestamp), ('infinity'), (NULL)"))
    assert frame["column1"].dtype == object
    assert frame["column1"].tolist() == [datetime(2020, 1, 1), "infinity", None]


def test_lists_and_documents_stay_one_value_each(connection: Connection) -> None:
    sql = """VALUES (ARRAY[1, 2], '[1]'::jsonb), (ARRAY[3, NULL], '{"a": null}'), (NULL, 'null'), ('{}', NULL)"""
    frame = to_frame(query(connection, sql))
    assert frame["column1"].tolist() == [[1, 2], [3, None], None, []]
    assert [str(value) for value in frame["column2"]] == ["[1]", "{'a': None}", "null", "None"]


def test_repeated_names_are_kept(connection: Connection) -> None:
    frame = to_frame(query(connection, "SELECT 1 AS a, 'x' AS a"))
    assert frame.columns.tolist() == ["a", "a"]
    assert [str(dtype) for dtype in frame.dtypes] == ["Int32", "string"]
    assert frame.iloc[0].tolist() == [1, "x"]


def test_rows_without_columns_are_counted(connection: Connection) -> None:
    result = query(connection, "SELECT FROM generate_series(1, 3)")
    assert to_frame(result).shape == (3, 0)
    assert text_table(result) == "--\n(3 rows)"
    assert to_json(result)["rows"] == [[], [], []]


def test_a_statement_without_rows_is_an_empty_frame_and_its_tag() -> None:
    result = ResultSet((), [], "CREATE TABLE")
    assert to_frame(result).shape == (0, 0)
    assert text_table(result) == "CREATE TABLE"


def test_importing_the_views_does_not_import_pandas_or_the_driver() -> None:
    code = "import sys, fsapi_nb.views.frames, fsapi_nb.views.tables; "
    code += "print({'pandas', 'numpy', 'psycopg'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# --------------------------------------------------------------------------------------------------- text tables


def test_a_table_is_aligned_as_psql_does_it(connection: Connection) -> None:
    sql = "SELECT * FROM (VALUES (1, 'a', 1.50), (22, '日本', NULL), (NULL, '', 10)) v (id, \"名\", price)"
    assert text_table(query(connection, sql)).splitlines() == [
        "   id | 名   | price",
        "------+------+-------",
        "    1 | a    |  1.50",
        "   22 | 日本 |  NULL",
        " NULL |      |    10",
        "(3 rows)",
    ]


def test_one_row_is_a_row() -> None:
    assert text_table(column(23, 1)).splitlines() == [" x", "---", " 1", "(1 row)"]
    assert text_table(column(23)).splitlines() == [" x", "---", "(0 rows)"]


def test_data_cannot_drive_the_terminal() -> None:
    result = ResultSet(
        (Column("a\x1b]0;title\x07", 25, "text"),), [("x\ty\r\n\x1b[31m\x9b\u202e\u2028\x00é",)], "SELECT 1"
    )
    header, _, row, _ = text_table(result).split("\n")
    assert header.strip() == r"a\x1b]0;title\x07"
    assert row.strip() == r"x\ty\r\n\x1b[31m\x9b\u202e\u2028\x00é"


NOTATIONS = [
    "'-1 day -02:03:04.5'::interval",
    "'1 day -02:00'::interval",
    r"ARRAY['\x00ff'::bytea, NULL]",
    r"""ARRAY['NULL', NULL, '', 'a"b\c,{}', ' x']""",
    "ARRAY[[1, 2], [3, NULL]]",
    "tstzrange('2020-01-01 00:00+05:30', NULL)",
    "'{[1,2),[5,9)}'::int8multirange",
    "'(,1.10]'::numrange",
    "'empty'::numrange",
    "0.0000000001::numeric",
    "'-Infinity'::float8",
    "'12:00:00+05:30'::timetz",
    r"""'{"a": [1.10, null, "é\n"]}'::jsonb""",
    "'null'::jsonb",
    "true",
]


@pytest.mark.parametrize("expression", NOTATIONS)
def test_what_a_table_shows_postgresql_reads_as_the_same(connection: Connection, expression: str) -> None:
    _, _, shown, _ = text_table(query(connection, f"SELECT {expression} AS x")).splitlines()
    literal = "'" + shown.strip().replace("'", "''") + "'"
    assert query(connection, f"SELECT {expression} = {literal}").rows == [(True,)]


# ---------------------------------------------------------------------------------------------------------- JSON


def test_json_is_safe_and_exact(connection: Connection) -> None:
    result = query(
        connection,
        r"""
        SELECT 9007199254740993 AS i, 1.10 AS n, 'NaN'::float8 AS f, 0.1::float8 AS g, '\x00ff'::bytea AS b,
            'null'::jsonb AS j, NULL::jsonb AS k, '{"a": 1.10}'::jsonb AS o, ARRAY[[1, NULL]] AS a,
            '2020-01-01 00:00Z'::timestamptz AS t, DATE 'infinity' AS d, true AS y, int4range(1, 5) AS r
        """,
    )
    made = to_json(result)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert made["columns"][:2] == [{"name": "i", "type": "int8"}, {"name": "n", "type": "numeric"}]  # type: ignore[index]
    assert made["rows"] == [
        [
            9007199254740993,
            "1.10",
            "NaN",
            0.1,
            r"\x00ff",
            "null",
            None,
            '{"a": 1.10}',
            [[1, None]],
            "2020-01-01T00:00:00+00:00",
            "infinity",
            True,
            "[1,5)",
        ]
    ]


def test_dates_in_frames_are_dates() -> None:
    assert to_frame(column(1082, date(2020, 1, 1), "infinity"))["x"].tolist() == [date(2020, 1, 1), "infinity"]
