"""Tells when the history of a database changes, whoever changes it: NOTIFY, with polling for what sends none.

Every run of ours sends a NOTIFY as it lets the lock go. fsapi's own tool, a killed run and a run that is still at
work send none: for them a small query is asked every few seconds.
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
    """What tells one state of the history from another: at once, and whenever there may be a new one.

    Ends when `stopped` is set, within `poll` seconds; and after so many if there is no schema for a history, which another
    session finds once it is there. Raises psycopg.Error where the connection is lost, HistoryError.
    """
    if target.no_schema:
        yield None
        stopped.wait(poll)
        return
    target.require_history()
    connection = target.session.connection()
    with contextlib.suppress(psycopg.errors.FeatureNotSupported):  # then there is the polling
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
    while not stopped.is_set():
        yield _state(target)
        next(connection.notifies(timeout=poll, stop_after=1), None)


def _state(target: HistoryStore) -> object:
    """A few figures that differ when the applied migrations, the journal or the runner at work do."""
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
