"""The database in a running server: it is made if the server has none of that name.

Nothing here starts a server.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psycopg
from psycopg import pq, sql

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.address import SERVICE, conninfo
from fsapi_nb.servers.embedded.messages import last_lines
from fsapi_nb.servers.embedded.start import START_SECONDS
from fsapi_nb.servers.embedded.users import wait_until


def answers(socket_folder: Path, database: str) -> bool:
    """Return whether the server takes connections now.

    The end of a recovery from a crash is waited for, but the answer is False then: the caller's attempt came too early.
    """
    target = f"{conninfo(socket_folder, database)} connect_timeout=10".encode()
    if pq.PGconn.ping(target) == pq.Ping.OK:
        return True
    wait_until(lambda: pq.PGconn.ping(target) != pq.Ping.REJECT, seconds=START_SECONDS)
    return False


def ensure_database(socket_folder: Path, database: str) -> None:
    """Create the database if there is none of that name. Raises EmbeddedServerError."""
    try:
        psycopg.connect(conninfo(socket_folder, database), connect_timeout=10).close()
        return
    except psycopg.OperationalError:
        pass  # most likely there is no such database; if the reason is another one, what follows fails for it, too
    try:
        with psycopg.connect(conninfo(socket_folder, "postgres"), autocommit=True, connect_timeout=10) as connection:
            found = connection.execute(
                "SELECT FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) %s", [database]
            ).fetchone()
            if found is None:
                with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
                return
        psycopg.connect(conninfo(socket_folder, database), connect_timeout=10).close()
    except psycopg.Error as error:
        raise EmbeddedServerError(
            f"the embedded server runs, but its database {database} cannot be used",
            details=last_lines(str(error)),
            hint=_unless_service("see the server's message above; restarting the embedded server may help."),
        ) from error


def _unless_service(hint: str) -> str:
    """Return the hint, or another one if a service is named, which libpq looks up for each connection."""
    if SERVICE not in os.environ:
        return hint
    return (
        f"unset {SERVICE}: libpq looks up the service that it names before it connects anywhere. Run: unset {SERVICE}"
    )
