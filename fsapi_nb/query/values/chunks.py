"""Values of one column in some rows as they were received, compact: Python's objects are made of them when asked.

Most readers of a large result never ask: Arrow has no Python objects. Each kind keeps what both need, so that what is
received is taken apart once. NULLs are left out; `late` knows where they are. The chunks of a column are parts of one
array, which goes back to the system with the last of them: many small ones would leave holes behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fsapi_nb.query.values.documents import read_json
from fsapi_nb.query.values.numeric import Numerics, decimals_of
from fsapi_nb.query.values.texts import split_texts

if TYPE_CHECKING:
    from fsapi_nb.query.values.chunk import Field
    from fsapi_nb.query.values.stored import Array


class Chunk(Protocol):
    """The values of a column in some rows, without NULL."""

    @property
    def size(self) -> int:
        """How many bytes they take."""

    def objects(self) -> Iterable[object]:
        """Return the values as Python's."""


@dataclass(frozen=True, slots=True, eq=False)
class TextChunk:
    """Texts, or labels of an enum: their bytes, with a NUL between two."""

    data: Array
    count: int
    encoding: str

    @property
    def size(self) -> int:
        """How many bytes they take."""
        return self.data.nbytes

    @property
    def joined(self) -> bytes:
        """The bytes."""
        return self.data.tobytes()

    def objects(self) -> list[str]:
        """Return the values as Python's."""
        return split_texts(self.joined, self.count, self.encoding)


@dataclass(frozen=True, slots=True, eq=False)
class JsonChunk(TextChunk):
    """JSON documents as their texts."""

    def objects(self) -> list[object]:  # type: ignore[override]  # a document is more than a text
        """Return the values as Python's."""
        return [read_json(text) for text in split_texts(self.joined, self.count, self.encoding)]


@dataclass(frozen=True, slots=True, eq=False)
class NumericChunk:
    """Numerics as integers in units of their last places."""

    numerics: Numerics

    @property
    def size(self) -> int:
        """How many bytes they take."""
        return self.numerics.units.nbytes + self.numerics.scale.nbytes

    def objects(self) -> Iterable[object]:
        """Return the values as Python's."""
        return decimals_of(self.numerics)


@dataclass(frozen=True, slots=True, eq=False)
class DayChunk:
    """Dates as their days since 2000."""

    days: Array
    dates: Callable[[Array], Iterable[object]]

    @property
    def size(self) -> int:
        """How many bytes they take."""
        return self.days.nbytes

    def objects(self) -> Iterable[object]:
        """Return the values as Python's."""
        return self.dates(self.days)


@dataclass(frozen=True, slots=True, eq=False)
class FieldChunk:
    """Values of another type as their bytes, and what reads these."""

    field: Field
    read: Callable[[Field], Iterable[object]]

    @property
    def size(self) -> int:
        """How many bytes they take."""
        return len(self.field.buffer)

    def objects(self) -> Iterable[object]:
        """Return the values as Python's."""
        return self.read(self.field)
