"""Notice each change of a database's history, by NOTIFY and by polling.

Every run of fsapi_nb sends a NOTIFY when it releases the lock. fsapi's own tool, a killed run and a run that is still
at work send none: for them a small query is sent every few seconds.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import psycopg
from psycopg import sql

from fsapi_nb.history.store import HistoryStore
from fsapi_nb.postgres.advisory_lock import CHANNEL
from fsapi_nb.postgres.ask import ask

_POLL = 2.0


def changes(target: HistoryStore, stopped: threading.Event, *, poll: float = _POLL) -> Iterator[object]:
    """Yield a value for the state of the history: at once, and whenever there may be a new state.

    Two states with one value are the same. Blocks between two values.

    Args:
        target: The database. Its session listens, and is used for nothing else meanwhile.
        stopped: Ends the iterator within `poll` seconds, once it is set.
        poll: Seconds between two queries. If there is no schema for a history, the iterator ends after so many: a new
            session finds the schema once it exists.

    Raises:
        psycopg.Error: The connection is lost.
        HistoryError: The history may not be used.
    """
    if target.no_schema:
        yield None
        stopped.wait(poll)
        return
    target.require_history()
    connection = target.session.connection()
    with contextlib.suppress(psycopg.errors.FeatureNotSupported):  # polling remains
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
    while not stopped.is_set():
        yield _state(target)
        next(connection.notifies(timeout=poll, stop_after=1), None)


def _state(target: HistoryStore) -> object:
    """Return a few figures that differ if the migrations, the journal or the runner at work differ."""
    queries = (
        (target.tables.history, "SELECT count(*), max(id) FROM {}"),
        (target.tables.journal, "SELECT max(id) FROM {}"),
    )
    runner = target.runner_at_work()
    return (runner.pid if runner else None, *(_row(target, sql.SQL(query).format(table)) for table, query in queries))


def _row(target: HistoryStore, query: sql.Composed) -> object:
    unknown = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.LockNotAvailable)
    with contextlib.suppress(*unknown):
        return ask(target.session.connection(), query)
    return None
