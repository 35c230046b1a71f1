"""The database in a running server: whether the server takes connections, and making the database if it is absent.

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
from fsapi_nb.servers.embedded.status import START_SECONDS
from fsapi_nb.servers.embedded.users import wait_until


def answers(folder: Path, database: str) -> bool:
    """Whether the server takes connections now; one that recovers from a crash is waited for, and does not count."""
    target = f"{conninfo(folder, database)} connect_timeout=10".encode()
    if pq.PGconn.ping(target) == pq.Ping.OK:
        return True
    wait_until(lambda: pq.PGconn.ping(target) != pq.Ping.REJECT, seconds=START_SECONDS)
    return False


def ensure_database(folder: Path, database: str) -> None:
    """Create the database where there is none of that name."""
    try:
        psycopg.connect(conninfo(folder, database), connect_timeout=10).close()
        return
    except psycopg.OperationalError:
        pass  # most likely there is no such database; if it is something else, what follows fails likewise
    try:
        with psycopg.connect(conninfo(folder, "postgres"), autocommit=True, connect_timeout=10) as connection:
            found = connection.execute(
                "SELECT FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) %s", [database]
            ).fetchone()
            if found is None:
                with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
                return
        psycopg.connect(conninfo(folder, database), connect_timeout=10).close()
    except psycopg.Error as error:
        raise EmbeddedServerError(
            f"The embedded server runs, but its database {database} cannot be used.",
            details=last_lines(str(error)),
            hint=_unless_service("See the server's message above; restarting the embedded server may help."),
        ) from error


def _unless_service(hint: str) -> str:
    """Return the hint, or one for a service that libpq looks up for each connection, wherever it goes."""
    if SERVICE not in os.environ:
        return hint
    return (
        f"Unset {SERVICE}: libpq looks up the service that it names before it connects anywhere. Run: unset {SERVICE}"
    )
