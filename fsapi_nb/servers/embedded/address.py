"""The address of a database of an embedded server, which no variable or service of libpq changes.

libpq fills in each parameter that an address leaves open: from a `PG*` variable, or from the service that `PGSERVICE`
names. `PGHOSTADDR`, or the `hostaddr` of a service, would lead to another server.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from psycopg import pq
from psycopg.conninfo import make_conninfo

from fsapi_nb.servers.embedded.socket_folder import PORT

# Dumps and migrations of other servers say `OWNER TO postgres` more often than any other name.
ROLE = "postgres"
#: A role that may log in where a server has it: without any rights but on what is its own.
PLAIN_ROLE = "fsapi_nb_plain"
SERVICE = "PGSERVICE"

# Parameters that fsapi_nb sets for each connection, parameters that change nothing about where it goes or what it
# is, and those that a server with peer authentication never asks for.
_HARMLESS = {
    "service",
    "passfile",
    "connect_timeout",
    "client_encoding",
    "application_name",
    "fallback_application_name",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "scram_client_key",
    "scram_server_key",
}
# Parameters whose default in libpq is not neutral, or whose empty value is an error.
_NEUTRAL = {
    "sslmode": "disable",
    "sslcertmode": "allow",
    "gssencmode": "disable",
    "channel_binding": "disable",
    "min_protocol_version": "3.0",
    "max_protocol_version": "3.0",
    "ssl_max_protocol_version": "TLSv1.3",
}


def conninfo(socket_folder: Path, database: str, environment: Mapping[str, str] | None = None) -> str:
    """Return libpq's connection string for a database of the server whose socket is in that folder.

    It names each parameter that the environment would fill in; all of them if the environment names a service.
    """
    environment = os.environ if environment is None else environment
    own = {"host": str(socket_folder), "port": str(PORT), "user": ROLE, "dbname": database}
    named = {
        keyword: value
        for keyword, (variable, value) in _defaults().items()
        if keyword not in own and (SERVICE in environment or variable in environment)
    }
    return make_conninfo(**own, **named)


@cache
def _defaults() -> dict[str, tuple[str, str]]:
    """Return for each parameter of libpq the variable that fills it in, and the value that says nothing."""
    return {
        keyword: (
            (option.envvar or b"").decode(),
            _NEUTRAL.get(keyword, (option.compiled or b"").decode()),
        )
        for option in pq.Conninfo.get_defaults()
        if (keyword := option.keyword.decode()) not in _HARMLESS
    }
