"""One runner at a time: a session advisory lock, taken by polling, and who holds it meanwhile.

Polling in autocommit, never a blocking wait: a waiter that blocks holds a snapshot, on which the holder's
CREATE INDEX CONCURRENTLY waits in turn, until PostgreSQL kills one of them (tried: 40P01, an invalid index).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg import sql

from fsapi_nb import stop
from fsapi_nb.errors import UNCHANGED, Locked, PooledConnection
from fsapi_nb.postgres.ask import ask
from fsapi_nb.postgres.pipeline import Message
from fsapi_nb.postgres.session import Connection, Session, in_own_transaction, shared

# Taken twice: so whoever writes to the history can let it go once and take it again, to see that it is still ours.
_TRY = "SELECT pg_catalog.pg_try_advisory_lock(%(key)s) AND pg_catalog.pg_try_advisory_lock(%(key)s)"
_WAIT = b"SELECT pg_catalog.pg_advisory_lock($1::pg_catalog.int8), pg_catalog.pg_advisory_lock($1::pg_catalog.int8)"
_PATIENTLY = (Message(b"SET LOCAL lock_timeout TO 0"), Message(b"SET LOCAL statement_timeout TO '30s'"))
_IS_AWAITED = "SELECT %(me)s OPERATOR(pg_catalog.=) ANY (pg_catalog.pg_blocking_pids(%(other)s))"
# Held twice, it is not free in between.
_STILL = "SELECT pg_catalog.pg_advisory_unlock(%(key)s) AND pg_catalog.pg_try_advisory_lock(%(key)s)"
# Whether a row of pg_locks, `l`, is the lock of that key, and held.
_IS_HELD = """l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND l.classid = (((({0})::bigint >> 32) & 4294967295)::text)::oid
      AND l.objid = ((({0})::bigint & 4294967295)::text)::oid"""
_HOLDS = sql.SQL(f"""
    SELECT true FROM pg_catalog.pg_locks l WHERE l.pid = pg_catalog.pg_backend_pid() AND {_IS_HELD}
""")
_POLL = 0.002  # seconds
_PATIENCE = 30.0  # seconds until a session must stand in the queue
#: Who looks at a history is told here that a run has ended.
CHANNEL = "fsapi_nb"
_UNLOCK = f"""SELECT pg_catalog.pg_advisory_unlock(%(key)s) AND pg_catalog.pg_advisory_unlock(%(key)s),
    pg_catalog.pg_notify('{CHANNEL}', '')"""
_HOLDER = sql.SQL(f"""
    SELECT a.pid, a.usename::text, a.application_name, a.client_addr::text, a.state,
           extract(epoch FROM pg_catalog.clock_timestamp() - a.backend_start)::int
    FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
    WHERE {_IS_HELD}
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
""")


@contextmanager
def advisory_lock(session: Session, key: int, *, max_wait: float, awaited: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock for a while. Waits at most `max_wait` seconds, telling `awaited` who holds it.

    Raises Locked when the time is over. The lock is let go at the end, and that it was is checked.
    """
    _acquire(session, key, max_wait, awaited)
    with _released(session, key):
        yield


@contextmanager
def _released(session: Session, key: int) -> Iterator[None]:
    """Let the lock go at the end."""
    try:
        yield
    except BaseException:
        # What went wrong is what must be heard of; closing the connection lets the lock go.
        with suppress(psycopg.Error, PooledConnection):
            _release(session, key)
        raise
    with suppress(psycopg.OperationalError):
        _release(session, key)


def probe(session: Session, other: Connection, key: int) -> None:
    """Make sure that the lock which `session` holds keeps others out, by a second connection, which is left in a transaction.

    Raises PooledConnection if that one gets it, or if the session has lost it meanwhile; psycopg.Error.
    """
    # While its transaction is open, a pooler cannot give the second one's server session to the first.
    cursor = other.execute(f"BEGIN; SELECT pg_catalog.pg_try_advisory_xact_lock({key}::pg_catalog.int8)".encode())
    cursor.nextset()
    (got,) = cursor.fetchone() or (True,)
    session.check_same()
    if got or not _one(session, _STILL, {"key": key}):
        raise shared()


def holds(session: Session, key: int) -> bool:
    """Return whether the server's table of locks says that the session holds the lock."""
    return bool(ask(session.connection(), _HOLDS.format(sql.Literal(key))))


@contextmanager
def taken_over(session: Session, other: Session, key: int) -> Iterator[None]:
    """Hold in `other` the lock that `session` holds, which is closed once it has let it go.

    No third session can get the lock in between: `other` stands in its queue before it is let go, and whoever polls for
    it is refused while somebody stands there. Raises psycopg.Error.
    """
    messages = in_own_transaction(*_PATIENTLY, Message(_WAIT, [str(key).encode()]))
    other.send(messages, last=True)
    values = {"me": session.facts.pid, "other": other.facts.pid}
    deadline = time.monotonic() + _PATIENCE
    while not _one(session, _IS_AWAITED, values):
        if time.monotonic() > deadline:
            raise psycopg.OperationalError("the new session does not answer")
        stop.pause(_POLL)
    session.connection().close()
    other.prelude_succeeded()
    other.receive(len(messages))
    with _released(other, key):
        yield


def _acquire(session: Session, key: int, max_wait: float, awaited: Callable[[str], None]) -> None:
    deadline = time.monotonic() + max_wait
    pause, told = 0.05, 0
    while not _one(session, _TRY, {"key": key}):
        holder = find_holder(session, key)
        if holder and holder.pid != told:
            awaited(str(holder))
            told = holder.pid
        left = deadline - time.monotonic()
        if left <= 0:
            raise Locked(
                f"another runner is at work on this database: {holder or 'it has just let go'}",
                state=UNCHANGED,
                hint="run again when it has finished, or wait longer with --max-wait SECONDS.",
            )
        stop.pause(min(pause, left))
        pause = min(pause * 1.5, 1.0)


def _release(session: Session, key: int) -> None:
    """Let the lock go, and make sure that it was ours until now."""
    session.rollback()
    if session.is_lost():
        return
    if not _one(session, _UNLOCK, {"key": key}):
        raise PooledConnection(
            "this run did not hold its lock any more when it was to be released",
            state="what was reported as done is committed.",
            hint="a migration called pg_advisory_unlock_all(), or a pooler swaps sessions: connect directly.",
        )


@dataclass(frozen=True, slots=True)
class Holder:
    """The session that holds the lock."""

    pid: int
    user: str | None
    application: str | None
    address: str | None
    state: str | None
    age: int | None

    def __str__(self) -> str:
        where = f" from {self.address}" if self.address else ""
        name = self.application or "no application name"
        return f"pid {self.pid}, {self.user}{where}, {name}, {self.state}, connected {self.age} s ago"


def find_holder(session: Session, key: int) -> Holder | None:
    """Who holds the lock; None where nobody does."""
    rows = ask(session.connection(), _HOLDER.format(sql.Literal(key)))
    return Holder(*rows[0]) if rows else None


def _one(session: Session, query: str, values: Mapping[str, object]) -> object:
    row = session.connection().execute(query.encode(), values).fetchone()
    return row[0] if row else None
