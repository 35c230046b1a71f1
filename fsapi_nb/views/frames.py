"""Results as pandas DataFrames whose dtypes follow from the columns' types, so that they do not depend on the rows.

Pure: takes finished results, does no I/O, and imports pandas only when a frame is made.
Text and JSON forms of the same results are in `fsapi_nb.views.tables`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from fsapi_nb.model.result import ResultSet

if TYPE_CHECKING:
    import pandas as pd

    from fsapi_nb.query.values.stored import StoredColumn


def prepare() -> None:
    """Import what frames are made with. Queries that run afterwards are read by column, several times as fast."""
    import pandas  # noqa: F401


def to_frame(result: ResultSet) -> pd.DataFrame:
    """Return an exact DataFrame: no value is rounded, no NULL becomes a value, no column is renamed or dropped.

    | PostgreSQL                                   | dtype                                           | NULL |
    |----------------------------------------------|-------------------------------------------------|------|
    | int2, int4, int8, oid                        | Int16, Int32, Int64, UInt32                     | NA   |
    | bool                                         | boolean                                         | NA   |
    | float4, float8                               | Float32, Float64 (NaN is a value, not missing)  | NA   |
    | text, varchar, bpchar, name, "char", xml ... | string (pandas' nullable one)                   | NA   |
    | timestamp, timestamptz                       | datetime64[us], datetime64[us, UTC]             | NaT  |
    | all others                                   | object, holding what `run_query` gives          | None |

    So numeric is an object column of Decimal, which `.plot()` and `.describe()` leave out (`::float8` in the SQL, or
    `.astype(float)`, makes floats of it), and date one of `datetime.date`, as datetime64 would turn days into
    midnights. A column with a value that its dtype cannot hold ('infinity') is object: the others in it stay Python
    objects, that one is text.
    """
    import pandas as pd

    arrays = dict(enumerate(_arrays(result)))
    # Not copied: all memory that a large result takes is here.
    frame = pd.DataFrame(arrays, index=pd.RangeIndex(len(result.rows)), copy=False)
    frame.columns = pd.Index([column.name for column in result.columns])  # names may repeat
    return frame


def exact_columns(frame: pd.DataFrame) -> list[str]:
    """Return the names of the columns of Decimals, which pandas does not treat as numbers: `.plot()` leaves them out."""
    return [str(name) for number, name in enumerate(frame.columns) if are_decimals(frame.iloc[:, number])]


def are_decimals(column: pd.Series) -> bool:
    """Return whether a column is one of Decimals, by its first value."""
    return column.dtype == object and isinstance(column.dropna().head(1).squeeze(), Decimal)


def own_copy(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame as one that its owner may change, while `frame` is kept.

    It shares the memory of `frame` until then: from pandas 3 on, which copies before it writes.
    """
    import pandas as pd

    return frame.copy(deep=int(pd.__version__.partition(".")[0]) < 3)


def _arrays(result: ResultSet) -> Iterator[Any]:
    """Yield the columns as pandas arrays or Series, from arrays as they are kept, or from rows of Python values."""
    if hasattr(result.rows, "columns"):
        _make_objects(cast("Sequence[StoredColumn]", result.rows.columns))
        for column, stored in zip(result.columns, cast("Sequence[StoredColumn]", result.rows.columns), strict=True):
            if stored.data.dtype == object:
                yield _made(column.type_oid, stored.data)
            else:
                yield _wrapped(column.type_oid, stored.data, stored.null)
    else:
        cells = zip(*result.rows, strict=True) if result.rows else ((),) * len(result.columns)
        for column, values in zip(result.columns, cells, strict=True):
            yield _made(column.type_oid, values)


def _make_objects(columns: Sequence[StoredColumn]) -> None:
    """Make the objects of all columns, those first that let go most of what was received: less is held at the end."""
    for late in sorted(columns, key=lambda column: -getattr(column, "kept", 0)):
        _ = late.data


def _made(type_oid: int, values: Any) -> Any:
    """Return a sequence or array of Python's values in the dtype of their type, or as objects if one does not fit."""
    import numpy as np
    import pandas as pd

    objects = values if isinstance(values, np.ndarray) else np.fromiter(values, object, len(values))
    if type_oid in _TEXTS and pd.api.types.infer_dtype(objects, skipna=True) in {"string", "empty"}:
        # Not pandas 3's default `str`: its missing value is NaN, where every other nullable dtype here has NA. And
        # Python's strings whether pyarrow is installed or not, so that nothing depends on that.
        return pd.array(objects, dtype=pd.StringDtype("python"))
    kind, dtype = _PYTHON.get(type_oid, (None, "O"))
    if kind is None or not all(value is None or type(value) is kind for value in objects):
        return pd.Series(objects, dtype=object, copy=False)
    if kind is datetime:  # numpy knows no zones: all values are in UTC, where there are any
        return _wrapped(type_oid, np.array([value and value.replace(tzinfo=None) for value in objects], dtype), None)
    null = np.array([value is None for value in objects], bool)
    return _wrapped(type_oid, np.array([kind() if value is None else value for value in objects], dtype), null)


def _wrapped(type_oid: int, data: Any, null: Any | None) -> Any:
    """Return a pandas array that takes over the data; entries are missing where `null` is true."""
    import numpy as np
    import pandas as pd

    mask = np.zeros(len(data), bool) if null is None else null
    match data.dtype.kind:
        case "b":
            return pd.arrays.BooleanArray(data, mask)
        case "f":
            return _floats(data, mask)
        case "M":
            return _moments(data, null, in_utc=type_oid == _TIMESTAMPTZ)
        case _:
            return pd.arrays.IntegerArray(data, mask)


def _floats(data: Any, null: Any) -> Any:
    import pandas as pd

    # pandas' other ways in (Series, array, astype) take NaN for missing; values and mask given apart do not. `isna()`
    # then says False for a NaN of PostgreSQL's, as it is one of its numbers, and True for NULL. pandas 3.1 keeps that
    # when rows are picked, sorted, dropped or concatenated; its arithmetic and sums turn NaN into NA unless pandas'
    # option future.distinguish_nan_and_na is set, and to_numpy() has only NaN for both.
    return pd.arrays.FloatingArray(data, null)


def _moments(data: Any, null: Any | None, *, in_utc: bool) -> Any:
    import numpy as np
    import pandas as pd

    moments = pd.DatetimeIndex(data if null is None else np.where(null, np.datetime64("NaT"), data))
    return moments.tz_localize("UTC") if in_utc else moments


_TIMESTAMPTZ = 1184
_TEXTS = frozenset({18, 19, 25, 142, 705, 1042, 1043})  # "char", name, text, xml, unknown, bpchar, varchar

# The OIDs of PostgreSQL's own types, which never change; a name may be that of a user's type, too. For each, the type
# of its Python values, and the dtype of numpy that holds them as exactly.
_PYTHON: dict[int, tuple[type, str]] = {
    16: (bool, "bool"),
    21: (int, "int16"),
    23: (int, "int32"),
    20: (int, "int64"),
    26: (int, "uint32"),  # oid
    700: (float, "float32"),
    701: (float, "float64"),
    1114: (datetime, "datetime64[us]"),
    _TIMESTAMPTZ: (datetime, "datetime64[us]"),
}
