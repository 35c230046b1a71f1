"""Make each side notice within half a minute that the other one is gone, even if no packet says so.

A laptop sleeps; a network or a machine disappears. By the defaults of most systems, the server then keeps the session
and its advisory lock for two hours, and a client waits for its answer as long. So both sides probe the connection after
ten idle seconds, every five seconds, four times. Data that is not confirmed for half a minute ends the connection, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

_IDLE, _INTERVAL, _COUNT, _UNCONFIRMED = 10, 5, 4, 30_000  # seconds, seconds, probes, milliseconds
_CLIENT: Mapping[str, int] = {
    "keepalives_idle": _IDLE,
    "keepalives_interval": _INTERVAL,
    "keepalives_count": _COUNT,
    "tcp_user_timeout": _UNCONFIRMED,
}
#: The same for the server's side, as settings of the session. They have no effect on a connection by a Unix socket.
SERVER: Mapping[str, str] = {
    "tcp_keepalives_idle": str(_IDLE),
    "tcp_keepalives_interval": str(_INTERVAL),
    "tcp_keepalives_count": str(_COUNT),
    "tcp_user_timeout": str(_UNCONFIRMED),
}


def keepalives(dsn: str) -> dict[str, Any]:
    """Return the keepalive parameters that a connection string does not set."""
    given = conninfo_to_dict(dsn)
    return {name: value for name, value in _CLIENT.items() if name not in given}


def wanted(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the keepalive settings that the connection's `options` do not set."""
    options = connection.info.options
    return {name: value for name, value in SERVER.items() if name not in options}


def keep_alive(connection: psycopg.Connection[Any]) -> None:
    """Set the client's side of an open connection, unless its parameters set it. Unix sockets need none."""
    import os
    import socket

    given = connection.info.get_parameters()
    if connection.info.host.startswith(("/", "@")) or any(name in given for name in _CLIENT):
        return
    options = {
        "TCP_KEEPIDLE": _IDLE,
        "TCP_KEEPINTVL": _INTERVAL,
        "TCP_KEEPCNT": _COUNT,
        "TCP_USER_TIMEOUT": _UNCONFIRMED,
    }
    with socket.socket(fileno=os.dup(connection.fileno())) as own:
        for name, value in options.items():
            if own.family in {socket.AF_INET, socket.AF_INET6} and hasattr(socket, name):
                own.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
