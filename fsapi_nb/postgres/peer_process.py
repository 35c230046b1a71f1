"""Whether a connection goes to PostgreSQL itself, with no pooler in between, as far as this machine's kernel tells.

The kernel knows which process listens at the other end of a Unix socket. If that one is the parent of the server process
that answers, it is PostgreSQL: a pooler is not the parent of the sessions that it hands out. Asks nobody else.
"""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

from fsapi_nb.postgres.session import Connection

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


def is_direct(connection: Connection, pid: int) -> bool:
    """Return whether it is sure that the server process `pid` answers without anything in between; False in doubt."""
    listener = _listener(connection)
    return listener is not None and listener == _parent_of_server_process(pid)


def _listener(connection: Connection) -> int | None:
    """Return the process that listens at the other end of a socket of this machine, by its number here; else None."""
    option = getattr(socket, "SO_PEERCRED", None)  # Linux
    if option is None:
        return None
    with socket.socket(fileno=os.dup(connection.fileno())) as own:
        if own.family != socket.AF_UNIX:
            return None
        pid, _, _ = _CREDENTIALS.unpack(own.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return int(pid) or None  # 0 is a process of another container


def _parent_of_server_process(pid: int) -> int | None:
    """Return the parent of a process of PostgreSQL; None if this machine has none of that number.

    The number is the server's. Where that runs in another container, another process may have it here: hence the name,
    which the children of a pooler that forks do not have.
    """
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
    except OSError:
        return None
    return int(rest.split()[1]) if name.partition("(")[2] == "postgres" else None
