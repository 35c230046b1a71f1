"""The registry of the server folders that this account has made.

It is kept outside of every project, as a project may come from anybody, and its data would run programs.

    $XDG_STATE_HOME/fsapi_nb/servers/   ~/.local/state if that is not set, /var/tmp/fsapi_nb-UID if neither can be used
      <number>                          an entry: what identifies the note of a server folder, the folder's path,
                                        `named` if its data has a name of its own, and `adopted` if it was made
                                        elsewhere and its user has trusted it
    <server folder>/made                the note: the number
    <server folder>/data-<number>       the data: what is brought later, by `git pull` as well, cannot know its name

A note is identified by its inode and by the time of its last change. A copy of a folder, or an archive, can bring a
note with the same number, but not with the same time of change, which only the system sets. A folder that was moved
keeps both. Root has no registry: the data of its servers lies in a folder that only root can make.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.project.private_files import ForeignFile, make_private_folder, read_private, replace_file, user_folders
from fsapi_nb.project.regular_file import read_regular

_NOTE = "made"
_NAMED = "named"
_ADOPTED = "adopted"
_NUMBER = re.compile(r"[0-9a-f]{32}")
_MOST_BYTES = 1_000  # of a note
#: What a server folder holds while another process is making it.
_FIRST = re.compile(rf"start\.lock|{_NOTE}|\.{_NOTE}\.\d+")
_SHARED = Path("/var/tmp")  # noqa: S108 - who may write there is looked at
#: The notes of this process whose entries could be kept in no folder.
_unkept: set[str] = set()


@dataclass(frozen=True, slots=True)
class _RegistryEntry:
    """What the registry says about one server folder."""

    note: str
    named: bool
    adopted: bool


def is_own(server_folder: Path) -> bool:
    """Return whether this account has made a server folder, or it holds nothing that could do harm.

    Raises OSError.
    """
    return is_registered(server_folder) or _is_empty(server_folder)


def is_registered(server_folder: Path) -> bool:
    """Return whether the registry has a server folder. Root's are all its own."""
    if os.geteuid() == 0:
        return True
    number = _read_note(server_folder)
    return number is not None and _is_known(server_folder, number)


def register(server_folder: Path, *, adopted: bool = False) -> None:
    """Enter a server folder that this account has made, or has `adopted`: it was made elsewhere.

    Raises OSError.
    """
    if os.geteuid() == 0:
        return
    number = secrets.token_hex(16)
    before = data_name(server_folder)
    replace_file(server_folder / _NOTE, number + "\n")
    if adopted:
        _rename_data(server_folder, before, number)
    for folder in _folders():
        with contextlib.suppress(OSError, ForeignFile):
            make_private_folder(folder)
            _write_entry(folder / number, server_folder, adopted=adopted)
            return
    _unkept.add(_identify_note(server_folder))


def unregister(server_folder: Path) -> None:
    """Remove the entry of a server folder, which is about to be deleted or counts as foreign again.

    Raises OSError.
    """
    number = _read_note(server_folder)
    if number is not None and _is_known(server_folder, number):
        for folder in _folders():
            (folder / number).unlink(missing_ok=True)


def is_adopted(server_folder: Path) -> bool:
    """Return whether a server folder was made elsewhere, and counts because its user has trusted it."""
    number = _read_note(server_folder)
    return number is not None and _is_known(server_folder, number) and _is_entered_as_adopted(number)


def data_name(server_folder: Path) -> str:
    """Return the name of a server's data folder: one that cannot be guessed, if there is a note."""
    number = _read_note(server_folder)
    if number is None:
        return "data"
    named = f"data-{number}"
    return "data" if _has_plain_name(server_folder, number) and not (server_folder / named).exists() else named


def rename_plain_data(server_folder: Path) -> None:
    """Rename the data folder that an earlier version has made, which called each of them `data`.

    Raises OSError.
    """
    number = _read_note(server_folder)
    if number is None or not _has_plain_name(server_folder, number):
        return
    _rename_data(server_folder, "data", number)
    adopted = _is_known(server_folder, number) and _is_entered_as_adopted(number)
    for folder in _folders():
        if (folder / number).exists():
            _write_entry(folder / number, server_folder, adopted=adopted)


def _is_empty(server_folder: Path) -> bool:
    found = list(server_folder.iterdir())
    return all(_FIRST.fullmatch(file.name) and stat.S_ISREG(file.lstat().st_mode) for file in found)


def _is_known(server_folder: Path, number: str) -> bool:
    note = _identify_note(server_folder)
    return note in _unkept or any(entry.note == note for entry in _entries(number))


def _is_entered_as_adopted(number: str) -> bool:
    return any(entry.adopted for entry in _entries(number))


def _has_plain_name(server_folder: Path, number: str) -> bool:
    """Return whether no entry is there, or one of an earlier version, which called all data `data`."""
    return _identify_note(server_folder) not in _unkept and not any(entry.named for entry in _entries(number))


def _rename_data(server_folder: Path, before: str, number: str) -> None:
    """Give a data folder the name that follows from its note, unless a link stands there in its place."""
    data = server_folder / before
    if data.is_dir() and not data.is_symlink():
        data.rename(server_folder / f"data-{number}")


def _identify_note(server_folder: Path) -> str:
    """Return what no copy of the note has: its inode, and when the system changed it last."""
    found = (server_folder / _NOTE).lstat()
    return f"{found.st_ino} {found.st_ctime_ns}"


def _read_note(server_folder: Path) -> str | None:
    """Return the number in a server folder's note; None if there is no note, and for root."""
    if os.geteuid() == 0:
        return None
    with contextlib.suppress(OSError):  # a project may have brought anything by this name
        text = read_regular(server_folder / _NOTE, most=_MOST_BYTES, links=False).decode("ascii", "replace").strip()
        return text if _NUMBER.fullmatch(text) else None
    return None


def _entries(number: str) -> Iterator[_RegistryEntry]:
    """Yield the entries of that number, of which there is one at most in each folder."""
    for folder in _folders():
        with contextlib.suppress(OSError, ForeignFile):
            content = read_private(folder / number)
            if content:
                note, *others = content.decode("utf-8", "replace").splitlines()
                yield _RegistryEntry(note, _NAMED in others[1:], others[-1:] == [_ADOPTED])


def _write_entry(file: Path, server_folder: Path, *, adopted: bool) -> None:
    lines = (_identify_note(server_folder), str(server_folder), _NAMED, _ADOPTED if adopted else "")
    replace_file(file, "".join(f"{line}\n" for line in lines))


def _folders() -> list[Path]:
    """Return the folders that may hold the registry, the best first; not all of them need be there."""
    bases = [*user_folders("XDG_STATE_HOME", ".local/state"), _SHARED / f"fsapi_nb-{os.geteuid()}"]
    return [base / "servers" for base in bases]
