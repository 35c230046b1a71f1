"""Reads what a forecast must know of the tables that a plan is about: which they are, and how large.

Nothing is written, no function of a user and no policy is run, and nobody is waited for: each question has a time
limit, and one that goes beyond it is answered by a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import psycopg
from psycopg import errors, sql

from fsapi_nb.catalog.table_names import set_queries
from fsapi_nb.catalog.table_sizes import count_query, tables_of, tables_query
from fsapi_nb.model.action import TableSet
from fsapi_nb.model.table_facts import TableFacts
from fsapi_nb.postgres.ask import ask_about_session, ask_together
from fsapi_nb.postgres.session import Connection, Rows

_LIMITS = {"statement_timeout": "1000", "lock_timeout": "100", "jit": "off"}  # in milliseconds
_LIMITED = sql.SQL("SELECT {}").format(
    sql.SQL(", ").join(
        sql.SQL("pg_catalog.set_config({}, {}, true)").format(sql.Literal(name), sql.Literal(value))
        for name, value in _LIMITS.items()
    )
)
_PATH = sql.SQL("SELECT pg_catalog.current_schemas(true)::pg_catalog.text[]")
_TOO_SLOW = (errors.QueryCanceled, errors.LockNotAvailable)


def read_table_facts(connection: Connection, sets: Iterable[TableSet]) -> TableFacts:
    """Return what the catalog says of these sets of tables, in the session's own search_path.

    What cannot be read in time, or is refused, is missing, and a note says so.

    Raises:
        psycopg.OperationalError: The connection is lost.
    """
    try:
        return _read(connection, frozenset(sets))
    except psycopg.Error as error:
        if connection.closed:
            raise
        return TableFacts(notes=(f"the tables could not be looked at, so their sizes are unknown: {_why(error)}",))


def _read(connection: Connection, sets: frozenset[TableSet]) -> TableFacts:
    if not sets:
        return TableFacts()
    (((path,),),) = ask_about_session(connection, {"path": _PATH}).values()
    asked = set_queries(sets, path)
    found = asked.numbers(_ask(connection, asked.queries))
    numbers = {number for each in found.values() for number in each}
    rows, notes = _tables(connection, numbers, path)
    counted, more = _counted(connection, rows)
    return TableFacts(tables_of(rows, counted), found, (*notes, *more))


def _tables(connection: Connection, numbers: set[int], path: list[str]) -> tuple[Rows, tuple[str, ...]]:
    try:
        return _ask(connection, {"tables": tables_query(numbers, path, looks=True)})["tables"], ()
    except _TOO_SLOW as error:
        rows = _ask(connection, {"tables": tables_query(numbers, path, looks=False)})["tables"]
        return rows, (f"the sizes are those of the last VACUUM or ANALYZE: {_why(error)}",)


def _counted(connection: Connection, rows: Rows) -> tuple[dict[int, int], tuple[str, ...]]:
    query = count_query(rows)
    if query is None:
        return {}, ()
    try:
        return {int(number): count for number, count in _ask(connection, {"counts": query})["counts"]}, ()
    except psycopg.Error as error:
        if connection.closed:
            raise
        return {}, (f"rows are estimates, none could be counted: {_why(error)}",)


def _ask(connection: Connection, queries: Mapping[str, sql.Composable]) -> dict[str, Rows]:
    return ask_together(connection, {"": _LIMITED, **queries})


def _why(error: psycopg.Error) -> str:
    if isinstance(error, errors.LockNotAvailable):
        return "another session has locked one of them"
    if isinstance(error, errors.QueryCanceled):
        return "it took longer than a second"
    return str(error.diag.message_primary or error)
