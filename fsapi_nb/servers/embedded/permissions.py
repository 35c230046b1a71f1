"""Who could have changed what lies at a path: told by owners and modes alone, never by what a file says of itself."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def is_private(folder: Path, uid: int) -> bool:
    """Whether it is a folder (no link to one) that `uid` owns and nobody else can enter."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o077


def is_anchored(folder: Path, uid: int) -> bool:
    """Whether nobody but `uid` and root can put another folder in its place; links on the way are not followed."""
    try:
        ways = [way.lstat() for way in (folder, *folder.parents)]
    except OSError:
        return False
    return all(
        stat.S_ISDIR(way.st_mode)
        and way.st_uid in (0, uid)
        # In a folder with the sticky bit, such as /tmp, each one can remove only what is his.
        and (not way.st_mode & 0o022 or way.st_mode & stat.S_ISVTX)
        for way in ways
    )


def is_own_file(descriptor: int, uid: int) -> bool:
    """Whether an open file is a plain one of `uid`'s, under one name, that others cannot write."""
    found = os.fstat(descriptor)
    return stat.S_ISREG(found.st_mode) and found.st_uid == uid and found.st_nlink == 1 and not found.st_mode & 0o022
