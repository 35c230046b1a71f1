"""Find out whether a connection leads to PostgreSQL itself, with no pooler in between, by asking this machine's kernel.

The kernel knows which process listens at the other end of a Unix socket. If that process is the parent of the server
process that answers, it is PostgreSQL: a pooler is not the parent of the sessions that it hands out. Asks only the kernel.
"""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

from fsapi_nb.postgres.session import Connection

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


def is_direct(connection: Connection, pid: int) -> bool:
    """Return whether the server process `pid` certainly answers without anything in between; False in doubt."""
    listener = _listener(connection)
    return listener is not None and listener == _parent_of_server_process(pid)


def _listener(connection: Connection) -> int | None:
    """Return the id of the process that listens at the other end of a Unix socket; None for any other connection."""
    option = getattr(socket, "SO_PEERCRED", None)  # Linux
    if option is None:
        return None
    with socket.socket(fileno=os.dup(connection.fileno())) as own:
        if own.family != socket.AF_UNIX:
            return None
        pid, _, _ = _CREDENTIALS.unpack(own.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return int(pid) or None  # 0 is a process of another container


def _parent_of_server_process(pid: int) -> int | None:
    """Return the parent of a PostgreSQL process; None if no PostgreSQL process has that id on this machine.

    The id comes from the server. If the server runs in another container, a different process may have that id here. So
    the process must be called `postgres`, which the children of a pooler that forks are not.
    """
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
    except OSError:
        return None
    return int(rest.split()[1]) if name.partition("(")[2] == "postgres" else None
