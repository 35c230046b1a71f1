"""Ask fsapi_nb's own questions so that their answers do not depend on the session.

Each message is one transaction, and its settings end with it: a user's script or query never sees them. The first one
is for row-level security: with it PostgreSQL raises an error instead of leaving rows out, so an answer is complete or
there is none.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

import psycopg
from psycopg import DataError, errors, sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from fsapi_nb.postgres.session import Connection, Rows, Session

#: The settings that a question runs under. Roles, databases, PG* variables and scripts may have set others.
SETTINGS: Mapping[str, str] = {
    "row_security": "off",
    "search_path": "pg_catalog, pg_temp",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "quote_all_identifiers": "off",
    "array_nulls": "on",
    "xmlbinary": "base64",
}
#: The beginning of fsapi_nb's own transactions: names without a schema in them then mean PostgreSQL's own objects.
OWN_NAMES = b"SET LOCAL search_path TO pg_catalog, pg_temp"


def rendered(query: sql.Composable) -> sql.SQL:
    """Return a query with all its parts joined into one text, so that this is not done for each connection."""
    return sql.SQL(query.as_string())


# Both are named because defaults may differ: a standby refuses SERIALIZABLE, and DEFERRABLE may wait for other sessions.
_TRANSACTION = sql.SQL("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, NOT DEFERRABLE")
_LOCALLY = rendered(
    sql.SQL("SELECT {}").format(
        sql.SQL(", ").join(
            sql.SQL("pg_catalog.set_config({}, {}, true)").format(sql.Literal(name), sql.Literal(value))
            for name, value in SETTINGS.items()
        )
    )
)


class _MomentLoader(Loader):
    """A loader of ISO timestamps.

    psycopg's own loader uses the session's DateStyle and TimeZone as they were before the message, not as it sets them.
    """

    def load(self, data: Buffer) -> datetime.datetime:
        """Return the timestamp, with its zone if it has one. Raises psycopg.DataError if Python cannot hold it."""
        try:
            return datetime.datetime.fromisoformat(bytes(data).decode())
        except ValueError:  # infinity, BC, a year of five digits
            raise DataError(f"a time in the history is out of range: {bytes(data).decode()!r}") from None


def ask_together(connection: Connection, queries: Mapping[str, sql.Composable]) -> dict[str, Rows]:
    """Ask several questions in one message, which all see one snapshot.

    Args:
        connection: A connection in autocommit mode, with no transaction open.
        queries: The questions by the names of their answers; all names in them must be qualified.

    Returns:
        The rows of each answer, by its name.

    Raises:
        psycopg.Error: A question failed. It is InsufficientPrivilege also if row-level security would hide rows.
    """
    return _send(connection, (_TRANSACTION, _LOCALLY), queries) if queries else {}


def ask(connection: Connection, query: sql.Composable) -> Rows:
    """Ask one question and return its rows; see `ask_together`."""
    return ask_together(connection, {"": query})[""]


def ask_about_session(connection: Connection, queries: Mapping[str, sql.Composable]) -> dict[str, Rows]:
    """Ask questions about the session itself in one message, without changing its search_path and settings.

    Args:
        connection: A connection in autocommit mode, with no transaction open.
        queries: The questions by the names of their answers; all names in them must be qualified.
    """
    return _send(connection, (_TRANSACTION,), queries)


def _send(
    connection: Connection, before: Sequence[sql.Composable], queries: Mapping[str, sql.Composable]
) -> dict[str, Rows]:
    cursor = connection.cursor()
    for kind in ("timestamp", "timestamptz"):
        cursor.adapters.register_loader(kind, _MomentLoader)
    cursor.execute(sql.SQL(";\n").join((*before, *queries.values())))
    answers: dict[str, Rows] = {}
    for _ in before:
        cursor.nextset()
    for name in queries:
        answers[name] = cursor.fetchall()
        cursor.nextset()
    return answers


def role_of(session: Session) -> str:
    """Return the role whose privileges count. The connection's options may have set another one than the session's user."""
    ((role,),) = ask(session.connection(), sql.SQL("SELECT current_user::text"))
    return str(role)


def why_unread(error: psycopg.Error, *, locked: str, slow: str) -> str:
    """Return why a question has no answer: `locked` or `slow` if its limits have ended it, else the server's words."""
    if isinstance(error, errors.LockNotAvailable):
        return f"another session has locked {locked}"
    if isinstance(error, errors.QueryCanceled):
        return f"{slow} took too long"
    return str(error.diag.message_primary or error)
