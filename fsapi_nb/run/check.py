"""Ask a query that must hold, inside the transaction that is open, and read no more rows than are shown of it."""

from __future__ import annotations

from dataclasses import replace

import psycopg

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
# A cursor, so that a check that finds millions of rows costs no more than their beginning; PostgreSQL lets no
# statement that changes data be one.
OPENING = "DECLARE fsapi_nb_check NO SCROLL CURSOR FOR "


def ask(connection: Connection, query: str) -> ResultSet:
    """Return the first `MOST_ROWS` rows of the query, as exactly as `query` reads them. Raises psycopg.Error.

    A position in that error counts `OPENING`, too.
    """
    results = []
    for message in (OPENING + query, f"FETCH {MOST_ROWS} FROM fsapi_nb_check", "CLOSE fsapi_nb_check"):
        reply = send(connection, message.encode())
        if reply.error:
            raise reply.error
        results.append(reply.results)
    (result,) = read_results(connection, results[1])
    # A check that does not hold shows its rows; a secret of --set may be among them.
    return replace(result, rows=[tuple(map(hide_known_in, row)) for row in result.rows])


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
    return not result.rows or (booleans and all(all(value is True for value in row) for row in result.rows))


_BOOLEAN = 16
