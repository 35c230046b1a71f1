"""Ask a server what identifies it: the number that initdb has given to its data, and that no other server has."""

from __future__ import annotations

from fsapi_nb.postgres.session import Connection

_MAY_READ = "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')"
_SYSTEM = "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()"


def system_identifier(connection: Connection) -> str | None:
    """Return the number; None if this role may not ask."""
    if connection.execute(_MAY_READ).fetchone() != (True,):
        return None
    ((system,),) = connection.execute(_SYSTEM).fetchall()
    return str(system)
