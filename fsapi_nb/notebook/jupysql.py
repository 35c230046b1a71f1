"""JupySQL's database, where a user asks for it with `--database jupysql`: its address, for a connection of our own.

Looks only where JupySQL is loaded already (importing it costs seconds), and runs nothing through it: it rewrites
SQL. Its connection is not shared, since an interrupt makes SQLAlchemy drop it.
"""

from __future__ import annotations

import sys
from typing import Any

from fsapi_nb.errors import ConfigurationError

NAME = "jupysql"


def jupysql_url() -> str:
    """The URL of JupySQL's connection, with its password: nobody shows it.

    Raises ConfigurationError where JupySQL is not loaded, is not connected, or is connected to something else.
    """
    module: Any = sys.modules.get("sql.connection")
    connected = module.ConnectionManager.current if module else None
    if connected is None:
        hint = "%load_ext sql and connect it first, such as %sql postgresql://localhost/shop."
        raise ConfigurationError("JupySQL has no connection whose database could be used", hint=hint)
    if connected.is_dbapi_connection:
        raise ConfigurationError(
            "JupySQL's connection has no URL", hint="connect it by a URL, or name the database here."
        )
    url = connected.connection_sqlalchemy.engine.url
    if url.get_backend_name() != "postgresql":
        raise ConfigurationError(f"JupySQL is connected to {url.get_backend_name()}, not to PostgreSQL")
    return str(url.set(drivername="postgresql").render_as_string(hide_password=False))
