"""Read the SQL that makes one relation with all that belongs to it, as `catalog.ddl` writes it."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import errors, sql

from fsapi_nb.catalog.ddl.read_definitions import read_definitions
from fsapi_nb.catalog.schema.asking import LIMITS, plain
from fsapi_nb.catalog.schema.overview import SchemaObject
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
            found = read_definitions(connection, relation=item.oid)
    except psycopg.Error as error:
        if connection.closed:
            raise
        return "", (f"the SQL is not shown: {_why(error)}",)
    own = next(
        (each for each in found.ordered if (each.address.catalog, each.address.oid) == ("pg_class", item.oid)), None
    )
    notes = tuple(f"SQL of the {each.kind} {plain(each.identity, path)}: {each.why}" for each in found.unwritten)
    return (found.block(own.identity) if own else ""), notes


def _why(error: psycopg.Error) -> str:
    if isinstance(error, errors.LockNotAvailable):
        return "another session has locked what it needs"
    if isinstance(error, errors.QueryCanceled):
        return "to read it took too long"
    return str(error.diag.message_primary or error)
