"""What files were parsed to, remembered for as long as the process lives and there is room.

The key is the file's content, so a reading is never out of date; callers have read the file. The cache knows nothing of
folders but which files belong to the one that was read last: those are held, because the next run reads all of them
again. If the oldest of them were forgotten like others, each run would parse a folder that is larger than the room.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable

from fsapi_nb.model.folder import FileReading

# What a reading takes in memory, about: a small one, and for each character of its text (tokens, statements, the texts
# of both).
_LEAST = 4 << 10
_EACH = 4

_Key = tuple[str, str]


class ParseCache:
    """Readings by a file's path and the digest of its bytes; those used last are kept, in so many bytes of memory.

    The files of the folder that was read last may take up to `most`. Threads may share it: what one of them is parsing,
    the others wait for.
    """

    def __init__(self, capacity: int, most: int | None = None) -> None:
        self._capacity = capacity
        self._most = capacity if most is None else most
        self._folder: tuple[str, tuple[str, ...]] = ("", ())
        self._files: frozenset[str] = frozenset()
        self._held: dict[_Key, tuple[FileReading, int]] = {}
        self._others: OrderedDict[_Key, tuple[FileReading, int]] = OrderedDict()
        self._held_size = self._others_size = 0
        self._lock = threading.Lock()
        self._flights: dict[_Key, threading.Lock] = {}

    def hold(self, folder: str, names: tuple[str, ...]) -> None:
        """Hold the readings of a folder's files, and no longer those of the folder before."""
        with self._lock:
            if (folder, names) == self._folder:
                return
            self._folder = (folder, names)
            self._files = frozenset(os.path.join(folder, name) for name in names)
            known = [*self._others.items(), *self._held.items()]
            self._held, self._others, self._held_size, self._others_size = {}, OrderedDict(), 0, 0
            for key, (reading, size) in known:
                self._keep(key, reading, size)

    def read(self, file: str, digest: str, parse: Callable[[], FileReading]) -> FileReading:
        """Return what that file was read as when it held the same bytes; else what `parse` gives, by one thread alone.

        Only a reading of those bytes is remembered.
        """
        found = self.get(file, digest)
        if found is not None:
            return found
        with self._lock:
            flight = self._flights.setdefault((file, digest), threading.Lock())
        try:
            with flight:
                found = self.get(file, digest) or parse()
                if found.migration and found.migration.digest == digest:
                    self.put(file, digest, found)
                return found
        finally:
            with self._lock:
                self._flights.pop((file, digest), None)

    def get(self, file: str, digest: str) -> FileReading | None:
        """Return what that file was read as when it held the same bytes; None if that is not known any more."""
        with self._lock:
            found = self._held.get((file, digest))
            if found is None and (found := self._others.get((file, digest))):
                self._others.move_to_end((file, digest))
            return found[0] if found else None

    def put(self, file: str, digest: str, reading: FileReading) -> None:
        """Remember a reading; the oldest of other files are forgotten for it if there is no room."""
        size = _size(reading)
        with self._lock:
            self._keep((file, digest), reading, size)

    def _keep(self, key: _Key, reading: FileReading, size: int) -> None:
        if before := self._held.pop(key, None):
            self._held_size -= before[1]
        if before := self._others.pop(key, None):
            self._others_size -= before[1]
        if key[0] not in self._files:
            self._others[key] = reading, size
            self._others_size += size
        elif self._held_size + size <= self._most:
            self._held[key] = reading, size
            self._held_size += size
        while self._others and self._held_size + self._others_size > self._capacity:
            _, (_, forgotten) = self._others.popitem(last=False)
            self._others_size -= forgotten


def _size(reading: FileReading) -> int:
    return _LEAST + (_EACH * len(reading.migration.up.written.source) if reading.migration else 0)
