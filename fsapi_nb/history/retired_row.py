"""Read the row of a retired migration from the journal, to put it back. All of it is checked first.

Any role that may write the journal may have written it: a value of another form would make every later reading fail,
and a script in it would run at a rollback, with the rights of the role that rolls back.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from fsapi_nb.errors import UNCHANGED, HistoryError
from fsapi_nb.history.tables import Tables
from fsapi_nb.postgres.ask import ask
from fsapi_nb.postgres.session import Session
from fsapi_nb.script.encoding import fitting
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.sql import written_name

_NEWEST = sql.SQL(
    "SELECT DISTINCT ON (migration) migration::text, id, script FROM {} "
    "WHERE event = 'retire' AND migration::text = ANY ({}::text[]) ORDER BY migration, id DESC"
)
_WRITERS = sql.SQL(
    "SELECT rolname::text FROM pg_roles WHERE NOT rolsuper AND has_any_column_privilege(oid, {0}::text, 'INSERT, UPDATE') "
    "AND NOT has_table_privilege(oid, {1}::text, 'INSERT, UPDATE') ORDER BY 1"
)
_ID, _NUMBER = range(1, 1 << 63), range(-(1 << 31), 1 << 31)


class RetiredRow(NamedTuple):
    """The history row of a migration as it was, and what was kept of its scripts.

    Without a checksum, nothing was kept.
    """

    id: int
    applied_at: str | None
    duration_ms: int | None
    checksum: str | None = None
    up: str | None = None
    down: str | None = None
    redacted: bool | None = None
    digest: str | None = None
    down_fault: str | None = None


def read_retired_rows(session: Session, tables: Tables, names: Sequence[str]) -> dict[str, RetiredRow]:
    """Return the newest retired row of each of these migrations.

    Args:
        session: An open session.
        tables: The tables of the history.
        names: The retired migrations.

    Raises:
        HistoryError: A row is missing, or cannot be put back as the journal has it; or the journal has more writers
            than the scripts, so that a script in it need not be what ran.
    """
    if not names:
        return {}
    found: dict[str, RetiredRow] = {}
    for name, number, text in ask(
        session.connection(), _NEWEST.format(tables.journal, list(fitting(names, session.encoding)))
    ):
        try:
            found[name] = row_of(text)
        except ValueError as error:
            raise _unreadable(tables, name, number, str(error)) from None
        if found[name].checksum is not None:
            _refuse_other_writers(session, tables, name, number)
    for name in names:
        if name not in found:
            raise HistoryError(
                f"the journal holds no retired row of {name}",
                state=UNCHANGED,
                hint=Advice(command("history"), " has its events."),
            )
    return found


def row_of(text: str | None) -> RetiredRow:
    """Return the row that the journal's text holds. Raises ValueError with what is wrong with it."""
    kept = _document(text)
    row = RetiredRow(
        id=_number(kept, "id", _ID),
        applied_at=_moment(kept),
        duration_ms=None if kept.get("duration_ms") is None else _number(kept, "duration_ms", _NUMBER),
    )
    checksum = _text(kept, "checksum")
    if checksum is None:
        return row
    up, redacted = _text(kept, "up"), kept.get("redacted")
    if up is None or not isinstance(redacted, bool):
        raise ValueError("it has a checksum, but not the script that it belongs to")
    down, digest, fault = (_text(kept, name) for name in ("down", "digest", "down_fault"))
    return row._replace(checksum=checksum, up=up, down=down, redacted=redacted, digest=digest, down_fault=fault)


def _document(text: str | None) -> dict[str, Any]:
    try:
        kept = json.loads(text or "")
    except (ValueError, RecursionError):
        raise ValueError("it is not a JSON document") from None
    if isinstance(kept, dict):
        return kept
    raise ValueError("it is not a JSON object")


def _number(kept: Mapping[str, Any], name: str, allowed: range) -> int:
    value = kept.get(name)
    if type(value) is int and value in allowed:
        return value
    raise ValueError(f"its {name} is not a number that such a row can have")


def _text(kept: Mapping[str, Any], name: str) -> str | None:
    value = kept.get(name)
    if value is None or (isinstance(value, str) and "\x00" not in value and not _is_torn(value)):
        return value
    raise ValueError(f"its {name} is not a text that PostgreSQL can hold")


def _is_torn(value: str) -> bool:
    r"""Return whether a text has half a character (`\ud800`), which JSON can hold and no encoding."""
    return not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)


def _moment(kept: Mapping[str, Any]) -> str | None:
    """Return when it was applied; words such as `now` and `infinity` are not a moment."""
    value = kept.get("applied_at")
    if value is None:
        return None
    try:
        return datetime.datetime.fromisoformat(value).isoformat(sep=" ")
    except (TypeError, ValueError):
        raise ValueError("its applied_at is not a time of the years 1 to 9999") from None


def _unreadable(tables: Tables, name: str, number: int, why: str) -> HistoryError:
    return HistoryError(
        f"the row of {name} cannot be restored from {tables.written[2]}: {why}",
        details=(f"  it is kept in the column script of the event with the id {number}",),
        state=UNCHANGED,
        hint=f"look at it: SELECT * FROM {tables.written[2]} WHERE id = {number}; if fsapi_nb did not write it, take it out: "
        f"DELETE FROM {tables.written[2]} WHERE id = {number};",
    )


def _refuse_other_writers(session: Session, tables: Tables, name: str, number: int) -> None:
    """Raise HistoryError if a role may write the journal that may not write the scripts.

    The scripts of the journal would then run at a rollback.
    """
    places = (sql.Literal(table.as_string(session.connection())) for table in (tables.journal, tables.scripts))
    writers = [role for (role,) in ask(session.connection(), _WRITERS.format(*places))]
    if not writers:
        return
    revoke = f"REVOKE INSERT, UPDATE ON {tables.written[2]} FROM {', '.join(map(written_name, writers))};"
    raise HistoryError(
        f"the script of {name} in {tables.written[2]} may have been written by a role that may not write scripts",
        details=tuple(f"  {role} may write the journal only" for role in writers),
        state=UNCHANGED,
        hint=f"look at it: SELECT script FROM {tables.written[2]} WHERE id = {number}; "
        f"if it is what ran: {revoke} and restore then.",
    )


def not_restored(error: psycopg.Error, tables: Tables) -> HistoryError:
    """Return the refusal for a row that cannot be put back: its place is taken, or it does not fit."""
    message = error.diag.message_detail or error.diag.message_primary or ""
    return HistoryError(
        f"the row cannot be put back into {tables.shown()}",
        details=(f"  {message} [{error.sqlstate}]",),
        state=UNCHANGED,
        hint=Advice(command("history"), " shows what was recorded since; ", command("status"), " what is applied."),
    )
