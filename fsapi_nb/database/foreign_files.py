"""Which files of a project are not simply its own: links that lead out of it, and migrations that others have put there.

An archive may hold a link to any file of this machine, so that a command shows it, runs it or writes to it. Looks at
names, links and owners; opens no file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from fsapi_nb.database.ownership import why_foreign, why_foreign_alone
from fsapi_nb.database.requests import Request, folder_request, foreign_request, link_request


def find_link(path: Path, root: Path) -> tuple[Request, ...]:
    """Return what a path asks for if it leads out of the project in `root`, by itself or by a folder on its way."""
    real = _outside(path, (os.path.realpath(root),))
    return () if real is None else (link_request(path, root, real),)


def find_folder(folder: Path, root: Path, setting: str) -> tuple[Request, ...]:
    """Return what the migrations folder asks for that a `setting` names, or that is there by itself, if it leads out."""
    real = _outside(folder, (os.path.realpath(root),))
    if real is None:
        return ()
    is_named = _outside_as_written(folder, root)
    return (folder_request(setting, real) if is_named else link_request(folder, root, real),)


def find_files(folder: Path, root: Path, *, owners: bool) -> tuple[Request, ...]:
    """Return what the files of a migrations folder ask for: each link that leads out of the project and the folder.

    With `owners`, also each file that somebody else may have written, if the folder itself is this user's.
    """
    inside = (os.path.realpath(root), os.path.realpath(folder))
    owners = owners and why_foreign(folder) is None
    return tuple(_file_requests(folder, root, inside, owners=owners))


def _file_requests(folder: Path, root: Path, inside: tuple[str, ...], *, owners: bool) -> Iterator[Request]:
    for entry in _entries(folder):
        path = Path(entry.path)
        if entry.is_symlink() and (real := _outside(path, inside)) is not None:
            yield link_request(path, root, real)
        elif owners and (reason := _why_foreign(entry, path)):
            yield foreign_request(path, root, reason)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """The entries that count as migrations, in order: files, links to files or to nothing yet. None if there is no folder."""
    try:
        with os.scandir(folder) as entries:
            found = [
                each
                for each in entries
                if each.name[-4:].lower() == ".sql"
                and each.name[0] != "."
                and (each.is_file() or (each.is_symlink() and not os.path.exists(each.path)))
            ]
    except OSError:
        return []
    return sorted(found, key=lambda each: os.fsencode(each.name))


def _why_foreign(entry: os.DirEntry[str], path: Path) -> str | None:
    """Why others may have written a file of a folder that is this user's."""
    if entry.is_symlink():
        return why_foreign(path) if path.exists() else None
    return why_foreign_alone(path)


def _outside(path: Path, inside: tuple[str, ...]) -> str | None:
    """Where a path really leads; None if that is in one of these real folders."""
    real = os.path.realpath(path)
    return None if any(Path(real).is_relative_to(folder) for folder in inside) else real


def _outside_as_written(path: Path, root: Path) -> bool:
    return not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(root))
