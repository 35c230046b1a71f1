"""Reads a catalog into a `Snapshot`: everything that a migration can make, as PostgreSQL's own functions write it.

Left out: data, sequences' positions, statistics, roles and tablespaces (they are the server's, not the database's),
what belongs to an extension, fsapi_nb's own tables, and the schema `fsapi_undo`. Passwords and other secrets in options
are starred.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg.pq import TransactionStatus

from fsapi_nb.catalog import global_objects, relations, routines, text_search, types
from fsapi_nb.catalog.kinds import KindQuery, complete, used
from fsapi_nb.catalog.snapshot import CatalogObject, Snapshot, make_snapshot
from fsapi_nb.history.tables import REQUIRED, Tables
from fsapi_nb.postgres.session import Connection

#: What changes how the server writes definitions is set, so that two sessions read the same text.
_SETTINGS = """
    SET LOCAL search_path TO pg_catalog, pg_temp;
    SET LOCAL DateStyle TO 'ISO, YMD';
    SET LOCAL IntervalStyle TO 'postgres';
    SET LOCAL TimeZone TO 'UTC';
    SET LOCAL bytea_output TO 'hex';
    SET LOCAL extra_float_digits TO 1;
    SET LOCAL quote_all_identifiers TO off;
    SET LOCAL jit TO off;
"""
_SCHEMAS = """
    SELECT oid FROM pg_catalog.pg_namespace
    WHERE CASE WHEN %(schemas)s::text[] IS NULL
               THEN nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'fsapi_undo')
               ELSE nspname = ANY(%(schemas)s) END
"""
_LOCKING = ("pg_get_viewdef(", "pg_get_ruledef(", "pg_get_functiondef(", "pg_get_function_sqlbody(")
#: Tables of fsapi's columns that are called `migrations` or have a journal of fsapi_nb beside them, and those that go with them.
_OURS = """
    WITH named AS MATERIALIZED (
        SELECT c.oid, c.relnamespace, c.relname FROM pg_catalog.pg_class c
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = ANY(%(schemas)s)
          AND (c.relname = %(table)s OR (c.relnamespace, c.relname::text) IN (
                SELECT j.relnamespace, left(j.relname::text, -length('_journal'))
                FROM pg_catalog.pg_class j JOIN pg_catalog.pg_attribute a ON a.attrelid = j.oid AND a.attname = 'run_id'
                WHERE j.relname::text LIKE '%%\\_journal'))
    ), histories AS (
        SELECT relnamespace, relname FROM named
        WHERE %(columns)s <@ array(SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = named.oid)
    ), tables AS (
        SELECT DISTINCT c.oid FROM histories h JOIN pg_catalog.pg_class c ON c.relnamespace = h.relnamespace
        WHERE c.relname IN (h.relname, h.relname || '_scripts', h.relname || '_journal') AND c.relkind IN ('r', 'p')
    )
    SELECT oid FROM tables
    UNION SELECT d.objid FROM tables t JOIN pg_catalog.pg_depend d
        ON d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.refobjid = t.oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
"""


_NAMES = """
    SELECT oid::pg_catalog.regclass::text FROM pg_catalog.pg_class WHERE oid = ANY(%(ours)s) AND relkind IN ('r', 'p')
"""


@dataclass(frozen=True, slots=True)
class Catalog:
    """What is read of a catalog, by OIDs that hold as long as the transaction: schemas, and fsapi_nb's own relations."""

    schemas: list[int]
    ours: list[int]


@contextmanager
def open_catalog(connection: Connection, schemas: Sequence[str] | None) -> Iterator[Catalog]:
    """Open a transaction in which definitions are written alike in every session; nothing that it sets stays.

    Inside of an open one it is a savepoint that is rolled back. It is not elsewhere: psycopg gives up the statements
    that it has prepared on each ROLLBACK.
    """
    inside = connection.info.transaction_status is not TransactionStatus.IDLE
    with connection.transaction(force_rollback=inside):
        connection.execute(_SETTINGS.encode(), prepare=False)
        spaces = _oids(connection, _SCHEMAS, {"schemas": None if schemas is None else list(schemas)})
        values = {"schemas": spaces, "columns": sorted(REQUIRED), "table": Tables("").table}
        yield Catalog(spaces, _oids(connection, _OURS, values))


def ask_briefly(connection: Connection, query: str, values: Mapping[str, object]) -> Sequence[tuple[Any, ...]]:
    """Return the rows of a query in an open transaction; locks of tables that it takes are given back at once.

    PostgreSQL locks the tables of a view, a rule or a function's body to write it, until the transaction ends, or the
    savepoint is rolled back: a change of a table would wait so long, and everybody else behind that.
    """
    if not any(function in query for function in _LOCKING):
        return connection.execute(query.encode(), values).fetchall()
    with connection.transaction(force_rollback=True):
        return connection.execute(query.encode(), values).fetchall()


def read_snapshot(connection: Connection, schemas: Sequence[str] | None) -> Snapshot:
    """Return the objects of these schemas, and what depends on them.

    It may be called inside of an open transaction, whose own changes it sees; the session is afterwards as it was
    before.

    Args:
        schemas: Their names; None for all schemas of users, and for what is in no schema.

    Raises:
        psycopg.Error: A lock is not granted, say: a view's definition needs one.
    """
    objects: list[CatalogObject] = []
    with open_catalog(connection, schemas) as catalog:
        values = {"spaces": catalog.schemas, "ours": catalog.ours, "everything": schemas is None}
        for query in _queries(connection):
            objects += (
                CatalogObject(kind, identity, "\n".join(body), tuple(columns or ()))
                for kind, identity, body, columns in ask_briefly(connection, complete(query), values)
            )
    return make_snapshot(objects)


def drop_history(connection: Connection) -> None:
    """Drop fsapi_nb's own tables in a scratch database."""
    with open_catalog(connection, None) as catalog:
        found = connection.execute(_NAMES.encode(), {"ours": catalog.ours}).fetchall()
    for (name,) in found:
        connection.execute(f"DROP TABLE IF EXISTS {name} CASCADE".encode())


def _queries(connection: Connection) -> list[KindQuery]:
    """Return the queries that this server understands, without those that would find nothing."""
    version = connection.info.server_version
    queries = [
        query for part in (relations, types, routines, text_search, global_objects) for query in part.queries(version)
    ]
    filled = {name for (name,) in connection.execute(used(query.catalog for query in queries).encode())}
    return [query for query in queries if query.catalog in filled]


def _oids(connection: Connection, query: str, values: dict[str, object]) -> list[int]:
    return [oid for (oid,) in connection.execute(query.encode(), values)]
