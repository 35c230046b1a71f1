"""Ask a query that must hold, inside the transaction that is open; of what breaks it, no more rows are read than shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import psycopg
from psycopg.pq.abc import PGresult

from fsapi_nb.errors import QueryFailed
from fsapi_nb.model.result import ResultSet
from fsapi_nb.postgres.connect import server_message
from fsapi_nb.postgres.untranslatable import lacking
from fsapi_nb.postgres.wire import Connection, send
from fsapi_nb.query.query import place_in
from fsapi_nb.query.values import read_results
from fsapi_nb.text.masking import hide_known_in

#: Of the rows that should not be there so many are read.
MOST_ROWS = 100
_AT_ONCE = 10_000  # rows of those behind them, which are only looked at if all before them are true
# A cursor, so that a check that finds millions of rows costs no more than their beginning; PostgreSQL lets no
# statement that changes data be one.
OPENING = "DECLARE fsapi_nb_check NO SCROLL CURSOR FOR "


def ask(connection: Connection, query: str) -> ResultSet:
    """Return the first rows of the query, as exactly as `query` reads them; of many that are true, those that are not.

    Raises psycopg.Error. A position in that error counts `OPENING`, too.
    """
    _send(connection, OPENING + query)
    found = _fetch(connection, MOST_ROWS)
    first = found
    # A promise of many rows is kept by all of them.
    while found.rows and holds(found):
        found = _fetch(connection, _AT_ONCE)
    _send(connection, "CLOSE fsapi_nb_check")
    if not found.rows:
        found = first
    elif found is not first:
        found = replace(found, rows=[row for row in found.rows if not _is_true(row)][:MOST_ROWS])
    # A check that does not hold shows its rows; a secret of --set may be among them.
    return replace(found, rows=[tuple(map(hide_known_in, row)) for row in found.rows])


def _fetch(connection: Connection, count: int) -> ResultSet:
    (result,) = read_results(connection, _send(connection, f"FETCH {count} FROM fsapi_nb_check"))
    return result


def _send(connection: Connection, message: str) -> list[PGresult]:
    reply = send(connection, message.encode())
    if reply.error:
        raise reply.error
    return reply.results


def ask_alone(connection: Connection, query: str, text: str) -> ResultSet:
    """Ask the query in a transaction of its own that can only read. Raises QueryFailed, with its place in `text`."""
    try:
        with connection.transaction():
            connection.execute("SET TRANSACTION READ ONLY")
            return ask(connection, query)
    except psycopg.Error as error:
        found = lacking(error.diag.message_primary or "")
        offset = text.find(found[0]) if found else -1
        if error.diag.statement_position:
            offset = text.find(query) + int(error.diag.statement_position) - 1 - len(OPENING)
        place = place_in(text, offset) if 0 <= offset <= len(text) else None
        raise QueryFailed(server_message(error), place=place, state="unchanged; a check changes nothing.") from None


def holds(result: ResultSet) -> bool:
    """Return whether a check holds: its answer has no rows, or is nothing but true."""
    booleans = bool(result.columns) and all(column.type_oid == _BOOLEAN for column in result.columns)
    return not result.rows or (booleans and all(map(_is_true, result.rows)))


def _is_true(row: Sequence[object]) -> bool:
    return all(value is True for value in row)


_BOOLEAN = 16
