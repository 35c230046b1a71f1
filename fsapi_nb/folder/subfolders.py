"""How many SQL files are in the subfolders of a migrations folder: they are not read, which must not go unsaid."""

from __future__ import annotations

import os
from pathlib import Path

_DEEPEST = 3  # levels below the folder, so that a tree that has nothing to do with migrations is not walked


def count_nested(path: Path) -> int:
    """Return how many `*.sql` files are below the folder, and not in it. Hidden folders and links do not count."""
    return sum(_count(folder, _DEEPEST) for folder in _folders(path))


def _count(path: Path, levels: int) -> int:
    try:
        files = sum(1 for entry in os.scandir(path) if entry.name.lower().endswith(".sql") and entry.is_file())
    except OSError:
        return 0
    return files + sum(_count(folder, levels - 1) for folder in (_folders(path) if levels > 1 else ()))


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if not entry.name.startswith((".", "__")) and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []
