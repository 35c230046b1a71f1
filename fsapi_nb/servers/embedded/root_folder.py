"""Where servers that root starts have their data, as the account that they run as has to enter there, and can.

    /var/lib/fsapi_nb/          0711, root's
      <hash>-<random>/          0711, root's: one for each desk
        desk                    the path of that desk
        inode                   its inode, by which it is known again when its project was moved
        server/                 0700, of the account that the server runs as

No data is deleted here, and none of it concerns other users than root.
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
from fsapi_nb.servers.embedded.account import Account
from fsapi_nb.servers.embedded.messages import OTHER_DATABASE
from fsapi_nb.servers.embedded.record import Record, write_file

# The most lasting place first.
ROOT_BASES = (Path("/var/lib/fsapi_nb"), Path("/var/tmp/fsapi_nb"), Path("/tmp/fsapi_nb"))


def root_base() -> Path:
    """A folder of root's that any account can enter and only root can change."""
    for base in ROOT_BASES:
        with contextlib.suppress(OSError):
            if not base.exists():
                base.mkdir(mode=0o700)
                base.chmod(0o711)
            ours = _is_roots(base) and os.access(base, os.W_OK)
            if ours and all(way.stat().st_mode & 0o001 for way in (base, *base.parents)):
                return base
    raise EmbeddedServerError(
        "PostgreSQL refuses to run as root, and no folder was found that another account could run it in: "
        f"{', '.join(map(str, ROOT_BASES))} are not writable, or not root's.",
        hint=f"Make the first of them (root's, mode 0711), or run as another user than root. {OTHER_DATABASE}",
    )


def make_root_folder(desk: Path, account: Account) -> Path:
    """A new folder for the server of `desk`; in it, one that only `account` can enter."""
    folder = root_base() / f"{_prefix(desk)}-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        folder.chmod(0o711)
        give_to(folder, desk)
        (folder / "server").mkdir(mode=0o700)
        os.chown(folder / "server", account.uid, account.gid)
    except OSError:
        shutil.rmtree(folder)
        raise
    return folder


def abandoned_folders(desk: Path) -> list[Path]:
    """The folders of an earlier desk of the same path, which was deleted or moved away."""
    if os.geteuid() != 0:
        return []
    found = [file.parent for file in root_base().glob(f"{_prefix(desk)}-*/desk")]
    return [folder for folder in found if desk_of(folder) == desk and str(folder) != Record.read(desk).place]


def is_root_folder(folder: Path) -> bool:
    """Whether it lies where such folders are made, and only root can have made it, whatever a record says."""
    with contextlib.suppress(OSError):
        return folder.parent in ROOT_BASES and _is_roots(folder.parent) and _is_roots(folder)
    return False


def belongs_to_another(folder: Path, desk: Path) -> bool:
    """Whether a project was copied, and the original, which is still there, goes on using the data."""
    other = desk_of(folder)
    return other is not None and other != desk and Record.read(other).place == str(folder)


def give_to(folder: Path, desk: Path) -> None:
    """Let a folder belong to a desk."""
    write_file(folder / "desk", str(desk))
    write_file(folder / "inode", _inode(desk))


def may_be_of_another(folder: Path, desk: Path) -> bool:
    """Whether a desk is not known to be the one that a folder belongs to, here or before it was moved.

    Its record may have come with a project of somebody else's, and name the data of one that is gone from its place.
    """
    if desk_of(folder) == desk:
        return False
    with contextlib.suppress(FileNotFoundError):
        return (folder / "inode").read_text() != _inode(desk)
    return True


def belongs_to(folder: Path, desk: Path) -> bool:
    """Whether it is this desk's beyond doubt: it lies where we put such folders, is root's, and names the desk."""
    return is_root_folder(folder) and desk_of(folder) == desk


def desk_of(folder: Path) -> Path | None:
    """The desk that a folder says it belongs to."""
    try:
        return Path((folder / "desk").read_text(encoding="utf-8", errors="surrogateescape"))
    except FileNotFoundError:
        return None


def _inode(desk: Path) -> str:
    return str(desk.lstat().st_ino)


def _prefix(desk: Path) -> str:
    return hashlib.sha256(os.fsencode(desk)).hexdigest()[:12]


def _is_roots(folder: Path) -> bool:
    """Whether it is a folder, no link to one, that only root can change."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & 0o022
