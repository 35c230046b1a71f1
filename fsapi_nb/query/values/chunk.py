"""Some rows as `COPY ... (FORMAT binary)` sends them, taken apart into fields: where each begins, and how long it is.

A row is the number of its fields, then each field's length (-1 is NULL) and bytes, nothing aligned. So a column is
read for all rows at once: its lengths tell where the next column begins in each row. What the bytes mean is not known
here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsapi_nb.query.values.stored import Array

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = len(_SIGNATURE) + 8  # then flags, and the length of what a later version may add
_TRAILER = b"\xff\xff"
_COUNT, _LENGTH = 2, 4
#: So many bytes can be gathered at the place of any field, though it be the last one: there is room behind.
WIDEST = 64


class MalformedRows(Exception):
    """The bytes are not rows of the fields that the server had announced."""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One column in the rows of a chunk: the place in `buffer` and the length of each value; `null` says where none is.

    `null` is None if all rows have a value.
    """

    buffer: bytearray
    at: Array
    lengths: Array
    null: Array | None

    def __len__(self) -> int:
        return len(self.at)

    def present(self) -> Field:
        """Return the field without the rows that are NULL."""
        if self.null is None:
            return self
        there = ~self.null
        return Field(self.buffer, self.at[there], self.lengths[there], None)

    def gather(self, dtype: str, offset: int = 0) -> Array:
        """Return what is `offset` bytes after the beginning of each value, as numbers of this big-endian dtype."""
        return gather(self.buffer, self.at + offset if offset else self.at, dtype)

    def fixed(self, dtype: str) -> Array:
        """Return the values, all of this big-endian dtype, and zeros for NULL.

        Raises:
            MalformedRows: A value has another length.
        """
        data = self.gather(dtype)
        self.expect(data.dtype.itemsize)
        if self.null is not None:
            data[self.null] = 0
        return data

    def expect(self, length: int) -> None:
        """Raise MalformedRows if a value is not of this length."""
        right = self.lengths == length
        if not (right if self.null is None else right | self.null).all():
            raise MalformedRows(f"values of {length} bytes were expected")

    def after(self, count: int) -> Field:
        """Return the values without their first `count` bytes."""
        return Field(self.buffer, self.at + count, self.lengths - count, self.null)

    def packed(self) -> Field:
        """Return the values in a buffer of their own, so that those of other columns can be let go."""
        import numpy as np

        width = int(self.lengths[0]) if len(self) else 0
        if 0 < width <= WIDEST and (self.lengths == width).all():
            buffer = bytearray(self.gather(f"V{width}").tobytes())
        else:
            buffer = bytearray(b"".join(self.pieces()))
        buffer += bytes(WIDEST + 1)
        return Field(buffer, np.cumsum(self.lengths) - self.lengths, self.lengths, None)

    def piece(self, number: int) -> bytes:
        """Return the bytes of one value."""
        start = int(self.at[number])
        return bytes(self.buffer[start : start + int(self.lengths[number])])

    def pieces(self) -> list[bytes]:
        """Return the bytes of each value; there must be no NULL."""
        ends = (self.at + self.lengths).tolist()
        view = bytes(self.buffer)
        return [view[start:end] for start, end in zip(self.at.tolist(), ends, strict=True)]


def gather(buffer: bytearray, at: Array, dtype: str) -> Array:
    """Return numbers from these offsets, which need not be aligned, in the machine's byte order; or bytes (`V20`)."""
    import numpy as np

    kind = np.dtype(dtype)
    everywhere: Array = np.ndarray((len(buffer) - kind.itemsize + 1,), kind, buffer=buffer, strides=(1,))
    return everywhere[at].astype(kind.newbyteorder("="), copy=False)


def fields(buffer: bytearray, sizes: Sequence[int], count: int) -> Iterator[Field]:
    """Each of the `count` columns of the rows in `buffer`, whose bytes are `sizes` long; `buffer` grows by some zeros.

    Raises MalformedRows, at the latest after the last column.
    """
    import numpy as np

    buffer += bytes(WIDEST + 1)  # so that wide fields can be gathered at the last value, too
    ends = np.cumsum(np.fromiter(sizes, np.int64, len(sizes)))
    at = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    if (gather(buffer, at, ">i2") != count).any():
        raise MalformedRows(f"rows of {count} columns were expected")
    at += _COUNT
    for _ in range(count):
        lengths = gather(buffer, at, ">i4").astype(np.int64)
        at = at + _LENGTH
        null = lengths < 0 if lengths.min() < 0 else None
        if null is not None:
            lengths[null] = 0
        yield Field(buffer, at, lengths, null)
        at = at + lengths
        if at[-1] > ends[-1]:  # further on, nothing may be there
            raise MalformedRows("a value ends behind the last row")
    if (at != ends).any():
        raise MalformedRows("a row does not end where its last value does")


def unframe(rows: bytearray, sizes: list[int], *, is_first: bool) -> None:
    """Remove what is not a row: the header in the first message, and the trailer, which is the last one."""
    if is_first:
        if not rows.startswith(_SIGNATURE):
            raise MalformedRows("this is not the header of a binary copy")
        length = _HEADER + int.from_bytes(rows[_HEADER - 4 : _HEADER], "big")
        del rows[:length]
        sizes[0] -= length
    if sizes[-1] == len(_TRAILER):
        del rows[-len(_TRAILER) :]
        sizes.pop()
