"""The folder of a server's socket: short, private, and of a name that no other account can have taken before.

It says whether something listens there; what that is, and whether it is well, is for others to find out.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import tempfile
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.paths import ServerPaths
from fsapi_nb.servers.embedded.permissions import is_private
from fsapi_nb.servers.embedded.record import Record

PORT = 5432  # names the socket file only; each server has a socket folder of its own

_PREFIX = "fsapi_nb-"
_MOST_BYTES = 103  # macOS takes 103 bytes and Linux 107


def make_socket_folder(place: ServerPaths) -> Path:
    """A new folder for the socket; for root it lies beside the data."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent")
    bases = [runtime] if runtime.is_absolute() and is_private(runtime, os.geteuid()) else []
    bases += [Path(tempfile.gettempdir()), Path("/tmp")]
    for base in [place.private] if place.account else bases:
        if re.fullmatch(r"[\w/.+-]+", str(base), re.ASCII) and _fits(base / "fsapi_nb-12345678"):
            with contextlib.suppress(OSError):
                folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
                os.chown(folder, place.uid, -1)
                return folder
    raise EmbeddedServerError(
        "No folder was found for the embedded server's socket: its path must be short, plain and writable.",
        hint="Set TMPDIR to such a folder.",
    )


def remove_socket_folder(place: ServerPaths) -> None:
    """Tidy up after a server that is gone; a copied project's record may name a folder that is in use."""
    folder = Path(Record.read(place.desk).socket)
    if not folder.name.startswith(_PREFIX) or not is_private(folder, place.uid) or listens(folder, place.uid):
        return
    with contextlib.suppress(OSError):
        file = socket_in(folder)
        file.unlink(missing_ok=True)
        file.with_name(f"{file.name}.lock").unlink(missing_ok=True)
        folder.rmdir()


def listens(folder: Path, uid: int) -> bool:
    """Whether a server answers at the socket; refuses a folder that another account could have made."""
    if not folder.exists():
        return False
    if not is_private(folder, uid):
        raise EmbeddedServerError(
            f"The embedded server's socket folder {folder} is not private: connecting there would not be safe.",
            hint="Find out who changed it. chmod 700 repairs its permissions; where it has another owner, end the "
            "server's process: the next start makes another folder.",
        )
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(socket_in(folder)))
        except OSError:
            return False
    return True


def socket_in(folder: Path) -> Path:
    """The socket's file, as PostgreSQL names it."""
    return folder / f".s.PGSQL.{PORT}"


def _fits(folder: Path) -> bool:
    return len(os.fsencode(socket_in(folder))) <= _MOST_BYTES
