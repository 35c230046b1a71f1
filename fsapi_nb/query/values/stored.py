"""The rows of a result kept as columns of numpy arrays, of which Python values are made only when they are asked for.

Small objects are what a large result costs: a million rows of eight columns are 60 MiB in arrays, and ten times that as
tuples. Nothing is read from bytes here (`binary` does), and nothing of pandas is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, overload

if TYPE_CHECKING:
    import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"
Row: TypeAlias = tuple[object, ...]

_AT_ONCE = 1024  # rows made into tuples by one round of an iteration


class StoredColumn(Protocol):
    """One column's values. Entries of `data` where `null` is true are undefined.

    `data` is of the type's own dtype (int64, float32, datetime64[us] ...), or of Python objects: then NULL is a None
    among them, and `null` is None. `null` is None, too, if no value is NULL.
    """

    @property
    def data(self) -> Array:
        """The values."""

    @property
    def null(self) -> Array | None:
        """Where NULL is."""

    def __getitem__(self, rows: slice) -> StoredColumn:
        """Return the values of some rows."""

    def tolist(self) -> list[object]:
        """Return the values as Python's own."""


@dataclass(frozen=True, slots=True, eq=False)
class ColumnValues:
    """A column that is an array. `python` makes a list of Python values of one like it."""

    data: Array
    null: Array | None
    python: Callable[[Array], list[Any]]

    def __getitem__(self, rows: slice) -> ColumnValues:
        return ColumnValues(self.data[rows], None if self.null is None else self.null[rows], self.python)

    def tolist(self) -> list[object]:
        """Return the values as Python's own."""
        values = self.python(self.data)
        if self.null is not None:
            for row in self.null.nonzero()[0].tolist():
                values[row] = None
        return values


def tolist(data: Array) -> list[Any]:
    """Return the values as numpy makes Python's of them: `ColumnValues.python` of most types."""
    return list(data.tolist())


def array_of(values: Iterable[object] | Array, count: int = -1) -> Array:
    """Return an array of objects, each as it is: a list among them is one object."""
    import numpy as np

    return values if isinstance(values, np.ndarray) else np.fromiter(values, object, count)


class ColumnarRows(Sequence[Row]):
    """Rows that are kept by column. A sequence of tuples to its readers; a slice of it copies nothing."""

    __slots__ = ("_count", "columns")

    def __init__(self, columns: Sequence[StoredColumn], count: int) -> None:
        self.columns = tuple(columns)
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> ColumnarRows: ...
    def __getitem__(self, index: int | slice) -> Row | ColumnarRows:
        if isinstance(index, slice):
            return ColumnarRows([column[index] for column in self.columns], len(range(*index.indices(self._count))))
        row = range(self._count)[index]
        return next(iter(self[row : row + 1]))

    def __iter__(self) -> Iterator[Row]:
        for start in range(0, self._count, _AT_ONCE):
            yield from zip(*(column[start : start + _AT_ONCE].tolist() for column in self.columns), strict=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as a list

    def __repr__(self) -> str:
        return f"<{self._count} rows of {len(self.columns)} columns>"


# Bytes of an array that is a part of the system's memory by itself: what grows through all smaller sizes leaves as
# many holes in the memory of the process. Those that are not filled are never touched.
_LARGE = 1 << 22


class GrowableArray:
    """An array that becomes longer, without its beginning being copied, let alone every object in it touched."""

    __slots__ = ("_array", "count")

    def __init__(self, dtype: str) -> None:
        import numpy as np

        self._array: Array = np.empty(0, dtype)
        self.count = 0

    def more(self, count: int) -> Array:
        """Return the next so many places, to be filled at once; no reference to them may outlive the next call."""
        start, self.count = self.count, self.count + count
        if self.count > len(self._array):
            length, least = self.count + self.count // 16, _LARGE // self._array.itemsize
            if start and length < least:
                self._move(start, least)
            else:
                self._resize(length)
        return self._array[start : self.count]

    def finish(self) -> Array:
        """Return the array, as long as it has become, and keep nothing of it."""
        import numpy as np

        self._resize(self.count)
        array, self._array = self._array, np.empty(0, self._array.dtype)
        return array

    def _move(self, count: int, length: int) -> None:
        """Go on in a larger array, of which nothing but what was filled is touched."""
        import numpy as np

        larger = np.empty(length, self._array.dtype)
        larger[:count] = self._array[:count]
        self._array = larger

    def _resize(self, length: int) -> None:
        # The check is for other references, and counts those of a debugger's frames, too.
        self._array.resize(length, refcheck=False)
