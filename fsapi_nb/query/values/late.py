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
    """The values of a column, of chunks in order, each of so many `rows`; to its readers like `ColumnValues` of objects.

    `chunks` and `is_null` are there until objects have been asked for: both would be more memory than the result needs.
    `is_null` is None if there is no NULL; `texts` are PostgreSQL's, of the rows whose value Python cannot hold.
    """

    __slots__ = ("_made", "_rows", "chunks", "is_null", "texts")

    def __init__(
        self, chunks: Sequence[Chunk], rows: Sequence[int], is_null: Array | None, texts: Mapping[int, str]
    ) -> None:
        self.chunks: deque[Chunk] | None = deque(chunks)
        self._rows, self.is_null, self.texts = rows, is_null, texts
        self._made: Array | int = sum(rows)

    @property
    def kept(self) -> int:
        """How many bytes are kept until objects are made, about: those of chunks that are parts of an array."""
        return sum(chunk.size for chunk in self.chunks or ())

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
        is_null, self.is_null = self.is_null, None
        data = np.empty(count, object)
        start = 0
        for rows in self._rows:  # each is let go as soon as its objects are made
            values, end = array_of(chunks.popleft().objects()), start + rows
            if is_null is None:
                data[start:end] = values
            else:
                data[start:end][~is_null[start:end]] = values
            start = end
        for row, text in self.texts.items():
            data[row] = text
        return data
