"""Read the definition of a view on another server than its own, to have it in the words of that server's version.

A definition comes from another database and is not trusted. It is sent as one statement (the extended protocol refuses
a second one) that makes a temporary view, which runs nothing of it, in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import psycopg

from fsapi_nb.catalog.read import open_catalog
from fsapi_nb.catalog.snapshot import CatalogObject
from fsapi_nb.postgres.session import Connection

_NAME = "fsapi_read_view"
_TEXT = b"SELECT pg_catalog.pg_get_viewdef('pg_temp.fsapi_read_view'::pg_catalog.regclass)"


def read_views(connection: Connection, views: Sequence[CatalogObject]) -> dict[CatalogObject, CatalogObject]:
    """Return the views with their definitions as this server writes them, but those that it cannot read.

    A view that needs what is not there cannot be read; nor is it then the same as one that is there.
    """
    return dict(_read(connection, views))


def _read(connection: Connection, views: Sequence[CatalogObject]) -> Iterator[tuple[CatalogObject, CatalogObject]]:
    with connection.transaction(force_rollback=True), open_catalog(connection, []):
        for view in views:
            head, query, rest = cut(view.definition)
            try:
                with connection.transaction(force_rollback=True):
                    # Prepared, so that the server parses it as one statement or refuses it.
                    connection.execute(f"CREATE TEMP VIEW {_NAME} AS {query}".encode(), prepare=True)
                    ((text,),) = connection.execute(_TEXT).fetchall()
            except psycopg.Error:
                if connection.closed:
                    raise
                continue
            yield view, replace(view, definition=f"{head}\n{text}{rest}")


def cut(definition: str) -> tuple[str, str, str]:
    """Return the first line of a view's definition, its query with the semicolon, and what is said behind it."""
    head, _, body = definition.partition("\n")
    quote = ""
    for place, sign in enumerate(body):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign == ";":
            return head, body[: place + 1], body[place + 1 :]
    return head, body, ""
