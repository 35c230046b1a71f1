"""Read JupySQL's connections: which database `--database jupysql` means, and whether `%sql` left a transaction open.

Does not import JupySQL, which takes seconds: reads its objects if it is loaded, and changes none of them. Runs no SQL
through it: JupySQL rewrites SQL, and after an interrupt SQLAlchemy drops its connection.
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
    "%sql has an open transaction on this database: a migration waits for its locks and does not see its changes. "
    "%sql COMMIT or %sql ROLLBACK ends it."
)
_IN_TRANSACTION = (2, 3)  # libpq's PQTRANS_INTRANS and PQTRANS_INERROR, in psycopg and psycopg2 alike


def connections() -> Any | None:
    """Return JupySQL's ConnectionManager; None if JupySQL is not loaded."""
    return getattr(sys.modules.get("sql.connection"), "ConnectionManager", None)


def database() -> str | Callable[[], Any]:
    """Return JupySQL's database in a form that `Migrator` accepts: a function that connects by its engine, or a URL.

    The engine has everything that its user set: a creator, connect_args, event hooks that fetch tokens. It opens a new
    connection for fsapi_nb. If its driver is not psycopg 3, its URL is returned, with the password.

    Raises:
        ConfigurationError: JupySQL is not loaded or not connected, is not connected to PostgreSQL, or is connected by
            another driver to a place that its URL does not name.
    """
    manager = connections()
    connected = manager.current if manager else None
    if connected is None:
        hint = "%load_ext sql and connect it first, such as %sql postgresql://localhost/shop."
        raise ConfigurationError("JupySQL has no connection whose database could be used", hint=hint)
    if connected.is_dbapi_connection:
        raise ConfigurationError("JupySQL's connection has no URL", hint="connect it by a URL, or pass --database URL.")
    engine = connected.connection_sqlalchemy.engine
    if engine.url.get_backend_name() != "postgresql":
        raise ConfigurationError(f"JupySQL is connected to {engine.url.get_backend_name()}, not to PostgreSQL")
    return partial(_connect, engine) if engine.dialect.driver == "psycopg" else _url(engine, connected)


def has_open_transaction(is_same: Callable[..., bool]) -> bool:
    """Return whether a connection of JupySQL has an open transaction on a database.

    Args:
        is_same: Called with the host, hostaddr, port and database of a connection; returns whether it is that database.
    """
    with contextlib.suppress(Exception):  # these are objects of other libraries, and the warning is only a courtesy
        return any(_is_open(each) and is_same(**_endpoint(each.info)) for each in _driver_connections())
    return False


def in_transaction(connected: Any) -> bool:
    """Return whether a connection of JupySQL has an open transaction."""
    return _is_open(_driver_connection(connected))


def is_current(**endpoint: Any) -> bool:
    """Return whether JupySQL's current connection went to that host, hostaddr, port and database."""
    manager = connections()
    current = _driver_connection(manager.current) if manager and manager.current else None
    return current is not None and _endpoint(current.info) == endpoint


def _connect(engine: Any) -> Any:
    """Open a connection by the engine's creator and hooks, outside its pool."""
    hint = "its engine could not open another one: is the server running, and does it accept more connections?"
    connection = connect_through(engine, "JupySQL's database", hint)
    if any(connection is other for other in _driver_connections()):
        raise ConfigurationError(
            "JupySQL's engine gives the connection that %sql is using, and no new one",
            hint="make the engine's creator open a connection at each call, or pass --database URL.",
        )
    return connection


def _url(engine: Any, connected: Any) -> str:
    """Return the URL of an engine. Raises ConfigurationError if a creator or a hook may connect somewhere else."""
    from fsapi_nb.migrator import Migrator

    url = engine.url
    text = str(url.set(drivername="postgresql").render_as_string(hide_password=False))
    info = getattr(_driver_connection(connected), "info", None)
    if not (url.host or url.database or url.query):
        is_there = False
    elif hasattr(info, "dbname"):
        is_there = Migrator(text).may_lead_to(**_endpoint(info))
    else:
        is_there = bool(url.host or {"host", "hostaddr"} & set(url.query))
    if not is_there:
        raise ConfigurationError(
            "the URL of JupySQL's engine does not tell where %sql is connected, and its driver is not psycopg 3",
            hint="make the engine with postgresql+psycopg://, or pass --database URL.",
        )
    return text


def _driver_connections() -> Iterator[Any]:
    """Yield the drivers' connections of those that are open."""
    manager = connections()
    known = [*manager.connections.values(), manager.current] if manager else []
    for connected in known:
        connection = _driver_connection(connected) if connected is not None else None
        if connection is not None:
            yield connection


def _driver_connection(connected: Any) -> Any | None:
    if connected.is_dbapi_connection:
        return connected._connection  # noqa: SLF001 - JupySQL has no public way to it
    with contextlib.suppress(NotImplementedError):  # as connections to Spark raise
        sqlalchemy = connected.connection_sqlalchemy
        if not sqlalchemy.closed and not sqlalchemy.invalidated:  # SQLAlchemy would connect it again
            return sqlalchemy.connection.driver_connection
    return None


def _is_open(connection: Any) -> bool:
    return getattr(getattr(connection, "info", None), "transaction_status", None) in _IN_TRANSACTION


def _endpoint(info: Any) -> dict[str, Any]:
    """Return where a connection of psycopg or psycopg2 went; only psycopg 3 knows the host's address."""
    return {
        "host": info.host or "",
        "hostaddr": getattr(info, "hostaddr", "") or "",
        "port": int(info.port),
        "database": info.dbname,
    }
