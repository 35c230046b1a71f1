"""Read a migration's bytes in pieces, from memory or from its file.

A seed of any size takes the memory of one piece. Does not know what the bytes mean. A file is open only while it is
read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from fsapi_nb.errors import MigrationFileError
from fsapi_nb.model.migration import CopyData
from fsapi_nb.model.place import Problem, SourceLocation

PIECE = 1 << 20  # bytes
# O_NONBLOCK: the file may have been replaced by a pipe, and opening one would wait for a writer.
_READING = os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_BINARY", 0)
_FIRST = (
    1 << 16
)  # bytes of the first piece: most files are shorter, and memory for a whole piece would cost more than they


@dataclass(frozen=True, slots=True)
class MemoryContents:
    """The bytes of a migration in memory: of a cell, of a stored text, of a small part of a file."""

    name: str
    raw: bytes = field(repr=False)

    def chunks(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """Yield the `size` bytes from `start` (all that follow if None) in order, at most `PIECE` at once."""
        end = len(self.raw) if size is None else min(start + size, len(self.raw))
        if start == 0 and end == len(self.raw) <= PIECE:
            yield self.raw
            return
        for position in range(start, end, PIECE):
            yield self.raw[position : min(position + PIECE, end)]


@dataclass(frozen=True, slots=True)
class FileContents:
    """The bytes of a migration's file, as they are at each reading.

    Reading raises OSError if the file cannot be read.
    """

    name: str
    path: str

    def chunks(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """Yield the `size` bytes from `start` (all that follow if None) in order, at most `PIECE` at once."""
        file = os.open(self.path, _READING)  # a descriptor: Python's file object costs more than a small file's reading
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
    """Yield the data of a COPY in pieces, and check that it is the same as when the file was read.

    A change is known only at the end: the caller must roll back what was sent.

    Raises:
        MigrationFileError: The file can no longer be read, or its data has changed.
    """
    digest, size = hashlib.sha256(), 0
    try:
        for piece in data.contents.chunks(data.start, data.size):
            digest.update(piece)
            size += len(piece)
            yield piece
    except OSError as error:
        raise _changed(data, f"the file can no longer be read: {error.strerror}") from None
    if (size, digest.hexdigest()) != (data.size, data.digest):
        raise _changed(data, "the file was changed after it was read: this COPY's data is different now")


def _changed(data: CopyData, message: str) -> MigrationFileError:
    return MigrationFileError(Problem(message, SourceLocation(data.contents.name, data.line), "run it again."))
