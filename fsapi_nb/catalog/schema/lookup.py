"""Find the object that a name means without reading all that a database has, unless nothing is called exactly so."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import errors

from fsapi_nb.catalog.schema.names import find, is_pattern, possible_names
from fsapi_nb.catalog.schema.overview import Overview, SchemaObject
from fsapi_nb.catalog.schema.read_overview import read_overview
from fsapi_nb.errors import UsageError
from fsapi_nb.postgres.session import Connection


def look_up(
    connection: Connection, schemas: Sequence[str] | None, name: str, kind: str | None = None
) -> tuple[Overview, tuple[SchemaObject, ...]]:
    """Return the object that a name means, or the routines that share it, among the objects that were read for that.

    Raises:
        UsageError: There is none, or the name may mean several.
        psycopg.Error: The catalog cannot be read.
    """
    overview = read_overview(connection, schemas, among=possible_names(name))
    try:
        return overview, find(overview, name, kind)
    except UsageError as unknown:
        # In other letters it may mean something; if not, all names are needed to say what may have been meant.
        try:
            overview = read_overview(connection, schemas)
        except errors.QueryCanceled:
            raise unknown from None
        return overview, find(overview, name, kind)


def means_pattern(connection: Connection, schemas: Sequence[str] | None, text: str) -> bool:
    """Return whether a text is a pattern: a name may have a star or a question mark in it.

    Raises psycopg.Error.
    """
    if not is_pattern(text):
        return False
    objects = read_overview(connection, schemas, among=possible_names(text)).objects
    return not any(text in (each.name, each.qualified, each.written) for each in objects)
