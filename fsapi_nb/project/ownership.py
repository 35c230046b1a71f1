"""Find out who could have written a file: only this user and root, or others as well.

Owners and modes decide, along the whole path up to the file, as for git's safe.directory and ssh's StrictModes. Looks
at folders; reads no file.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_ACCESS_LIST = "system.posix_acl_access"
_NAMED_USER, _NAMED_GROUP, _WRITE = 0x02, 0x08, 0o2
#: Accounts that some systems put into root's group, and that nobody can log in to or run a program as.
_IDLE = frozenset({"sync", "shutdown", "halt", "operator"})


def why_foreign(path: Path) -> str | None:
    """Return in words why others may have written what is at a path; None if they cannot have.

    This user and root do not count as others.

    A link on the path counts, and so does what it leads to.
    """
    return next((reason for way in _ways(path) if (reason := _doubt(way))), None)


def why_foreign_alone(path: Path) -> str | None:
    """Return why others may have written a file of a folder that only this user and root can have written."""
    return _doubt(path)


def _ways(path: Path) -> Iterator[Path]:
    """Yield the path and every folder above it, as it is written and as it really is."""
    for way in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))):
        yield from (Path(way), *Path(way).parents)


def _doubt(way: Path) -> str | None:
    try:
        found = way.lstat()
    except OSError as error:
        return f"{way} cannot be looked at: {error.strerror}"
    if found.st_uid not in (0, os.geteuid()):
        return f"{way} belongs to {_user(found.st_uid)}"
    if stat.S_ISLNK(found.st_mode):
        return None  # a link has no mode of its own
    # In a folder with the sticky bit, such as /tmp, everybody can remove only what is theirs.
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        return None
    if found.st_mode & 0o002:
        return f"anybody may write to {way}"
    if not found.st_mode & 0o020:  # with an access control list, these bits say the most that it gives to anybody
        return None
    if _has_others(found.st_gid, found.st_uid):
        return f"the group {_group(found.st_gid)} may write to {way}"
    return _doubt_of_list(way, found.st_uid)


def _doubt_of_list(way: Path, owner: int) -> str | None:
    """Return why others may write, by the POSIX access control list of a file or folder.

    None if they may not, or if the system has no such lists.
    """
    try:
        entries = os.getxattr(way, _ACCESS_LIST)[4:]  # behind its version
    except (AttributeError, OSError):
        return None
    for tag, rights, who in struct.iter_unpack("<HHI", entries):
        if rights & _WRITE and tag == _NAMED_USER and who not in (0, os.geteuid()):
            return f"{_user(who)} may write to {way}"
        if rights & _WRITE and tag == _NAMED_GROUP and _has_others(who, owner):
            return f"the group {_group(who)} may write to {way}"
    return None


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


@lru_cache(maxsize=64)
def _has_others(gid: int, owner: int) -> bool:
    """Return whether a group has members besides the owner and root; many systems give each user a group."""
    members = {entry.pw_uid for entry in pwd.getpwall() if entry.pw_gid == gid and entry.pw_name not in _IDLE}
    try:
        named = grp.getgrgid(gid).gr_mem
    except KeyError:
        named = []
    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    members |= {known.get(name, -1) for name in named}
    return bool(members - {0, owner})
