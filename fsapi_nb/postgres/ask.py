"""Ask fsapi_nb's own questions so that their answers do not depend on the session.

Each message is one transaction. Its settings hold until its end: a user's script and query never see them. Row-level
security is the reason for the first of them: PostgreSQL raises an error instead of leaving rows out, so an answer is
complete or there is none.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from psycopg import DataError, sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from fsapi_nb.postgres.session import Connection, Rows, Session

#: What a question runs under. Roles, databases and PG* variables may say otherwise, and so may a script.
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
#: What a transaction of our own begins with, so that what its statements name is PostgreSQL's.
OWN_NAMES = b"SET LOCAL search_path TO pg_catalog, pg_temp"


def rendered(query: sql.Composable) -> sql.SQL:
    """Return a query of fsapi_nb's own with all its parts in one text, so that it is not put together for each connection."""
    return sql.SQL(query.as_string())


# Of a default, a standby refuses SERIALIZABLE, and DEFERRABLE waits for others.
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
    """A loader of ISO moments. psycopg's goes by the session's DateStyle and TimeZone, as reported before the message."""

    def load(self, data: Buffer) -> datetime.datetime:
        """Return the moment, with its zone if it has one."""
        try:
            return datetime.datetime.fromisoformat(bytes(data).decode())
        except ValueError:  # infinity, BC, a year of five digits
            raise DataError(f"a time in the history is out of range: {bytes(data).decode()!r}") from None


def ask_together(connection: Connection, queries: Mapping[str, sql.Composable]) -> dict[str, Rows]:
    """Ask several questions by one message, of one snapshot.

    Args:
        connection: in autocommit mode, with no transaction open.
        queries: each with qualified names only, by the names of their answers.

    Raises:
        psycopg.Error: InsufficientPrivilege also where row-level security would hide rows.
    """
    return _send(connection, (_TRANSACTION, _LOCALLY), queries) if queries else {}


def ask(connection: Connection, query: sql.Composable) -> Rows:
    """Ask one question; see `ask_together`."""
    return ask_together(connection, {"": query})[""]


def ask_about_session(connection: Connection, queries: Mapping[str, sql.Composable]) -> dict[str, Rows]:
    """Ask, by one message, questions about the session itself, whose search_path and settings are to be seen."""
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
    """Return the role whose privileges count: `SET ROLE` of the connection's options is not the session's user."""
    ((role,),) = ask(session.connection(), sql.SQL("SELECT current_user::text"))
    return str(role)
