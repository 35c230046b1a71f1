"""A migration's bytes, read in pieces, from memory or from its file: a seed of any size takes no more than one piece.

Says nothing of what they mean; that is for `script`. Opens a file only while it is read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from fsapi_nb.errors import MigrationFileError
from fsapi_nb.model.migration import CopyData
from fsapi_nb.model.place import Problem, SourceLocation

PIECE = 1 << 20
_READING = os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_BINARY", 0)  # it may be a pipe by now
_FIRST = 1 << 16  # most files end before that, and room for a whole piece costs more than they do


@dataclass(frozen=True, slots=True)
class MemoryContents:
    """Bytes that are there already: of a cell, of what the database keeps, of a small part of a file."""

    name: str
    raw: bytes = field(repr=False)

    def chunks(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """The `size` bytes from `start`, or all that follow; in order, at most `PIECE` at once."""
        end = len(self.raw) if size is None else min(start + size, len(self.raw))
        if start == 0 and end == len(self.raw) <= PIECE:
            yield self.raw
            return
        for position in range(start, end, PIECE):
            yield self.raw[position : min(position + PIECE, end)]


@dataclass(frozen=True, slots=True)
class FileContents:
    """The bytes of a file, as they are when they are asked for. Raises OSError where it cannot be read."""

    name: str
    path: str

    def chunks(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """The `size` bytes from `start`, or all that follow; in order, at most `PIECE` at once."""
        file = os.open(self.path, _READING)  # not an object of Python's, which costs more than a small file
        try:
            if start:
                os.lseek(file, start, os.SEEK_SET)
            left = size
            most = _FIRST
            while piece := os.read(file, most if left is None else min(most, left)):
                yield piece
                left, most = None if left is None else left - len(piece), PIECE
        finally:
            os.close(file)


def read_copy_data(data: CopyData) -> Iterator[bytes]:
    """Read the data of a COPY in pieces, to be sent, and check that it is what was read before.

    A change is known at the end only: the caller must take back what was sent.

    Raises:
        MigrationFileError: The file cannot be read any more, or has other data than when it was read.
    """
    digest, size = hashlib.sha256(), 0
    try:
        for piece in data.contents.chunks(data.start, data.size):
            digest.update(piece)
            size += len(piece)
            yield piece
    except OSError as error:
        raise _changed(data, f"the file cannot be read any more: {error.strerror}") from None
    if (size, digest.hexdigest()) != (data.size, data.digest):
        raise _changed(data, "the file was changed after it was read: this COPY's data is not what it was")


def _changed(data: CopyData, message: str) -> MigrationFileError:
    return MigrationFileError(Problem(message, SourceLocation(data.contents.name, data.line), "run it again."))
