"""Results as pandas DataFrames whose dtypes follow from the columns' types, so that they do not depend on the rows.

Pure: takes finished results (by shape, not by class), does no I/O, and imports pandas only when a frame is made.
Text and JSON forms of the same results are in `fsapi_nb.views.tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import pandas as pd


class ColumnLike(Protocol):
    """A column of a result, as `fsapi_nb.database.query.Column` has it."""

    @property
    def name(self) -> str: ...
    @property
    def type_oid(self) -> int: ...
    @property
    def type_name(self) -> str: ...


class ResultLike(Protocol):
    """A result, as `fsapi_nb.database.query.ResultSet` has it."""

    @property
    def columns(self) -> Sequence[ColumnLike]: ...
    @property
    def rows(self) -> Sequence[tuple[object, ...]]: ...
    @property
    def command(self) -> str: ...


def to_frame(result: ResultLike) -> pd.DataFrame:
    """Make a DataFrame, exactly: no value is rounded, no NULL becomes a value, no column is renamed or dropped.

    | PostgreSQL                                   | dtype                                           | NULL |
    |----------------------------------------------|-------------------------------------------------|------|
    | int2, int4, int8, oid                        | Int16, Int32, Int64, UInt32                     | NA   |
    | bool                                         | boolean                                         | NA   |
    | float4, float8                               | Float32, Float64 (NaN is a value, not missing)  | NA   |
    | text, varchar, bpchar, name, "char", xml ... | string (pandas' nullable one)                   | NA   |
    | timestamp, timestamptz                       | datetime64[us], datetime64[us, UTC]             | NaT  |
    | all others                                   | object, holding what `run_query` gives          | None |

    So numeric is an object column of Decimal, and date one of `datetime.date`, as datetime64 would turn days into
    midnights. A column with a value that its dtype cannot hold ('infinity') is object: the others in it stay Python
    objects, that one is text.
    """
    import pandas as pd

    cells = zip(*result.rows, strict=True) if result.rows else ((),) * len(result.columns)
    arrays = {
        index: _array(column.type_oid, values)
        for index, (column, values) in enumerate(zip(result.columns, cells, strict=True))
    }
    frame = pd.DataFrame(arrays, index=pd.RangeIndex(len(result.rows)))
    frame.columns = pd.Index([column.name for column in result.columns])  # names may repeat
    return frame


Values: TypeAlias = Sequence[Any]


def _array(type_oid: int, values: Values) -> Any:
    """A pandas array or Series of the values, in the dtype of their type if every one of them fits."""
    import pandas as pd

    kind, make = _ARRAYS.get(type_oid, (None, None))
    if kind is None or make is None or not all(value is None or type(value) is kind for value in values):
        return pd.Series(list(values), dtype=object)
    return make(values)


def _integers(width: str) -> Callable[[Values], Any]:
    def make(values: Values) -> Any:
        import numpy as np
        import pandas as pd

        filled = np.array([0 if value is None else value for value in values], dtype=width)
        return pd.arrays.IntegerArray(filled, _is_null(values))

    return make


def _floats(width: str) -> Callable[[Values], Any]:
    def make(values: Values) -> Any:
        import numpy as np
        import pandas as pd

        filled = np.array([0.0 if value is None else value for value in values], dtype=width)
        # pandas' other ways in (Series, array, astype) take NaN for missing; values and mask given apart do not.
        # `isna()` then says False for a NaN of PostgreSQL's, as it is one of its numbers, and True for NULL. pandas
        # 3.1 keeps that when rows are picked, sorted, dropped or concatenated; its arithmetic and sums turn NaN into
        # NA unless pandas' option future.distinguish_nan_and_na is set, and to_numpy() has only NaN for both.
        return pd.arrays.FloatingArray(filled, _is_null(values))

    return make


def _booleans(values: Values) -> Any:
    import numpy as np
    import pandas as pd

    return pd.arrays.BooleanArray(np.array([bool(value) for value in values], dtype=bool), _is_null(values))


def _is_null(values: Values) -> Any:
    import numpy as np

    return np.array([value is None for value in values], dtype=bool)


def _strings(values: Values) -> Any:
    import pandas as pd

    # Not pandas 3's default `str`: its missing value is NaN, where every other nullable dtype here has NA.
    return pd.array(list(values), dtype="string")


def _timestamps(values: Values) -> Any:
    import numpy as np
    import pandas as pd

    return pd.DatetimeIndex(np.array(values, dtype="datetime64[us]"))


def _utc_timestamps(values: Values) -> Any:
    # numpy knows no zones: the values are all in UTC, so that is taken off and put on again.
    return _timestamps([_without_zone(value) for value in values]).tz_localize("UTC")


def _without_zone(value: object) -> object:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


# The OIDs of PostgreSQL's own types, which never change; a name may be that of a user's type, too.
_ARRAYS: dict[int, tuple[type, Callable[[Values], Any]]] = {
    16: (bool, _booleans),
    21: (int, _integers("int16")),
    23: (int, _integers("int32")),
    20: (int, _integers("int64")),
    26: (int, _integers("uint32")),  # oid
    700: (float, _floats("float32")),
    701: (float, _floats("float64")),
    1114: (datetime, _timestamps),
    1184: (datetime, _utc_timestamps),
    # "char", name, text, xml, unknown, bpchar, varchar
    **dict.fromkeys((18, 19, 25, 142, 705, 1042, 1043), (str, _strings)),
}
