"""Read and write files of this user's own, outside of every project.

They hold what is trusted, and which servers were made here, in the folders of the XDG Base Directory Specification. One
rule holds for all: a file counts only if nobody but this user and root can have written it and every folder above it
(`ownership`). A link counts like what it leads to, as managers of dotfiles make links. Folders are made with mode 0700
and files with 0600. A file is replaced at once, so that no reader sees half of it, even if the writer is killed.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from fsapi_nb.project.ownership import why_foreign
from fsapi_nb.project.regular_file import read_regular


class ForeignFile(Exception):
    """A file or folder that somebody else may have written; `reason` says who, in words."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason


def user_folders(variable: str, default: str) -> list[Path]:
    """Return the folders of fsapi_nb for one kind of file, best first; none if there is no home folder.

    Args:
        variable: The XDG variable, such as `XDG_CONFIG_HOME`; a relative path in it does not count.
        default: The folder below the home folder, such as `.config`.
    """
    bases = [Path(os.environ.get(variable, ""))]
    with contextlib.suppress(RuntimeError):  # the account has no name, and HOME is not set
        bases.append(Path.home() / default)
    return [base / "fsapi_nb" for base in bases if base.is_absolute()]


def read_private(file: Path) -> bytes | None:
    """Return what a file holds, None if there is none. Raises ForeignFile, OSError."""
    try:
        content = read_regular(file)
    except FileNotFoundError:
        return None
    _refuse_foreign(file)
    return content


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing; close one that others may enter.

    Raises ForeignFile, OSError.
    """
    real = Path(os.path.realpath(folder))
    missing = [way for way in (real, *real.parents) if not way.exists()]
    if missing:
        _refuse_foreign(missing[-1].parent)  # first: root may have another user's HOME, and leaves nothing there
    for way in reversed(missing):
        way.mkdir(mode=0o700, exist_ok=True)
    _refuse_foreign(folder)
    mode = folder.stat().st_mode
    if mode & 0o077:
        folder.chmod(mode & 0o700)


def replace_file(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a file at once; a link at `path` is replaced, not followed. Raises OSError.

    The caller holds a lock, as two threads that write the same file would share its draft.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:  # a path need not be UTF-8
        os.fchmod(descriptor, mode)  # whatever the umask is, and if a killed process has left the draft
        file.write(text)
    draft.replace(path)


def _refuse_foreign(path: Path) -> None:
    if reason := why_foreign(path):
        raise ForeignFile(path, reason)
