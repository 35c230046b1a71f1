"""JupySQL's connections as they are: which database `--database jupysql` means, and what `%sql` has left open.

Looks only where JupySQL is loaded already (importing it costs seconds), and runs nothing through it: it rewrites
SQL, and an interrupt makes SQLAlchemy drop its connection. Knows its objects, and changes none of them.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.notebook.engine import connect_through

NAME = "jupysql"
OPEN = (
    "%sql has a transaction open on this database: what it has locked is waited for, and what it has changed is not "
    "seen. %sql COMMIT or %sql ROLLBACK ends it."
)
_IN_TRANSACTION = (2, 3)  # libpq's PQTRANS_INTRANS and PQTRANS_INERROR, in psycopg and psycopg2 alike


def connections() -> Any | None:
    """JupySQL's ConnectionManager; None where JupySQL is not loaded."""
    return getattr(sys.modules.get("sql.connection"), "ConnectionManager", None)


def database() -> str | Callable[[], Any]:
    """JupySQL's database as a `Migrator` takes it: a function that connects through its engine, or a URL.

    The engine has all that a user gave it (a creator, connect_args, event hooks that fetch tokens); what it opens
    for us is a connection of our own. Where its driver is not psycopg 3 there is the URL, with its password.
    Raises ConfigurationError where JupySQL is not loaded, is not connected, is connected to something else, or is
    connected by such a driver to another place than its URL says.
    """
    manager = connections()
    connected = manager.current if manager else None
    if connected is None:
        hint = "%load_ext sql and connect it first, such as %sql postgresql://localhost/shop."
        raise ConfigurationError("JupySQL has no connection whose database could be used", hint=hint)
    if connected.is_dbapi_connection:
        raise ConfigurationError(
            "JupySQL's connection has no URL", hint="connect it by a URL, or name the database here."
        )
    engine = connected.connection_sqlalchemy.engine
    if engine.url.get_backend_name() != "postgresql":
        raise ConfigurationError(f"JupySQL is connected to {engine.url.get_backend_name()}, not to PostgreSQL")
    return partial(_connect, engine) if engine.dialect.driver == "psycopg" else _url(engine, connected)


def has_open_transaction(is_ours: Callable[..., bool]) -> bool:
    """Whether a connection of JupySQL is in a transaction on the database that `is_ours` recognises.

    It is asked with the host, hostaddr, port and database that the driver says.
    """
    with contextlib.suppress(Exception):  # they are others' objects, and this is only a courtesy
        return any(_is_open(each) and is_ours(**_whereabouts(each.info)) for each in _driver_connections())
    return False


def in_transaction(connected: Any) -> bool:
    """Whether that connection of JupySQL is in a transaction."""
    return _is_open(_driver_connection(connected))


def is_current(**whereabouts: Any) -> bool:
    """Whether JupySQL's current connection went there."""
    manager = connections()
    current = _driver_connection(manager.current) if manager and manager.current else None
    return current is not None and _whereabouts(current.info) == whereabouts


def _connect(engine: Any) -> Any:
    """A new connection through the engine's creator and hooks, which its pool never sees."""
    hint = "its engine could not open another one: is the server running, and are there connections left?"
    connection = connect_through(engine, "JupySQL's database", hint)
    if any(connection is other for other in _driver_connections()):
        raise ConfigurationError(
            "JupySQL's engine gives the connection that %sql is using, and no new one",
            hint="let the engine's creator open a connection at each call, or name the database here.",
        )
    return connection


def _url(engine: Any, connected: Any) -> str:
    """The URL of an engine, where it is all that says where `%sql` is: not if there is a creator, or a hook."""
    from fsapi_nb.migrator import Migrator

    url = engine.url
    text = str(url.set(drivername="postgresql").render_as_string(hide_password=False))
    info = getattr(_driver_connection(connected), "info", None)
    if not (url.host or url.database or url.query):
        there = False
    elif hasattr(info, "dbname"):
        there = Migrator(text).may_lead_to(**_whereabouts(info))
    else:
        there = bool(url.host or {"host", "hostaddr"} & set(url.query))
    if not there:
        raise ConfigurationError(
            "the URL of JupySQL's engine does not tell where %sql is connected, and its driver is not psycopg 3",
            hint="make the engine with postgresql+psycopg://, or name the database here.",
        )
    return text


def _driver_connections() -> Iterator[Any]:
    """The drivers' own connections, of those that are open."""
    manager = connections()
    known = [*manager.connections.values(), manager.current] if manager else []
    for connected in known:
        connection = _driver_connection(connected) if connected is not None else None
        if connection is not None:
            yield connection


def _driver_connection(connected: Any) -> Any | None:
    if connected.is_dbapi_connection:
        return connected._connection
    with contextlib.suppress(NotImplementedError):  # Spark's
        sqlalchemy = connected.connection_sqlalchemy
        if not sqlalchemy.closed and not sqlalchemy.invalidated:  # which it would connect again
            return sqlalchemy.connection.driver_connection
    return None


def _is_open(connection: Any) -> bool:
    return getattr(getattr(connection, "info", None), "transaction_status", None) in _IN_TRANSACTION


def _whereabouts(info: Any) -> dict[str, Any]:
    """Where a connection of psycopg or psycopg2 went; only the former knows the host's address."""
    return {
        "host": info.host or "",
        "hostaddr": getattr(info, "hostaddr", "") or "",
        "port": int(info.port),
        "database": info.dbname,
    }
