"""A cluster's system identifier, by which PostgreSQL, and our own journal, tell one cluster from another.

Copies of a folder that initdb made have all the same one, until each is given its own here. That is for folders in
which no server ever ran: there it stands in two places, which PostgreSQL compares at each start. Where a future version
keeps it otherwise, nothing is changed.
"""

from __future__ import annotations

import functools
import os
import secrets
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fsapi_nb.servers.embedded.permissions import is_own_file

_ID = struct.Struct("=Q")  # the control file begins with it
_IN_SEGMENT = 24  # where it stands in the write-ahead log: behind the short header of a segment's first page
_CONTROL_BYTES = 8192


def renew_identity(data: Path, uid: int) -> bool:
    """Give a data folder of `uid`'s that no server has run in an identifier of its own; False where that is not known.

    As initdb does, the upper half says when it was made. Raises OSError.
    """
    segments = [path for path in (data / "pg_wal").iterdir() if len(path.name) == 24]
    if len(segments) != 1:
        return False
    with _opened(data / "global" / "pg_control") as control, _opened(segments[0]) as segment:
        if not is_own_file(control.fileno(), uid) or not is_own_file(segment.fileno(), uid):
            return False  # root changes no files of others, whatever lies there under their names
        content = control.read(_CONTROL_BYTES)
        segment.seek(_IN_SEGMENT)
        end = _place_of_checksum(content)
        if end is None or segment.read(_ID.size) != content[: _ID.size]:
            return False
        new = _ID.pack(int(time.time()) << 32 | secrets.randbits(32))
        body = new + content[_ID.size : end]
        *_, checksum = _checksums(body)
        control.seek(0)
        control.write(body + checksum)
        segment.seek(_IN_SEGMENT)
        segment.write(new)
    return True


def _opened(path: Path) -> BinaryIO:
    return open(os.open(path, os.O_RDWR | os.O_NOFOLLOW), "r+b")


def _place_of_checksum(content: bytes) -> int | None:
    """Where the control file's checksum stands: it is that of all before it, and only zeros follow.

    How much comes before it differs from version to version.
    """
    for end, checksum in enumerate(_checksums(content)):
        if end >= _ID.size and content[end : end + len(checksum)] == checksum:
            return None if any(content[end + len(checksum) :]) else end
    return None


def _checksums(content: bytes) -> Iterator[bytes]:
    """The CRC-32C (Castagnoli's) of nothing, of the first byte, of the first two, and so on, as PostgreSQL writes it."""
    table, rest = _table(), 0xFFFFFFFF
    yield bytes(4)
    for byte in content:
        rest = table[(rest ^ byte) & 0xFF] ^ (rest >> 8)
        yield struct.pack("=I", rest ^ 0xFFFFFFFF)


@functools.cache
def _table() -> tuple[int, ...]:
    def remainder(byte: int) -> int:
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        return byte

    return tuple(map(remainder, range(256)))
