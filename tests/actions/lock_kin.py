"""Which tables a `TableSet` means, asked of a catalog: proof that each can be found, and how."""

from __future__ import annotations

from typing import Any

import psycopg

from fsapi_nb.catalog.table_names import set_queries
from fsapi_nb.model.action import TableSet
from fsapi_nb.postgres.ask import ask_together
from tests.actions.lock_tracer import Relations


def tables_of(connection: psycopg.Connection[tuple[Any, ...]], tables: TableSet, before: Relations) -> set[str]:
    """Return the names of the tables that are meant."""
    ((path,),) = connection.execute("SELECT current_schemas(true)::text[]")
    asked = set_queries([tables], path)
    numbers = asked.numbers(ask_together(connection, asked.queries)).get(tables, ())
    return {name for number in numbers if (name := before.table(number)) is not None}
