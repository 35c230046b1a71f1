"""Which type of Arrow a column has, and what is said of a value that it cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fsapi_nb.errors import UNCHANGED, UsageError
from fsapi_nb.model.result import Column
from fsapi_nb.text.fold import clip
from fsapi_nb.text.safe import visible_line

NUMERIC, INTERVAL, UUID, DATE, TIME, BYTEA = 1700, 1186, 2950, 1082, 1083, 17
JSON = frozenset({114, 3802})
#: Digits of Arrow's decimal that polars, duckdb and others read.
DIGITS = 38
_FIRST_USER_OID = 16384


def fixed_type(oid: int) -> Any:
    """Return the type that every column of such a type has; None if it depends on the values, or is string."""
    import pyarrow as pa

    return {
        16: pa.bool_(),
        21: pa.int16(),
        23: pa.int32(),
        20: pa.int64(),
        26: pa.uint32(),
        700: pa.float32(),
        701: pa.float64(),
        1114: pa.timestamp("us"),
        1184: pa.timestamp("us", "UTC"),
        DATE: pa.date32(),
        TIME: pa.time64("us"),
        INTERVAL: pa.month_day_nano_interval(),
        UUID: pa.uuid(),
        BYTEA: pa.binary(),
    }.get(oid)


def element_of(column: Column) -> Column | None:
    """Return what the elements of an array are, as a column; None for a type that is not an array of PostgreSQL's own types.

    The name of such an array says it: `int4[]`.
    """
    if not column.type_name.endswith("[]"):
        return None
    name = column.type_name.removesuffix("[]")
    if column.type_oid >= _FIRST_USER_OID:
        return Column(column.name, 0, name)
    return Column(column.name, _OIDS.get(name, 0), name, column.modifier)


def declared_scale(column: Column) -> tuple[int, int] | None:
    """Return how many digits a numeric column has, and how many of them after the point; None if anything may be in it."""
    if column.modifier < 4:
        return None
    bits = column.modifier - 4
    digits, scale = bits >> 16 & 0xFFFF, ((bits & 0x7FF) ^ 0x400) - 0x400
    return digits + max(-scale, 0), max(scale, 0)


@contextmanager
def as_error(column: Column, library: str = "Arrow") -> Iterator[None]:
    """Raise a UsageError that names the column if one of its values does not fit."""
    try:
        yield
    except (ValueError, TypeError, ArithmeticError, NotImplementedError) as error:  # pyarrow's own are such
        name = visible_line(column.name)
        raise UsageError(
            f"the column {name} ({visible_line(column.type_name)}) has a value that {library}'s type cannot hold: "
            f"{visible_line(clip(str(error)))}",
            state=UNCHANGED,
            hint="cast it to text in the SQL (::text), or select other rows.",
        ) from None


_OIDS = {
    "bool": 16,
    "int2": 21,
    "int4": 23,
    "int8": 20,
    "oid": 26,
    "float4": 700,
    "float8": 701,
    "timestamp": 1114,
    "timestamptz": 1184,
    "date": DATE,
    "time": TIME,
    "interval": INTERVAL,
    "uuid": UUID,
    "bytea": BYTEA,
    "numeric": NUMERIC,
    "json": 114,
    "jsonb": 3802,
    "text": 25,
    "varchar": 1043,
    "bpchar": 1042,
    "name": 19,
}
