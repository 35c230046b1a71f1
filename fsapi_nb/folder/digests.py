"""The digests of a folder's files, taken of their bytes; a file that is as it was is not read again by every run.

As it was means: the same inode with the same size, and the same times of its last change. Programs can set the one of
its contents (`touch`), the other one (`st_ctime`) only the system sets. A change within the clock's grain could leave
both: so a file counts only once its times are older than that, as in Git's index.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from hashlib import sha256

Signature = tuple[int, int, int, int, int]

_CHUNK = 1 << 16
_GRAIN = 2_000_000_000  # nanoseconds: the coarsest clock of a file system in use
_FOLDERS = 16  # whose digests are remembered
_known: dict[str, dict[str, tuple[Signature, str]]] = {}


def read_digests(
    folder: str, descriptor: int, names: Iterable[str], unreadable: Callable[[str, OSError], None]
) -> dict[str, str]:
    """Return the digest of each file's bytes (`sha256:<hex>`); call `unreadable` for those that cannot be read.

    There may be thousands: each is opened below the folder, which the system need not find again, and so much of it is
    held at a time as one call of the system gives.

    Args:
        folder: The folder's absolute path, by which its digests are remembered.
        descriptor: The open folder.
    """
    before = _known.get(folder, {})
    digests: dict[str, str] = {}
    known: dict[str, tuple[Signature, str]] = {}
    now = time.time_ns()
    for name in names:
        try:
            signature = _sign(os.stat(name, dir_fd=descriptor))
            seen = before.get(name)
            if seen and seen[0] == signature:
                known[name], digests[name] = seen, seen[1]
                continue
            digest = _digest(name, descriptor)
        except OSError as error:
            unreadable(name, error)
            continue
        digests[name] = digest
        if _is_settled(signature, now):
            known[name] = (signature, digest)
    _remember(folder, known)
    return digests


def _digest(name: str, descriptor: int) -> str:
    file = os.open(name, os.O_RDONLY | os.O_NONBLOCK, dir_fd=descriptor)  # it may be a pipe by now
    try:
        digest = sha256(os.read(file, _CHUNK))
        while more := os.read(file, _CHUNK):
            digest.update(more)
    finally:
        os.close(file)
    return f"sha256:{digest.hexdigest()}"


def _sign(stat: os.stat_result) -> Signature:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _is_settled(signature: Signature, now: int) -> bool:
    """Return whether a later change must show in the times. Some file systems have none, and Windows's ctime is another time."""
    changed = signature[3:]
    return os.name == "posix" and min(changed) > 0 and max(changed) < now - _GRAIN


def _remember(folder: str, known: dict[str, tuple[Signature, str]]) -> None:
    _known.pop(folder, None)
    _known[folder] = known
    while len(_known) > _FOLDERS:
        try:
            del _known[next(iter(_known))]
        except (KeyError, StopIteration, RuntimeError):  # another thread has just done so
            return
