"""Read a file that somebody else may have put there.

A pipe is never read, as it may wait for ever, nor a device, which may have no end.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: The most bytes that a file with settings may have: a project may name any file.
SETTINGS_MOST = 16 << 20


def read_regular(file: Path, *, most: int | None = None, links: bool = True) -> bytes:
    """Return the bytes of a file.

    A file that the kernel makes up (`/proc`) says that it is empty, and gives no bytes.

    Args:
        file: The file.
        most: The most bytes that it may have.
        links: Whether a link to a file counts as one.

    Raises:
        OSError: It cannot be read, is not a regular file, or has more than `most` bytes.
    """
    with open(os.open(file, os.O_RDONLY | os.O_NONBLOCK | (0 if links else os.O_NOFOLLOW)), "rb") as opened:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a file", str(file))
        if most is not None and found.st_size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(file))
        return opened.read(found.st_size)
