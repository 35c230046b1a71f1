"""Say what to do after PostgreSQL refused something, by its SQLSTATE and by what was being done. Pure text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fsapi_nb.history.tables import Tables, another_name, move_statements
from fsapi_nb.model.migration import Statement
from fsapi_nb.model.server import ServerMessage
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.sql import written_name
from fsapi_nb.text.toml import written_setting

_HINTS = {
    "25001": "this statement needs a place outside of any transaction: put `-- fsapi: transaction=off` above the first "
    "statement, so that each statement commits alone.",
    "2D000": "a procedure commits by itself, which could not be seen before it ran: CALL it as a statement of its own, in a "
    "migration with the line `-- fsapi: transaction=off`; no function and no EXECUTE may call it.",
    "55P03": Advice(
        command("blockers"),
        " shows who it is at any time, with pid; run again, or wait longer with --max-wait 300 or --lock-timeout 30s.",
    ),
    "55P04": "a new enum value must be committed before it is used: put the use into a migration of its own.",
    "55006": "deferred checks are waiting: put SET CONSTRAINTS ALL IMMEDIATE; before this statement.",
    "42501": "the role lacks a right; run as the owner, or let the owner grant it.",
    "57014": "a statement_timeout ended it, or somebody cancelled it; --statement-timeout sets another for this run.",
    "22P05": "write the character otherwise, or move to a database in UTF8.",
    "53100": "make room on the server's disk, and run again.",
}
#: Of a schema, table or column that is not there.
_CHANGED = {"3F000", "42P01", "42703"}
#: Of what is there already: a table, a schema, a type and other objects, a function, a column.
_DUPLICATE = {"42P07", "42P06", "42710", "42723", "42701"}
_MAY_NOT_COMMIT = (
    "PostgreSQL lets no function, trigger or EXECUTE commit or roll back, no block with EXCEPTION, and no procedure with "
    "SET or SECURITY DEFINER: take it out of there; CALL and DO may, if they are statements of the file."
)
_NOT_FROM_A_FUNCTION = (
    "PostgreSQL lets no function and no block run it, in a transaction or not: write it as a statement of its own, once for each "
    "name."
)
_NO_EXTENSION = (
    "this server lacks the extension: install it there, or take another PostgreSQL "
    "(--postgres-bin, for the embedded one)."
)


def hint_for(
    message: ServerMessage, statement: Statement | None, tables: Tables | None, *, alone: bool = False
) -> str | None:
    """Return what to do after a script's statement was refused; None if its message says all.

    `alone` if it was outside of a transaction.
    """
    if message.sqlstate == "2D000" and statement and (alone or statement.traits.kind not in {"CALL", "DO"}):
        return _MAY_NOT_COMMIT
    if (
        message.sqlstate == "25001"
        and message.context
        and statement
        and statement.traits.kind in {"CALL", "DO", "SELECT"}
    ):
        return _NOT_FROM_A_FUNCTION
    if message.sqlstate == "0A000" and statement and statement.traits.kind == "CREATE EXTENSION":
        return _NO_EXTENSION
    taken = _own_name(message, tables) if tables and message.sqlstate == "42P07" else None
    if tables and taken:
        setting = written_setting("table", another_name(tables.table))
        return (
            f"{_written(taken, tables)} belongs to fsapi_nb's history: give this table another name; or rename the history, "
            f"{_rename(tables)} and [tool.fsapi_nb] {setting} in pyproject.toml."
        )
    return _HINTS.get(message.sqlstate or "")


def hint_recording(message: ServerMessage, statements: Sequence[Statement], tables: Tables | None) -> str | None:
    """Return what to do if the history could not be written: a script has changed its tables or its own transaction."""
    if tables and message.sqlstate in _CHANGED and message.context is None:  # else it is a trigger's own
        places = ", ".join(tables.written)
        hint = f"did a script drop or change the tables of the history? They are {places}."
        if any(statement.traits.kind == "DROP SCHEMA" for statement in statements):
            hint += (
                f" To let it drop their schema, keep them in another one: {_move(tables)} "
                f"and [tool.fsapi_nb] {written_setting('schema', another_name(tables.schema))} in pyproject.toml."
            )
        return hint
    if message.sqlstate == "25006":
        return "the script makes its transaction read-only, so its history row cannot be written: take that out of it."
    return _HINTS.get(message.sqlstate or "")


def hint_on_filled_database(sqlstate: str | None, migration: str) -> str | None:
    """Return what to do if the first migration of all makes what is there; None for every other error."""
    if sqlstate not in _DUPLICATE:
        return None
    return Advice(
        "nothing is recorded as applied, but the database is not empty: if the work of this migration is there already, "
        "record it without running it: ",
        command("baseline", migration),
    )


def _written(name: str, tables: Tables) -> str:
    return dict(zip(tables.names, tables.written, strict=True))[name]


def _own_name(message: ServerMessage, tables: Tables) -> str | None:
    """Return the table of the history that the message names, whatever its language."""
    return next((name for name in tables.names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", message.message)), None)


def _rename(tables: Tables) -> str:
    return move_statements(tables, Tables(tables.schema, another_name(tables.table)), tables.names)


def _move(tables: Tables) -> str:
    other = another_name(tables.schema)
    return f"CREATE SCHEMA {written_name(other)}; {move_statements(tables, Tables(other, tables.table), tables.names)}"
