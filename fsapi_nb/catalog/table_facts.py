"""Reads what a forecast must know of the tables that a plan is about: which they are, and how large.

Nothing is written, no function of a user and no policy is run, and nobody is waited for: each question has a time
limit, and one that goes beyond it is answered by a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import psycopg
from psycopg import errors, sql

from fsapi_nb.catalog.table_names import set_queries
from fsapi_nb.catalog.table_shapes import shape_queries, shapes_of, types_of
from fsapi_nb.catalog.table_sizes import WITHOUT_INDEXES, count_query, tables_of, tables_query
from fsapi_nb.model.action import Kin, TableSet
from fsapi_nb.model.table_facts import Needed, TableFacts
from fsapi_nb.postgres.ask import ask_about_session, ask_together, why_unread
from fsapi_nb.postgres.session import Connection, Rows

# In milliseconds: of the questions of one message, together; of each of them; and of a lock that one waits for.
_LONGEST, _LEAST, _LOCK = 2_000, 400, 100
_PATH = sql.SQL("SELECT pg_catalog.current_schemas(true)::pg_catalog.text[]")
_TOO_SLOW = (errors.QueryCanceled, errors.LockNotAvailable)


def read_table_facts(connection: Connection, needed: Needed) -> TableFacts:
    """Return what the catalog says of what is needed, in the session's own search_path.

    What cannot be read in time, or is refused, is missing, and a note says so.

    Raises:
        psycopg.OperationalError: The connection is lost.
    """
    try:
        return _read(connection, needed)
    except psycopg.Error as error:
        if connection.closed:
            raise
        return TableFacts(notes=(f"the tables could not be looked at, so their sizes are unknown: {_why(error)}",))


def _read(connection: Connection, needed: Needed) -> TableFacts:
    if not needed.sets:
        return TableFacts()
    (((path,),),) = ask_about_session(connection, {"path": _PATH}).values()
    found, unrelated = _sets(connection, needed.sets, path)
    of_tables = {number for each, numbers in found.items() if not _is_other(each) for number in numbers}
    rows, notes = _tables(connection, of_tables, path)
    counted, more = _counted(connection, rows)
    shaped = {number for each in needed.shaped for number in found.get(each, ())}
    types, functions = (_numbers_of_kind(found, kind) for kind in ("type", "function"))
    answers, unshaped = _shaped(connection, shape_queries(shaped, types, functions)) if needed.shaped else ({}, ())
    return TableFacts(
        tables=tables_of(rows, counted),
        sets=found,
        shapes=shapes_of(answers) if answers else {},
        types=types_of(answers) if answers else {},
        casts=frozenset((source, target) for source, target in answers.get("casts", ())),
        volatile=frozenset(number for (number,) in answers.get("volatile", ())),
        notes=(*unrelated, *notes, *more, *unshaped),
    )


def _sets(
    connection: Connection, sets: Iterable[TableSet], path: list[str]
) -> tuple[dict[TableSet, tuple[int, ...]], tuple[str, ...]]:
    """Return the numbers of the relations of each set; only of those that are named if the others take too long."""
    asked = set_queries(sets, path)
    try:
        return asked.numbers(_ask(connection, asked.queries)), ()
    except _TOO_SLOW as error:
        named = set_queries([each for each in sets if each.kin is Kin.SELF], path)
        found = named.numbers(_ask(connection, named.queries)) if named.queries else {}
        return found, (f"which other tables are concerned is not known: {_why(error)}",)


def _is_other(tables: TableSet) -> bool:
    """Return whether a set names a type or a function, and no tables."""
    return bool(tables.kind) and tables.kin is Kin.SELF


def _numbers_of_kind(found: Mapping[TableSet, tuple[int, ...]], kind: str) -> set[int]:
    return {number for each, numbers in found.items() if _is_other(each) and each.kind == kind for number in numbers}


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
        answers = _ask(connection, {"counts": query}, WITHOUT_INDEXES)
        return {int(number): count for number, count in answers["counts"]}, ()
    except psycopg.Error as error:
        if connection.closed:
            raise
        return {}, (f"rows are estimates, none could be counted: {_why(error)}",)


def _shaped(connection: Connection, queries: Mapping[str, sql.Composable]) -> tuple[dict[str, Rows], tuple[str, ...]]:
    try:
        return _ask(connection, queries), ()
    except _TOO_SLOW as error:
        return {}, (f"columns and constraints of the tables could not be looked at: {_why(error)}",)


def _ask(
    connection: Connection, queries: Mapping[str, sql.Composable], more: Mapping[str, str] | None = None
) -> dict[str, Rows]:
    """Ask questions in one message; the server's limit of time is for each of them. `more` settings hold for it."""
    limits = {
        "statement_timeout": max(_LEAST, _LONGEST // len(queries)),
        "lock_timeout": _LOCK,
        "jit": "off",
        **(more or {}),
    }
    settings = (
        sql.SQL("pg_catalog.set_config({}, {}, true)").format(sql.Literal(name), sql.Literal(str(value)))
        for name, value in limits.items()
    )
    return ask_together(connection, {"": sql.SQL("SELECT {}").format(sql.SQL(", ").join(settings)), **queries})


def _why(error: psycopg.Error) -> str:
    return why_unread(error, locked="one of them", slow="it")
