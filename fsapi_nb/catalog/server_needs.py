"""Read what a database needs of a server beside its own objects: extensions, collations, roles; and which server it is."""

from __future__ import annotations

from fsapi_nb.postgres.session import Connection
from fsapi_nb.postgres.system_identifier import system_identifier
from fsapi_nb.servers.needs import ServerNeeds

_EXTENSIONS = "SELECT extname::text, extversion FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql' ORDER BY 1"
#: Those that PostgreSQL has made itself and that columns, domains or indexes name; and whether ICU has to do with it.
_COLLATIONS = """
    WITH used AS (
        SELECT attcollation AS oid FROM pg_catalog.pg_attribute WHERE attrelid >= 16384 AND attcollation <> 0
        UNION SELECT typcollation FROM pg_catalog.pg_type WHERE oid >= 16384 AND typcollation <> 0
    )
    SELECT c.collname::text, c.collprovider = 'i', c.collnamespace = 'pg_catalog'::regnamespace
    FROM pg_catalog.pg_collation c
    WHERE c.collprovider <> 'd' AND c.collname NOT IN ('C', 'POSIX')
      AND (c.oid IN (SELECT oid FROM used) OR c.collnamespace <> 'pg_catalog'::regnamespace)
"""
#: The roles that own or may use something here. The first superuser's dependencies are not kept.
_ROLES = """
    SELECT r.rolname::text FROM pg_catalog.pg_roles r
    WHERE r.rolname !~ '^pg_' AND (r.oid = 10 OR r.rolname = current_user OR r.oid IN (
        SELECT d.refobjid FROM pg_catalog.pg_shdepend d
        WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass
          AND d.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())))
"""


def read_needs(connection: Connection, *, is_protected: bool = False) -> ServerNeeds:
    """Return what a scratch server needs for the definitions of this database.

    Args:
        connection: A connection to it.
        is_protected: Whether no scratch database may be made on its server.
    """
    collations = connection.execute(_COLLATIONS).fetchall()
    return ServerNeeds(
        connection.info.server_version // 10_000,
        dict(connection.execute(_EXTENSIONS).fetchall()),
        frozenset(name for name, _, is_built_in in collations if is_built_in),
        any(is_icu for _, is_icu, _ in collations),
        frozenset(name for (name,) in connection.execute(_ROLES)),
        system_identifier(connection),
        is_protected,
    )
