"""The folder of a server's socket: private, with a short path that no other account can foresee.

Nothing here asks what listens at a socket, or in which state it is.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
import tempfile
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.paths import ServerPaths
from fsapi_nb.servers.embedded.record import Record

PORT = 5432  # names the socket file only; each server has a socket folder of its own

_PREFIX = "fsapi_nb-"
_MOST_BYTES = 103  # macOS takes 103 bytes and Linux 107


def make_socket_folder(paths: ServerPaths) -> Path:
    """Make a folder for the socket; for root it lies beside the data. Raises EmbeddedServerError."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent")
    bases = [runtime] if runtime.is_absolute() and _is_private(runtime, os.geteuid()) else []
    bases += [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - who may write there is looked at
    for base in [paths.private_folder] if paths.account else bases:
        if re.fullmatch(r"[\w/.+-]+", str(base), re.ASCII) and _fits(base / "fsapi_nb-12345678"):
            with contextlib.suppress(OSError):
                folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
                os.chown(folder, paths.uid, -1)
                return folder
    raise EmbeddedServerError(
        "no folder was found for the embedded server's socket: its path must be short, plain and writable",
        hint="set TMPDIR to such a folder.",
    )


def remove_socket_folder(paths: ServerPaths) -> None:
    """Remove the socket folder of a server that is gone, unless another server uses it.

    The record of a copied project names the folder of the original.
    """
    folder = Path(Record.read(paths.server_folder).socket_folder)
    if not folder.name.startswith(_PREFIX) or not _is_private(folder, paths.uid) or listens(folder, paths.uid):
        return
    with contextlib.suppress(OSError):
        file = socket_in(folder)
        file.unlink(missing_ok=True)
        file.with_name(f"{file.name}.lock").unlink(missing_ok=True)
        folder.rmdir()


def listens(folder: Path, uid: int) -> bool:
    """Return whether a server answers at the socket in a folder of `uid`'s.

    Raises EmbeddedServerError for a folder that another account could have made.
    """
    if not folder.exists():
        return False
    if not _is_private(folder, uid):
        raise EmbeddedServerError(
            f"the embedded server's socket folder {folder} is not private: connecting there would not be safe",
            hint="find out who changed it. chmod 700 repairs its permissions; if it has another owner, end the server's "
            "process: the next start makes another folder.",
        )
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(socket_in(folder)))
        except OSError:
            return False
    return True


def socket_in(folder: Path) -> Path:
    """Return the path of the socket in a folder, as PostgreSQL names it."""
    return folder / f".s.PGSQL.{PORT}"


def _fits(folder: Path) -> bool:
    return len(os.fsencode(socket_in(folder))) <= _MOST_BYTES


def _is_private(folder: Path, uid: int) -> bool:
    """Return whether a path is a folder, not a link, that `uid` owns and no other account can enter."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o077
