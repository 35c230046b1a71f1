"""Results as Arrow tables: exact, typed by column, quick, and read by others without a copy."""

from __future__ import annotations

import datetime
import subprocess
import sys
from decimal import Decimal
from uuid import UUID

import duckdb
import numpy  # noqa: F401 - from now on, rows come as a binary copy
import polars
import pyarrow as pa
import pytest

from fsapi_nb.errors import UsageError
from fsapi_nb.query.values.late import LateValues
from fsapi_nb.query.values.stored import ColumnarRows
from fsapi_nb.views.results import QueryResult
from tests.conftest import Project

UTC = datetime.UTC
_ID = UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
#: What is asked for, the type that Arrow has for it, and the value; each column has a NULL as well.
TYPES: tuple[tuple[str, pa.DataType, object], ...] = (
    ("true", pa.bool_(), True),
    ("7::int2", pa.int16(), 7),
    ("-7", pa.int32(), -7),
    ("9223372036854775807::int8", pa.int64(), 2**63 - 1),
    ("4294967295::oid", pa.uint32(), 2**32 - 1),
    ("1.5::float4", pa.float32(), 1.5),
    ("'-0'::float8", pa.float64(), -0.0),
    ("1.10::numeric(12,2)", pa.decimal128(12, 2), Decimal("1.10")),
    ("-12345.678::numeric", pa.decimal128(38, 3), Decimal("-12345.678")),
    ("0.000000000000000001::numeric", pa.decimal128(38, 18), Decimal("1e-18")),
    ("12345678901234567890.123::numeric", pa.decimal128(38, 3), Decimal("12345678901234567890.123")),
    ("1e50::numeric", pa.string(), "1" + "0" * 50),
    ("1234::numeric(3,-2)", pa.decimal128(5, 0), Decimal(1200)),
    ("'ä😀'::text", pa.string(), "ä😀"),
    ("''::varchar", pa.string(), ""),
    ("'ab'::char(4)", pa.string(), "ab  "),
    ("timestamp '2024-02-29 12:30:00.000001'", pa.timestamp("us"), datetime.datetime(2024, 2, 29, 12, 30, 0, 1)),
    ("timestamptz '2024-01-01 00:00+02'", pa.timestamp("us", "UTC"), datetime.datetime(2023, 12, 31, 22, tzinfo=UTC)),
    ("date '1969-12-31'", pa.date32(), datetime.date(1969, 12, 31)),
    ("time '23:59:59.999999'", pa.time64("us"), datetime.time(23, 59, 59, 999999)),
    ("timetz '12:00+02'", pa.string(), "12:00:00+02:00"),
    ("interval '1 year 2 mons -3 days 04:05:06.7'", pa.month_day_nano_interval(), (14, -3, 14_706_700_000_000)),
    ("interval '-1 day'", pa.month_day_nano_interval(), (0, -1, 0)),
    (f"'{_ID}'::uuid", pa.uuid(), _ID),
    (r"'\x00ff'::bytea", pa.binary(), b"\x00\xff"),
    ('\'{"a": 1.10}\'::jsonb', pa.string(), '{"a": 1.10}'),
    ("ARRAY[1, NULL, 3]", pa.list_(pa.int32()), [1, None, 3]),
    ("ARRAY[[1.5, 2], [3, 4.25]]", pa.list_(pa.list_(pa.decimal128(38, 2))), [[Decimal("1.50"), 2], [3, Decimal("4.25")]]),
    ("ARRAY['a', NULL]", pa.list_(pa.string()), ["a", None]),
    ("int4range(1, 5)", pa.string(), "[1,5)"),
    ("inet '10.0.0.1'", pa.string(), "10.0.0.1"),
    ("ROW(1, 'a b')::t", pa.string(), '(1,"a b")'),
    ("'sad'::mood", pa.dictionary(pa.int32(), pa.string()), "sad"),
)  # fmt: skip
#: What no type of Arrow's holds.
UNFIT = (
    "'infinity'::timestamp", "'-infinity'::timestamptz", "'infinity'::date", "time '24:00'", "'NaN'::numeric",
    "'[2:3]={1,2}'::int[]",
)  # fmt: skip


@pytest.fixture
def typed(project: Project) -> Project:
    """A project with types of its own."""
    project.rows("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE t AS (a int, b text)")
    return project


def is_received(result: QueryResult) -> bool:
    """Whether the rows came as bytes of which no objects have been made."""
    last = result.last
    assert last is not None
    return isinstance(last.rows, ColumnarRows) and all(
        not isinstance(each, LateValues) or each.chunks is not None for each in last.rows.columns
    )


@pytest.mark.parametrize("parameters", [(), (1,)], ids=["copied", "read as text"])
def test_every_type_is_exact(typed: Project, parameters: tuple[int, ...]) -> None:
    """Its type is the same whichever way the rows came; NULL is null, before and behind the value."""
    migrator = typed.migrator()
    older = int(str(typed.value("SHOW server_version_num"))) < 150_000  # it has no scale below zero
    for sql, kind, value in TYPES:
        if older and "(3,-2)" in sql:
            continue
        test = " WHERE $1 > 0" if parameters else ""
        rows = f"generate_series(1, 3) g LEFT JOIN (SELECT 2 AS n, {sql} AS x) v ON v.n = g{test} ORDER BY g"
        result = migrator.query(f"SELECT x FROM {rows}", parameters)
        column = result.to_arrow().column("x")
        column.validate(full=True)
        assert column.type == kind, sql
        found = column.to_pylist()
        shown = tuple(found[1]) if kind == pa.month_day_nano_interval() else found[1]
        assert [found[0], shown, found[2]] == [None, value, None], sql


def test_infinite_and_other_values_that_do_not_fit_are_refused(typed: Project) -> None:
    """With the column's name and what to do: never another value in silence."""
    for sql in UNFIT:
        for parameters in ((), (1,)):
            result = typed.migrator().query(f"SELECT {sql} AS due{' WHERE $1 > 0' if parameters else ''}", parameters)
            with pytest.raises(
                UsageError, match=r"the column due \(.*\) has a value that Arrow's type cannot hold"
            ) as caught:
                result.to_arrow()
            assert "::text" in (caught.value.hint or ""), sql
    result = typed.migrator().query("SELECT 'NaN'::float8 AS x UNION ALL SELECT 'infinity' UNION ALL SELECT NULL")
    assert str(result.to_arrow().column("x").to_pylist()) == "[nan, inf, None]"


def test_no_objects_are_made_of_what_was_received(typed: Project) -> None:
    """Arrow's arrays are made of bytes, and a frame of the same result afterwards is as it would have been."""
    migrator = typed.migrator()
    sql = """SELECT n, n::text || 'ä' AS t, n * 1.25 AS d, date '2024-01-01' + n AS day, 'ok'::mood AS m,
             CASE WHEN n % 3 = 0 THEN gen_random_uuid() END AS u, CASE WHEN n % 7 > 0 THEN n > 5 END AS b
             FROM generate_series(1, 30000) n"""
    result = migrator.query(sql)
    assert is_received(result)
    table = result.to_arrow()
    assert is_received(result)
    table.validate(full=True)
    frame = result.to_frame()
    assert not is_received(result)
    assert [str(value) for value in table.column("u").to_pylist()] == [str(value) for value in frame["u"]]
    for name in ("n", "t", "d", "day", "m"):
        assert table.column(name).to_pylist() == frame[name].tolist(), name
    assert result.to_arrow().drop_columns("u") == table.drop_columns("u")


def test_polars_reads_a_result_without_a_copy(project: Project) -> None:
    """By Arrow's stream; numbers are in the very memory that the result has."""
    result = project.migrator().query("SELECT n::int8, n::text AS t, n / 4.0 AS d FROM generate_series(1, 1000) n")
    frame = polars.DataFrame(result)
    assert frame.schema == {"n": polars.Int64, "t": polars.String, "d": polars.Decimal(38, 20)}
    address, last = frame["n"].to_numpy().ctypes.data, result.last
    assert last is not None and isinstance(last.rows, ColumnarRows)
    assert address == last.rows.columns[0].data.ctypes.data
    assert frame.row(2) == (3, "3", Decimal("0.75"))


def test_duckdb_reads_a_result_by_its_name(project: Project) -> None:
    """With PostgreSQL's types: uuid, decimal, interval."""
    found = project.migrator().query(
        f"SELECT n, '{_ID}'::uuid AS id, 1.50::numeric(10, 2) AS price, interval '1 month' AS every FROM generate_series(1, 9) n"
    )
    query = duckdb.sql("SELECT typeof(id), typeof(price), typeof(every), sum(n) FROM found GROUP BY ALL")
    assert query is not None and query.fetchall() == [("UUID", "DECIMAL(10,2)", "INTERVAL", 45)]
    assert found.last is not None


def test_a_dataframe_of_polars_has_durations(project: Project) -> None:
    """It knows no months and no two columns of one name: both are said."""
    migrator = project.migrator()
    frame = migrator.query("SELECT interval '1 day 2 hours' AS x").to_polars()
    assert frame.rows() == [(datetime.timedelta(days=1, hours=2),)]
    with pytest.raises(UsageError, match="polars's type cannot hold: an interval of months or years"):
        migrator.query("SELECT interval '1 month' AS x").to_polars()
    with pytest.raises(UsageError, match="two columns are named a"):
        migrator.query("SELECT 1 AS a, 2 AS a").to_polars()


def test_a_result_of_no_rows_or_no_columns_has_a_table(project: Project) -> None:
    """With the types of its columns; what gave no rows has its commands; a name may occur twice."""
    migrator = project.migrator()
    empty = migrator.query("SELECT 1 AS a, 'x' AS a, 1.5::numeric(5, 1) AS d WHERE false").to_arrow()
    assert (empty.num_rows, empty.column_names) == (0, ["a", "a", "d"])
    assert [str(field.type) for field in empty.schema] == ["int32", "string", "decimal128(5, 1)"]
    assert migrator.query("CREATE TABLE made ()").to_arrow().to_pylist() == [{"command": "CREATE TABLE"}]


def test_without_pyarrow_it_is_said_what_to_install(project: Project) -> None:
    """In a process that has none."""
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from fsapi_nb import ConfigurationError, Migrator\n"
        f"result = Migrator({project.database!r}, {str(project.folder)!r}).query('SELECT 1')\n"
        "try:\n    result.to_arrow()\nexcept ConfigurationError as error:\n    print(error.message, '|', error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "pyarrow is not installed, and this needs it | install it: pip install 'fsapi_nb[arrow]'.\n"
