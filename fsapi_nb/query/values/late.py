"""A column of a large result that is kept as it was received, and made into Python's objects when these are asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fsapi_nb.query.values.stored import ColumnValues, array_of, tolist

if TYPE_CHECKING:
    from fsapi_nb.query.values.chunks import Chunk
    from fsapi_nb.query.values.stored import Array


class LateValues:
    """The values of a column, of chunks in order; the same to its readers as `ColumnValues` of objects.

    `chunks` are there until objects have been asked for: both would be more memory than the result needs. `null` says
    where NULLs are, None if there are none; `texts` are PostgreSQL's, of the rows whose value Python cannot hold.
    """

    __slots__ = ("_made", "chunks", "is_null", "texts")

    def __init__(self, chunks: Sequence[Chunk], is_null: Array | None, texts: Mapping[int, str], count: int) -> None:
        self.chunks: deque[Chunk] | None = deque(chunks)
        self.is_null, self.texts = is_null, texts
        self._made: Array | int = count

    @property
    def data(self) -> Array:
        """The values as objects, None for NULL."""
        if isinstance(self._made, int):
            self._made = self._objects(self._made)
        return self._made

    @property
    def null(self) -> None:
        """Nothing: NULL is a None among the objects."""
        return

    def __getitem__(self, rows: slice) -> ColumnValues:
        return ColumnValues(self.data[rows], None, tolist)

    def tolist(self) -> list[object]:
        """Return the values as Python's own."""
        return tolist(self.data)

    def __reduce__(self) -> tuple[type[ColumnValues], tuple[object, ...]]:
        return ColumnValues, (self.data, None, tolist)

    def _objects(self, count: int) -> Array:
        import numpy as np

        chunks, self.chunks = self.chunks or deque(), None
        data = np.empty(count, object)
        places = None if self.is_null is None else (~self.is_null).nonzero()[0]
        start = 0
        while chunks:  # each is let go as soon as its objects are made
            values = array_of(chunks.popleft().objects())
            end = start + len(values)
            data[slice(start, end) if places is None else places[start:end]] = values
            start = end
        for row, text in self.texts.items():
            data[row] = text
        return data
