"""What tests ask their databases, in sessions that are used again, each time as if they were new.

To open a session costs 8 ms of CPU, ten times the question. One is kept for each database, next to that of `databases`.
Where a new session could begin otherwise than the kept one did, or the kept one is at work, a new one is opened.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

#: What the kept sessions are called, for whoever counts or ends those that a test has left.
APPLICATION = "kept by the tests"
# Settings of the database and of roles, and event triggers, which may be of logins.
_BEGINS_OTHERWISE = """
    SELECT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting WHERE setdatabase IN (
        0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())))
    OR EXISTS (SELECT FROM pg_catalog.pg_event_trigger)
"""


@dataclass(slots=True)
class Kept:
    """The session that is kept for one database, by the process that made it."""

    address: str
    process: int = field(default_factory=os.getpid)
    lock: threading.Lock = field(default_factory=threading.Lock)
    connection: Connection | None = None

    def close(self) -> None:
        """End the session; the next question opens another."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


_kept: dict[str, Kept] = {}


def keep(address: str) -> None:
    """From now on, keep a session for questions to that database."""
    _kept.setdefault(address, Kept(address))


def forget(address: str) -> None:
    """End the session that is kept for a database, and keep none any more."""
    if kept := _kept.pop(address, None):
        kept.close()


@contextlib.contextmanager
def session(address: str) -> Iterator[Connection]:
    """Yield a connection in autocommit mode, whose session has nothing of another one's."""
    kept = _kept.get(address)
    if kept and kept.process == os.getpid() and kept.lock.acquire(blocking=False):
        try:
            if connection := _as_new(kept):
                yield connection
                return
        finally:
            _tidy(kept)
            kept.lock.release()
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def _as_new(kept: Kept) -> Connection | None:
    """The kept session if a new one would begin as it did; one that was ended meanwhile is replaced."""
    for _ in range(2):
        if kept.connection is None:
            kept.connection = psycopg.connect(
                kept.address, autocommit=True, prepare_threshold=None, application_name=APPLICATION
            )
        with contextlib.suppress(psycopg.OperationalError):
            return None if kept.connection.execute(_BEGINS_OTHERWISE).fetchone() == (True,) else kept.connection
        kept.close()
    return None


def _tidy(kept: Kept) -> None:
    """Take from the session what was done in it; end it if that cannot be."""
    try:
        if kept.connection is not None:
            kept.connection.execute("DISCARD ALL")
    except psycopg.Error:
        kept.close()
