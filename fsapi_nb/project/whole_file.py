"""Write a file of a project whole: a reader sees the old text or the new one, never a part."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(file: Path, text: str, *, mode: int) -> None:
    """Write a file in a folder that is there, in UTF-8; a file that is there keeps its permissions.

    Args:
        file: Its path.
        text: What it will say.
        mode: The permissions of a new file.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    descriptor, draft = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as opened:
            opened.write(text)
        os.chmod(draft, file.stat().st_mode & 0o777 if file.exists() else mode)
        os.replace(draft, file)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)
