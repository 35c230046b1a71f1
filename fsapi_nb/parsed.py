"""What files were parsed to, remembered for as long as the process lives and there is room.

Keyed by what stands in a file, so that it is never wrong; whoever asks has read the file. Knows nothing of folders.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from fsapi_nb.model import Reading

# What a reading takes in memory, about: a small one, and for each character of its text (tokens, statements, the texts of both).
_LEAST = 4 << 10
_EACH = 4


class Parsed:
    """Readings by a file's path and the digest of its bytes; those used last are kept, in so many bytes of memory.

    Threads may share it.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._readings: OrderedDict[tuple[str, str], Reading] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, file: str, digest: str) -> Reading | None:
        """What that file was read as when it held the same bytes; None where that is not known any more."""
        with self._lock:
            found = self._readings.get((file, digest))
            if found is not None:
                self._readings.move_to_end((file, digest))
            return found

    def put(self, file: str, digest: str, reading: Reading) -> None:
        """Remember a reading; the oldest are forgotten for it where there is no room."""
        with self._lock:
            before = self._readings.pop((file, digest), None)
            self._size += _size(reading) - (_size(before) if before else 0)
            self._readings[file, digest] = reading
            while self._size > self._capacity:
                _, forgotten = self._readings.popitem(last=False)
                self._size -= _size(forgotten)


def _size(reading: Reading) -> int:
    return _LEAST + (_EACH * len(reading.migration.source) if reading.migration else 0)
