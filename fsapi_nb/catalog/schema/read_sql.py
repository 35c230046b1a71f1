"""Read the SQL that makes one relation or type with all that belongs to it, as `catalog.ddl` writes it."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from fsapi_nb.catalog.ddl.definition import ObjectAddress
from fsapi_nb.catalog.ddl.definitions import Definitions
from fsapi_nb.catalog.ddl.read_definitions import read_definitions
from fsapi_nb.catalog.ddl.script import block_of
from fsapi_nb.catalog.schema.asking import LIMITS, plain
from fsapi_nb.catalog.schema.overview import TYPES, SchemaObject
from fsapi_nb.postgres.ask import why_unread
from fsapi_nb.postgres.session import Connection


def read_sql(connection: Connection, item: SchemaObject, path: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the statements, and notes on what they do not say. The text is empty if the statements cannot be read now.

    Raises:
        psycopg.OperationalError: The connection is lost.
    """
    try:
        with connection.transaction():
            for name, value in LIMITS.items():
                connection.execute(sql.SQL("SET LOCAL {} TO {}").format(sql.Identifier(name), sql.Literal(value)))
            found = _read(connection, item)
    except psycopg.Error as error:
        if connection.closed:
            raise
        return "", (f"the SQL is not shown: {why_unread(error, locked='what it needs', slow='to read it')}",)
    address = ObjectAddress("pg_type" if item.kind in TYPES else "pg_class", item.oid)
    own = next((each.identity for each in found.ordered if each.address == address), None)
    notes = tuple(f"SQL of the {each.kind} {plain(each.identity, path)}: {each.why}" for each in found.unwritten)
    if own is None:
        return "", notes
    if item.kind in TYPES:
        return block_of([each for each in found.ordered if address in (each.address, each.parent)]), notes
    return found.block(own), notes


def _read(connection: Connection, item: SchemaObject) -> Definitions:
    if item.kind in TYPES:
        return read_definitions(connection, datatype=item.oid)
    return read_definitions(connection, relation=item.oid)
