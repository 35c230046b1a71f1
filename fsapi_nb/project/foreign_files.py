"""Find files of a project that are not its own: links out of it, and migrations of others.

An archive may hold a link to any file of this machine, so that a command would show it, run it or write to it. Looks at
names, links and owners; opens no file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from fsapi_nb.project.ownership import why_foreign, why_foreign_alone
from fsapi_nb.project.requests import Request, folder_request, foreign_request, link_request


def find_link(path: Path, root: Path) -> tuple[Request, ...]:
    """Return what a path asks for if it, or a folder on its way, leads out of the project in `root`."""
    real = _outside(path, (os.path.realpath(root),))
    return () if real is None else (link_request(path, root, real),)


def find_folder(folder: Path, root: Path, setting: str) -> tuple[Request, ...]:
    """Return what the migrations folder asks for if it leads out of the project.

    `setting` is what names the folder, if it is not inside as it is written.
    """
    real = _outside(folder, (os.path.realpath(root),))
    if real is None:
        return ()
    is_named = _outside_as_written(folder, root)
    return (folder_request(setting, real) if is_named else link_request(folder, root, real),)


def find_files(folder: Path, root: Path, *, owners: bool) -> tuple[Request, ...]:
    """Return what the files of a migrations folder ask for: each link out of the project and the folder.

    Args:
        folder: The migrations folder.
        root: The project.
        owners: Whether to look also for files that somebody else may have written, if the folder itself is this user's
            and others can put files into it, as into /tmp.
    """
    inside = (os.path.realpath(root), os.path.realpath(folder))
    owners = owners and _is_shared(folder) and why_foreign(folder) is None
    return tuple(_file_requests(folder, root, inside, owners=owners))


def _is_shared(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & 0o022)
    except OSError:
        return False


def _file_requests(folder: Path, root: Path, inside: tuple[str, ...], *, owners: bool) -> Iterator[Request]:
    for entry in _doubtful(folder, owners=owners):
        path = Path(entry.path)
        if entry.is_symlink() and (real := _outside(path, inside)) is not None:
            yield link_request(path, root, real)
        elif owners and (reason := _why_foreign(entry, path)):
            yield foreign_request(path, root, reason)


def _doubtful(folder: Path, *, owners: bool) -> list[os.DirEntry[str]]:
    """Return the migrations to look at, in order: links, and files that others may have written.

    The list is empty if there is no folder. There may be thousands of files, none of which is to be looked at: most
    need no system call.
    """
    try:
        with os.scandir(folder) as entries:
            found = [
                entry
                for entry in entries
                if entry.name[-4:].lower() == ".sql"
                and entry.name[0] != "."
                and (_may_be_migration(entry) if entry.is_symlink() else owners and _is_in_doubt(entry))
            ]
    except OSError:
        return []
    return sorted(found, key=lambda each: os.fsencode(each.name))


def _may_be_migration(link: os.DirEntry[str]) -> bool:
    """Return whether a link leads to a file, or to nothing yet.

    It is then shown as a migration, and a cell may make it.
    """
    return os.path.isfile(link.path) or not os.path.exists(link.path)


def _is_in_doubt(entry: os.DirEntry[str]) -> bool:
    found = entry.stat(follow_symlinks=False)
    return stat.S_ISREG(found.st_mode) and (found.st_uid != os.geteuid() or bool(found.st_mode & 0o022))


def _why_foreign(entry: os.DirEntry[str], path: Path) -> str | None:
    """Return why others may have written a file of a folder that is this user's; None if they cannot."""
    if entry.is_symlink():
        return why_foreign(path) if path.exists() else None
    return why_foreign_alone(path)


def _outside(path: Path, inside: tuple[str, ...]) -> str | None:
    """Return where a path really leads; None if that is in one of these real folders."""
    real = os.path.realpath(path)
    return None if any(Path(real).is_relative_to(folder) for folder in inside) else real


def _outside_as_written(path: Path, root: Path) -> bool:
    return not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(root))
