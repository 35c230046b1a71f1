"""The database in a running server: its address, whether the server takes connections, and making it where absent.

Nothing here starts a server.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import make_conninfo

from fsapi_nb.database.embedded.messages import last_lines
from fsapi_nb.database.embedded.running import START_SECONDS
from fsapi_nb.database.embedded.socket_folder import PORT
from fsapi_nb.database.embedded.users import wait_until
from fsapi_nb.errors import EmbeddedServerError

# Dumps and migrations of other servers say `OWNER TO postgres` more often than any other name.
ROLE = "postgres"


def conninfo(folder: Path, database: str) -> str:
    """The address of a database of the server whose socket is in `folder`."""
    # PGHOSTADDR in the environment would send us, with all that we run, to another server.
    address = {"hostaddr": ""} if "PGHOSTADDR" in os.environ else {}
    return make_conninfo(host=str(folder), port=PORT, user=ROLE, dbname=database, **address)


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
            hint="See the server's message above; restarting the embedded server may help.",
        ) from error
