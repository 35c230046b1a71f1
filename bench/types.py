"""For every type of PostgreSQL: values that tools get wrong, and what ours makes of them, exactly.

The tests hold us to this list (`tests/query/test_every_type.py`); `bench.exactness` asks the peers the same.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from fsapi_nb.query.query import JSON_NULL, JsonText

#: What the cases need in a database; settings, as some texts depend on them.
SETUP = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN price AS numeric;
CREATE TYPE span AS RANGE (subtype = date);
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET lc_monetary = %L', current_database(), 'C');
    EXECUTE format('ALTER DATABASE %I SET TimeZone = %L', current_database(), 'UTC');
END $$
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A query, and of each column of its answer the name, the dtype in our frame and the values, NULL being None."""

    name: str
    query: str
    columns: tuple[tuple[str, str, tuple[object, ...]], ...]


def _one(name: str, dtype: str, *values: tuple[str, object]) -> Case:
    """A column of these values, each as SQL and as Python, and of NULL."""
    rows = ", ".join(f"({sql})" for sql, _ in values)
    query = f"SELECT x FROM (VALUES {rows}, (NULL)) v (x)"
    return Case(name, query, (("x", dtype, (*(value for _, value in values), None)),))


NAN = float("nan")
_UTC_2020 = datetime(2020, 1, 1, tzinfo=UTC)
_PI = "3.14159265358979323846264338328"
_UUID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
_EAST = timezone(timedelta(hours=5, minutes=30))

CASES: list[Case] = [
    # Numbers, beside NULL.
    _one("int2", "Int16", ("(-32768)::int2", -32768), ("32767::int2", 32767)),
    _one("int4", "Int32", ("(-2147483648)::int4", -2147483648), ("2147483647", 2147483647)),
    _one("int8 beyond 2^53", "Int64", ("9007199254740993", 2**53 + 1), ("(-9223372036854775808)::int8", -(2**63))),
    _one("oid", "UInt32", ("4294967295::oid", 2**32 - 1)),
    _one("bool", "boolean", ("true", True), ("false", False)),
    _one("float4", "Float32", ("0.1::float4", 0.1), ("'1e-45'", 1e-45), ("3.4028235e38", 3.4028235e38)),
    _one("float8", "Float64", ("0.1::float8", 0.1), ("'5e-324'", 5e-324), ("'-0'", -0.0)),
    _one(
        "float8 NaN and infinity",
        "Float64",
        ("'NaN'::float8", NAN),
        ("'Infinity'", float("inf")),
        ("'-Infinity'", float("-inf")),
    ),
    _one(
        "numeric(12,2)",
        "object",
        ("1.10::numeric(12,2)", Decimal("1.10")),
        ("-9999999999.99", Decimal("-9999999999.99")),
    ),
    _one(
        "numeric of 29 digits",
        "object",
        (f"{_PI}::numeric", Decimal(_PI)),
        ("1e-20", Decimal("0.00000000000000000001")),
        ("123456789012345678901234567890", Decimal(123456789012345678901234567890)),
    ),
    _one(
        "numeric of many scales",
        "object",
        ("0.00", Decimal("0.00")),
        ("100", Decimal(100)),
        ("-0.5000", Decimal("-0.5000")),
    ),
    _one(
        "numeric NaN and infinity",
        "object",
        ("'NaN'::numeric", Decimal("NaN")),
        ("'Infinity'", Decimal("Infinity")),
        ("'-Infinity'", Decimal("-Infinity")),
    ),
    _one("money", "object", ("'1234.5'::money", "$1,234.50")),
    # Texts.
    _one(
        "text",
        "string",
        ("'日本 é 😀'", "日本 é 😀"),
        ("''", ""),
        ("'NULL'", "NULL"),
        ("repeat('x', 1000)", "x" * 1000),
    ),
    _one("varchar", "string", ("'%s :x {} $1'::varchar(20)", "%s :x {} $1")),
    _one("char(n)", "string", ("'ab'::char(4)", "ab  ")),
    _one('"char"', "string", ("'x'::\"char\"", "x"), ("'\\344'", r"\344")),
    _one("name", "string", ("'n'::name", "n")),
    # Dates and times.
    _one(
        "date",
        "object",
        ("'2020-01-31'::date", date(2020, 1, 31)),
        ("'0001-01-01'", date.min),
        ("'9999-12-31'", date.max),
    ),
    _one(
        "date: infinity, BC, after 9999",
        "object",
        ("'infinity'::date", "infinity"),
        ("'-infinity'", "-infinity"),
        ("'0044-03-15 BC'", "0044-03-15 BC"),
        ("'10000-01-01'", "10000-01-01"),
        ("'2020-01-31'", date(2020, 1, 31)),
    ),
    _one(
        "timestamp",
        "datetime64[us]",
        ("'2020-01-01 00:00:00.000001'::timestamp", datetime(2020, 1, 1, 0, 0, 0, 1)),
        ("'0001-01-01'", datetime.min),
        ("'9999-12-31 23:59:59.999999'", datetime.max),
    ),
    _one(
        "timestamp: infinity, BC",
        "object",
        ("'infinity'::timestamp", "infinity"),
        ("'0044-03-15 10:00 BC'", "0044-03-15 10:00:00 BC"),
        ("'2020-01-01'", datetime(2020, 1, 1)),
    ),
    _one("timestamptz", "datetime64[us, UTC]", ("'2020-01-01 05:30+05:30'::timestamptz", _UTC_2020)),
    _one(
        "timestamptz: infinity, BC",
        "object",
        ("'-infinity'::timestamptz", "-infinity"),
        ("'0044-03-15 10:00Z BC'", "0044-03-15 10:00:00+00 BC"),
        ("'2020-01-01Z'", _UTC_2020),
    ),
    _one("time", "object", ("'12:00:00.5'::time", time(12, 0, 0, 500_000)), ("'23:59:59.999999'", time.max)),
    _one("time 24:00", "object", ("'24:00'::time", "24:00:00"), ("'00:00'", time(0))),
    _one("timetz", "object", ("'12:00+05:30'::timetz", time(12, tzinfo=_EAST)), ("'12:00+00'", time(12, tzinfo=UTC))),
    _one("timetz 24:00", "object", ("'24:00+01'::timetz", "24:00:00+01")),
    _one(
        "interval",
        "object",
        ("'1 day 02:03:04.5'::interval", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("'-1 day +01:00'", timedelta(hours=-23)),
        ("'300:00:00'", timedelta(hours=300)),
    ),
    _one(
        "interval with months",
        "object",
        ("'1 mon'::interval", "1 mon"),
        ("'1 year -2 days'", "1 year -2 days"),
        ("'1000000000 days'", "1000000000 days"),
        ("'1 day'", timedelta(days=1)),
    ),
    # What is in a format of its own.
    _one("uuid", "object", (f"'{_UUID}'::uuid", uuid.UUID(_UUID))),
    _one("bytea", "object", (r"'\x00ff5c'::bytea", b"\x00\xff\\"), ("''", b"")),
    _one(
        "jsonb",
        "object",
        ("""'{"a": [1, 1.10, null, true]}'::jsonb""", {"a": [1, Decimal("1.10"), None, True]}),
        ("'12345678901234567890'", 12345678901234567890),
    ),
    _one("jsonb null beside NULL", "object", ("'null'::jsonb", JSON_NULL), ("""'"null"'""", "null")),
    _one(
        "json as it was written",
        "object",
        ("""'{"a":1,"a":2}'::json""", JsonText('{"a":1,"a":2}')),
        ("'1.10'", Decimal("1.10")),
        ("'null'", JSON_NULL),
    ),
    # What is made of others.
    _one("arrays", "object", ("ARRAY[1, NULL, 3]", [1, None, 3]), ("'{}'", [])),
    _one("arrays of two dimensions", "object", ("ARRAY[[1, 2], [3, NULL]]", [[1, 2], [3, None]])),
    _one("arrays of text", "object", (r"""ARRAY['NULL', NULL, '', 'a"b\c,{}']""", ["NULL", None, "", 'a"b\\c,{}'])),
    _one("arrays of numeric", "object", ("ARRAY[1.10, NULL]", [Decimal("1.10"), None])),
    _one("arrays that begin elsewhere", "object", ("'[0:1]={1,2}'::int[]", "[0:1]={1,2}")),
    _one("enum", "object", ("'sad'::mood", "sad")),
    _one("domain", "object", ("1.50::price", Decimal("1.50"))),
    _one("composite", "object", ("ROW(1, 'x y')::pair", '(1,"x y")')),
    _one("record", "object", ("ROW(1, 'a b', NULL)", '(1,"a b",)')),
    _one("range", "object", ("'[1,5)'::int4range", Range(1, 5, "[)")), ("'empty'", Range(empty=True))),
    _one("range with infinity", "object", ("daterange('2020-01-01', 'infinity')", "[2020-01-01,infinity)")),
    _one("range of one's own", "object", ("span('2020-01-01', NULL)", Range(date(2020, 1, 1), None, "[)"))),
    _one(
        "multirange", "object", ("'{[1,2),[5,9)}'::int8multirange", Multirange([Range(1, 2, "[)"), Range(5, 9, "[)")]))
    ),
    # What has no Python type: PostgreSQL's text.
    _one("inet", "object", ("'10.0.0.1/8'::inet", "10.0.0.1/8")),
    _one("cidr", "object", ("'10.0.0.0/8'::cidr", "10.0.0.0/8")),
    _one("macaddr", "object", ("'08:00:2b:01:02:03'::macaddr", "08:00:2b:01:02:03")),
    _one("tsvector", "object", ("'a:1 b'::tsvector", "'a':1 'b'")),
    _one("tsquery", "object", ("'a & b'::tsquery", "'a' & 'b'")),
    _one("bit", "object", ("B'0101'", "0101"), ("B'1111'", "1111")),
    _one("point", "object", ("'(1,2)'::point", "(1,2)")),
    _one("pg_lsn", "object", ("'0/16B3748'::pg_lsn", "0/16B3748")),
    _one("xid", "object", ("'7'::xid", "7")),
    _one("regclass", "object", ("'pg_class'::regclass", "pg_class")),
    Case("void", "SELECT pg_sleep(0) AS x", (("x", "object", ("",)),)),
    # Shapes.
    Case("an untyped NULL", "SELECT NULL AS x", (("x", "string", (None,)),)),
    Case(
        "zero rows",
        "SELECT 1::int8 AS a, 'x' AS b, 1.5 AS c, DATE '2020-01-01' AS d WHERE false",
        (("a", "Int64", ()), ("b", "string", ()), ("c", "object", ()), ("d", "object", ())),
    ),
    Case("two columns of one name", "SELECT 1 AS a, 'x' AS a", (("a", "Int32", (1,)), ("a", "string", ("x",)))),
]
