"""The folders for servers that root starts, where the account that a server runs as can enter.

    /var/lib/fsapi_nb/          0711, root's
      <hash>-<random>/          0711, root's: the root folder of one server
        desk                    the path of the server folder that it belongs to
        inode                   the inode of that server folder, by which it is recognised after its project was moved
        server/                 0700, of the account that the server runs as

Nothing here deletes data, and nothing here concerns other users than root.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.project.private_files import replace_file
from fsapi_nb.servers.embedded.account import Account
from fsapi_nb.servers.embedded.messages import OTHER_DATABASE
from fsapi_nb.servers.embedded.record import Record

#: The folder that lasts longest comes first.
ROOT_BASES = (Path("/var/lib/fsapi_nb"), Path("/var/tmp/fsapi_nb"), Path("/tmp/fsapi_nb"))  # noqa: S108 - owners are looked at
#: The names in a root folder; they stay as they are, since data of earlier versions lies in such folders.
_OWNER, _INODE = "desk", "inode"


def root_base() -> Path:
    """Return a folder of root's that any account can enter and only root can change.

    Raises EmbeddedServerError.
    """
    for base in ROOT_BASES:
        with contextlib.suppress(OSError):
            if not base.exists():
                base.mkdir(mode=0o700)
                base.chmod(0o711)
            usable = _is_roots(base) and os.access(base, os.W_OK)
            if usable and all(way.stat().st_mode & 0o001 for way in (base, *base.parents)):
                return base
    raise EmbeddedServerError(
        "PostgreSQL refuses to run as root, and no folder was found that another account could run it in: "
        f"{', '.join(map(str, ROOT_BASES))} are not writable, or not root's",
        hint=f"make the first of them (root's, mode 0711), or run as another user than root. {OTHER_DATABASE}",
    )


def make_root_folder(server_folder: Path, account: Account) -> Path:
    """Make a root folder for a server; in it, a folder that only `account` can enter. Raises OSError."""
    folder = root_base() / f"{_prefix(server_folder)}-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        folder.chmod(0o711)
        assign(folder, server_folder)
        (folder / "server").mkdir(mode=0o700)
        os.chown(folder / "server", account.uid, account.gid)
    except OSError:
        shutil.rmtree(folder)
        raise
    return folder


def find_abandoned_folders(server_folder: Path) -> list[Path]:
    """Return the root folders of an earlier server folder of this path, which was deleted or moved away."""
    if os.geteuid() != 0:
        return []
    named = Record.read(server_folder).root_folder
    found = [file.parent for file in root_base().glob(f"{_prefix(server_folder)}-*/{_OWNER}")]
    return [folder for folder in found if owner_of(folder) == server_folder and str(folder) != named]


def is_root_folder(folder: Path) -> bool:
    """Return whether a folder lies where root folders are made, and only root can have made it."""
    with contextlib.suppress(OSError):
        return folder.parent in ROOT_BASES and _is_roots(folder.parent) and _is_roots(folder)
    return False


def belongs_to(folder: Path, server_folder: Path) -> bool:
    """Return whether a folder is a root folder, and says that it belongs to this server folder."""
    return is_root_folder(folder) and owner_of(folder) == server_folder


def belongs_to_another(folder: Path, server_folder: Path) -> bool:
    """Return whether another server folder uses the data, from which this one was copied."""
    other = owner_of(folder)
    return other is not None and other != server_folder and Record.read(other).root_folder == str(folder)


def may_be_of_another(folder: Path, server_folder: Path) -> bool:
    """Return whether a root folder may belong to another server folder, unless this one was only moved.

    The record of this one may have come with a project, and name the data of one that is gone from its path.
    """
    if owner_of(folder) == server_folder:
        return False
    with contextlib.suppress(FileNotFoundError):
        return (folder / _INODE).read_text() != _inode(server_folder)
    return True


def assign(folder: Path, server_folder: Path) -> None:
    """Let a root folder belong to a server folder. Raises OSError."""
    replace_file(folder / _OWNER, str(server_folder))
    replace_file(folder / _INODE, _inode(server_folder))


def owner_of(folder: Path) -> Path | None:
    """Return the server folder that a root folder says it belongs to."""
    try:
        return Path((folder / _OWNER).read_text(encoding="utf-8", errors="surrogateescape"))
    except FileNotFoundError:
        return None


def _inode(server_folder: Path) -> str:
    return str(server_folder.lstat().st_ino)


def _prefix(server_folder: Path) -> str:
    return hashlib.sha256(os.fsencode(server_folder)).hexdigest()[:12]


def _is_roots(folder: Path) -> bool:
    """Return whether a path is a folder, not a link to one, that only root can change."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & 0o022
