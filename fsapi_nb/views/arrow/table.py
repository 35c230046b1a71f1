"""A result as an Arrow table, and as a DataFrame of polars.

| PostgreSQL                               | Arrow                                                               |
|------------------------------------------|---------------------------------------------------------------------|
| bool; int2, int4, int8, oid              | bool; int16, int32, int64, uint32                                   |
| float4, float8                           | float32, float64 (NaN is a value)                                   |
| numeric(p, s); numeric                   | decimal128(p, s); decimal128(38, s) with the most places that occur |
| numeric that needs more than 38 digits   | string, digit for digit                                             |
| text, varchar, bpchar, name, "char", xml | string                                                              |
| an enum                                  | dictionary of strings                                               |
| timestamp, timestamptz                   | timestamp[us], timestamp[us, UTC]                                   |
| date, time                               | date32, time64[us]                                                  |
| interval                                 | month_day_nano_interval                                             |
| uuid                                     | the extension type arrow.uuid (16 bytes)                            |
| bytea; json, jsonb                       | binary; string                                                      |
| an array                                 | list                                                                |
| all others                               | string, as PostgreSQL writes them                                   |

NULL is null. A value that its type cannot hold, such as `infinity`, is an error, and never another value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.model.result import ResultSet
from fsapi_nb.query.values.late import LateValues
from fsapi_nb.query.values.stored import ColumnarRows, ColumnValues
from fsapi_nb.views.arrow.from_python import array_of_objects
from fsapi_nb.views.arrow.received import array_of_chunks
from fsapi_nb.views.arrow.types import INTERVAL, as_error, fixed_type

if TYPE_CHECKING:
    import polars
    import pyarrow


def to_table(result: ResultSet) -> pyarrow.Table:
    """Return a result as a table, whose columns have the names that they have in SQL: they may repeat.

    Raises:
        ConfigurationError: pyarrow is not installed.
        UsageError: A value is one that Arrow's type cannot hold.
    """
    pa = _imported("pyarrow", "fsapi_nb[arrow]")
    arrays = []
    for number, column in enumerate(result.columns):
        with as_error(column):
            arrays.append(_array(result, number))
    return pa.Table.from_arrays(arrays, names=[column.name for column in result.columns])


def to_polars(result: ResultSet) -> polars.DataFrame:
    """Return a result as a DataFrame of polars, which has no months in intervals, and needs names that differ.

    Raises:
        ConfigurationError: polars or pyarrow is not installed.
        UsageError: A value or a name is one that polars cannot hold.
    """
    pl = _imported("polars", "polars")
    table = to_table(result)
    for number, column in enumerate(result.columns):
        if column.type_oid == INTERVAL:
            with as_error(column, "polars"):
                table = table.set_column(number, column.name, _durations(table.column(number)))
    twice = next((name for name in table.column_names if table.column_names.count(name) > 1), None)
    if twice is not None:
        from fsapi_nb.errors import UsageError
        from fsapi_nb.text.safe import visible_line

        raise UsageError(
            f"two columns are named {visible_line(twice)}, and those of polars differ", hint="name one with AS."
        )
    frame: polars.DataFrame = pl.DataFrame(table)
    return frame


def _array(result: ResultSet, number: int) -> Any:
    column = result.columns[number]
    if isinstance(result.rows, ColumnarRows):
        stored = result.rows.columns[number]
        if isinstance(stored, LateValues) and stored.chunks is not None:
            return array_of_chunks(column, stored, len(result.rows))
        if isinstance(stored, ColumnValues) and stored.data.dtype != object:
            return _array_of_numbers(fixed_type(column.type_oid), stored)
        return array_of_objects(column, stored.data.tolist())
    return array_of_objects(column, [row[number] for row in result.rows])


def _array_of_numbers(kind: Any, stored: ColumnValues) -> Any:
    """Return an array over the memory of numbers, truth values or moments, of which only truth values are copied."""
    import numpy as np
    import pyarrow as pa

    data = np.packbits(stored.data, bitorder="little") if stored.data.dtype == bool else stored.data
    null = None if stored.null is None else pa.py_buffer(np.packbits(~stored.null, bitorder="little"))
    return pa.Array.from_buffers(kind, len(stored.data), [null, pa.py_buffer(data)])


def _durations(column: Any) -> Any:
    """Return intervals as durations, as Python has them. Raises ValueError if one has months."""
    import pyarrow as pa

    micros = []
    for value in column.to_pylist():
        if value is not None and value.months:
            raise ValueError("an interval of months or years")
        micros.append(None if value is None else value.days * 86_400_000_000 + value.nanoseconds // 1000)
    return pa.array(micros, pa.duration("us"))


def _imported(name: str, requirement: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        hint = f"install it: pip install {requirement!r}."
        raise ConfigurationError(f"{name} is not installed, and this needs it", hint=hint) from None
