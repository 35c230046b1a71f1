"""How soon each side knows that the other one is gone, with no packet that says so: half a minute.

A laptop sleeps, a network or a machine vanishes. By the defaults of most systems a server keeps the session, and the
advisory lock with it, for two hours, and a client waits for its answer as long. So both ask after ten idle seconds, every
five seconds, four times; and what is sent and not confirmed for half a minute ends the connection.
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
#: The same for the server's side of a session, as settings. They mean nothing to a connection by a socket of the machine.
SERVER: Mapping[str, str] = {
    "tcp_keepalives_idle": str(_IDLE),
    "tcp_keepalives_interval": str(_INTERVAL),
    "tcp_keepalives_count": str(_COUNT),
    "tcp_user_timeout": str(_UNCONFIRMED),
}


def keepalives(dsn: str) -> dict[str, Any]:
    """Return the parameters of a new connection that its connection string leaves open."""
    given = conninfo_to_dict(dsn)
    return {name: value for name, value in _CLIENT.items() if name not in given}


def wanted(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the settings of a session that its `options` leave open."""
    options = connection.info.options
    return {name: value for name, value in SERVER.items() if name not in options}


def keep_alive(connection: psycopg.Connection[Any]) -> None:
    """Set the client's side of a connection that somebody else has opened, if they have said nothing of it."""
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
