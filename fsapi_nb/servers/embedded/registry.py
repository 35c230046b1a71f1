"""The desks that this account has made: noted outside of every project, as a project may have come from anybody.

    $XDG_STATE_HOME/fsapi_nb/servers/       0700; ~/.local/state, or /var/tmp/fsapi_nb-UID if that cannot be kept
      <number>                              for each desk: inode and time of change of its note, the desk's path, and
                                            `adopted` if it was made elsewhere, and its user has trusted it
    <desk>/made                             the note: the number
    <desk>/data-<number>                    the data: what is brought later, by `git pull` as well, cannot know its name

A copy, and what an archive brings, may have the note. It cannot have the note's time of change, which only the system
sets. A folder that was moved keeps it. Root needs none of this: its servers' data lies in a folder that only root can make.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from fsapi_nb.servers.embedded.permissions import is_anchored, is_own_file, is_private
from fsapi_nb.servers.embedded.record import write_file

_NOTE = "made"
_FIRST = re.compile(rf"start\.lock|{_NOTE}|\.{_NOTE}\.\d+")  # what a desk holds that another process is about to make
_ADOPTED = "adopted"
_NAMED = "named"  # in a record: the data has the number in its name, and what is called `data` was brought
_SHARED = Path("/var/tmp")
_NUMBER = re.compile(r"[0-9a-f]{32}")
_here: set[str] = set()  # records of this process that no folder could keep


def is_made(desk: Path) -> bool:
    """Return whether this account has made the desk, here, or whether it holds nothing that could do harm."""
    return is_recorded(desk) or _is_empty(desk)


def is_recorded(desk: Path) -> bool:
    """Return whether it is noted that this account has made the desk."""
    if os.geteuid() == 0:
        return True
    number = _read_note(desk)
    if number is None:
        return False
    record = _record(desk)
    return record in _here or any(_read_record(folder / number) == record for folder in _folders())


def remember(desk: Path, *, adopted: bool = False) -> None:
    """Note that this account has made the desk, or has `adopted` one that was made elsewhere. Raises OSError."""
    if os.geteuid() == 0:
        return
    number = secrets.token_hex(16)
    before = data_name(desk)
    write_file(desk / _NOTE, number + "\n")
    if adopted:
        _name_data(desk, before)
    record = _record(desk)
    for folder in _folders(make=True):
        with contextlib.suppress(OSError):
            _write_record(folder / number, desk, adopted=adopted)
            return
    _here.add(record)


def data_name(desk: Path) -> str:
    """Return what the data of a desk is called: as nobody can know who has not seen it, where this account keeps a note."""
    number = _read_note(desk) if os.geteuid() != 0 else None
    named = f"data-{number}"
    return "data" if number is None or (_is_plain(desk, number) and not (desk / named).exists()) else named


def name_data(desk: Path) -> None:
    """Give the data that an earlier version has made its name. Raises OSError."""
    number = _read_note(desk) if os.geteuid() != 0 else None
    if number is None or not _is_plain(desk, number):
        return
    _name_data(desk, "data")
    adopted = is_adopted(desk)
    for folder in _folders():
        if (folder / number).exists():
            _write_record(folder / number, desk, adopted=adopted)


def _is_plain(desk: Path, number: str) -> bool:
    """Whether the desk was recorded by a version that called all data the same, or is not recorded."""
    texts = [text for folder in _folders() if (text := _read(folder / number))]
    return _record(desk) not in _here and not any(_NAMED in text.splitlines()[2:] for text in texts)


def _name_data(desk: Path, before: str) -> None:
    """Give the data of a desk the name that follows from its note. A link is none."""
    data = desk / before
    if data.is_dir() and not data.is_symlink():
        data.rename(desk / f"data-{_read_note(desk)}")


def _write_record(file: Path, desk: Path, *, adopted: bool) -> None:
    write_file(file, f"{_record(desk)}\n{desk}\n{_NAMED}\n{_ADOPTED if adopted else ''}\n")


def forget(desk: Path) -> None:
    """Remove the record of a desk that is about to be deleted."""
    number = _read_note(desk) if os.geteuid() != 0 and is_recorded(desk) else None
    for folder in _folders() if number else ():
        (folder / str(number)).unlink(missing_ok=True)


def is_adopted(desk: Path) -> bool:
    """Return whether the desk was made elsewhere, and is used because its user has trusted it."""
    number = _read_note(desk) if os.geteuid() != 0 and is_recorded(desk) else None
    texts = [_read(folder / number) for folder in _folders()] if number else []
    return any(text and text.splitlines()[-1:] == [_ADOPTED] for text in texts)


def _is_empty(desk: Path) -> bool:
    found = list(desk.iterdir())
    return all(_FIRST.fullmatch(file.name) and stat.S_ISREG(file.lstat().st_mode) for file in found)


def _record(desk: Path) -> str:
    """What no copy has: the inode of the note, and when the system changed it last."""
    found = (desk / _NOTE).lstat()
    return f"{found.st_ino} {found.st_ctime_ns}"


def _read_note(desk: Path) -> str | None:
    text = _read(desk / _NOTE)
    return text.strip() if text and _NUMBER.fullmatch(text.strip()) else None


def _read_record(file: Path) -> str | None:
    text = _read(file)
    return text.partition("\n")[0] if text else None


def _read(file: Path) -> str | None:
    """The text of a plain file of this account's; None if it is something else."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    with contextlib.suppress(OSError), open(os.open(file, flags), "rb") as opened:
        if is_own_file(opened.fileno(), os.geteuid()):
            return opened.read(10_000).decode("utf-8", "replace")
    return None


def _folders(*, make: bool = False) -> Iterator[Path]:
    """The folders that nobody else can change, the best first; with `make`, they are made where that is possible."""
    bases = [Path(os.environ.get("XDG_STATE_HOME", "")), Path(os.environ.get("HOME", ""), ".local", "state")]
    wanted = [base / "fsapi_nb" / "servers" for base in bases if base.is_absolute()]
    for each in (*wanted, _SHARED / f"fsapi_nb-{os.geteuid()}" / "servers"):
        with contextlib.suppress(OSError, RuntimeError):  # the latter is a loop of links
            folder = each.resolve()
            if make:
                _make(folder)
            if is_private(folder, os.geteuid()) and is_anchored(folder, os.geteuid()):
                yield folder


def _make(folder: Path) -> None:
    """Make a folder and those above it, if nobody else can put something in their place. Raises OSError."""
    missing = [way for way in (folder, *folder.parents) if not way.exists()]
    if missing and is_anchored(missing[-1].parent, os.geteuid()):
        for way in reversed(missing):
            way.mkdir(mode=0o700, exist_ok=True)
