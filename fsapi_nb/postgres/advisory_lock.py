"""Allow one runner at a time: take a session advisory lock by polling, and find out who holds it.

- The lock belongs to the session, not to a transaction: PostgreSQL releases it when the connection ends, however that
  happens. So a lost connection means a lost lock, and another runner may have it already.
- It is polled in autocommit mode and never waited for: a session that waits holds a snapshot. The holder's CREATE INDEX
  CONCURRENTLY would wait for that snapshot in turn, until PostgreSQL kills one of them (tried: 40P01, an invalid index).
- It is taken twice. Whoever writes to the history can then release one of the two and take it again, which proves that
  the session still holds the lock: a runner behind a pooler, or after pg_advisory_unlock_all(), would not get it. The
  lock is never free meanwhile.
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

# If the second attempt failed after the first had succeeded, the session would hold it once. It cannot: a session that
# holds a lock always gets it again.
_TRY = "SELECT pg_catalog.pg_try_advisory_lock(%(key)s) AND pg_catalog.pg_try_advisory_lock(%(key)s)"
_WAIT = b"SELECT pg_catalog.pg_advisory_lock($1::pg_catalog.int8), pg_catalog.pg_advisory_lock($1::pg_catalog.int8)"
_PATIENTLY = (Message(b"SET LOCAL lock_timeout TO 0"), Message(b"SET LOCAL statement_timeout TO '30s'"))
_IS_AWAITED = "SELECT %(me)s OPERATOR(pg_catalog.=) ANY (pg_catalog.pg_blocking_pids(%(other)s))"
_STILL = "SELECT pg_catalog.pg_advisory_unlock(%(key)s) AND pg_catalog.pg_try_advisory_lock(%(key)s)"
# True if `l`, a row of pg_locks, is the lock of that key, and held.
_IS_HELD = """l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND l.classid = (((({0})::bigint >> 32) & 4294967295)::text)::oid
      AND l.objid = ((({0})::bigint & 4294967295)::text)::oid"""
_HOLDS = sql.SQL(f"""
    SELECT true FROM pg_catalog.pg_locks l WHERE l.pid = pg_catalog.pg_backend_pid() AND {_IS_HELD}
""")
_POLL = 0.002  # seconds
_PATIENCE = 30.0  # seconds until a session must be in the lock's queue
#: The channel that is notified when a run has ended, for sessions that show the history.
CHANNEL = "fsapi_nb"
# A notification takes a transaction id. It is asked for besides, as a proof counts on it, see `run.last_listing`.
_UNLOCK = f"""SELECT pg_catalog.pg_advisory_unlock(%(key)s) AND pg_catalog.pg_advisory_unlock(%(key)s),
    pg_catalog.pg_notify('{CHANNEL}', ''), pg_catalog.pg_current_xact_id()"""
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
    """Hold the lock while the block runs.

    Args:
        session: The session that holds it, which must stay connected.
        key: The lock's key.
        max_wait: The seconds to wait at most if another session holds the lock.
        awaited: Called with a description of that session, once for each change.

    Raises:
        Locked: The time is over.
        PooledConnection: The session lost the lock before the end of the block.
        psycopg.Error: The connection is lost while the lock is taken.
    """
    _acquire(session, key, max_wait, awaited)
    with _released(session, key):
        yield


@contextmanager
def _released(session: Session, key: int) -> Iterator[None]:
    """Release the lock after the block."""
    try:
        yield
    except BaseException:
        # The block's error is the one to report. If the release fails, the end of the connection releases the lock.
        with suppress(psycopg.Error, PooledConnection):
            _release(session, key)
        raise
    with suppress(psycopg.OperationalError):  # a lost connection has released it
        _release(session, key)


def probe(session: Session, other: Connection, key: int) -> None:
    """Make sure that the lock of `session` excludes other connections, by trying to take it with another one.

    Args:
        session: The session that holds the lock.
        other: A second connection to the same address. A transaction is left open on it.
        key: The lock's key.

    Raises:
        PooledConnection: The second connection got the lock, or the session has lost it.
        psycopg.Error: A connection is lost.
    """
    # The transaction must be open until the session has answered: only then a pooler in transaction mode cannot have
    # both run in one server session, in which each would hold the lock.
    cursor = other.execute(f"BEGIN; SELECT pg_catalog.pg_try_advisory_xact_lock({key}::pg_catalog.int8)".encode())
    cursor.nextset()
    (got,) = cursor.fetchone() or (True,)
    session.check_same()
    if got or not _one(session, _STILL, {"key": key}):
        raise shared()


def holds(session: Session, key: int) -> bool:
    """Return whether the session holds the lock, by the server's table of locks. Raises psycopg.Error."""
    return bool(ask(session.connection(), _HOLDS.format(sql.Literal(key))))


@contextmanager
def taken_over(session: Session, other: Session, key: int) -> Iterator[None]:
    """Move the lock from `session` to `other` while the block runs; `session` is closed.

    No third session can get the lock in between: `other` is in the lock's queue before `session` releases it, and
    PostgreSQL refuses a session that polls while another one is queued.

    Args:
        session: The session that holds the lock.
        other: The session that takes it over.
        key: The lock's key.

    Raises:
        psycopg.Error: `other` could not take the lock, or a connection is lost.
    """
    messages = in_own_transaction(*_PATIENTLY, Message(_WAIT, [str(key).encode()]))
    other.send(messages, last=True)
    values = {"me": session.facts.pid, "other": other.facts.pid}
    deadline = time.monotonic() + _PATIENCE
    # Closing `session` before `other` is queued would leave the lock free for a moment.
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
    pause, reported = 0.05, 0
    while not _one(session, _TRY, {"key": key}):
        holder = find_holder(session, key)
        if holder and holder.pid != reported:
            awaited(str(holder))
            reported = holder.pid
        left = deadline - time.monotonic()
        if left <= 0:
            raise Locked(
                f"another runner is at work on this database: {holder or 'it has just finished'}",
                state=UNCHANGED,
                hint="run again when it has finished, or wait longer with --max-wait SECONDS.",
            )
        stop.pause(min(pause, left))
        pause = min(pause * 1.5, 1.0)


def _release(session: Session, key: int) -> None:
    """Release the lock, and make sure that the session held it until now."""
    # A failed transaction would refuse the query, and an open one would keep the notification until its commit.
    session.rollback()
    if session.is_lost():
        return
    if not _one(session, _UNLOCK, {"key": key}):
        raise PooledConnection(
            "this run lost its lock before its end",
            state="what was reported as done is committed.",
            hint="a migration called pg_advisory_unlock_all(), or a pooler swaps sessions: connect directly.",
        )
    session.end.has_notified = True


@dataclass(frozen=True, slots=True)
class Holder:
    """The session that holds an advisory lock. `age` is the seconds since it connected."""

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
    """Return the session that holds the lock; None if none does. Raises psycopg.Error."""
    rows = ask(session.connection(), _HOLDER.format(sql.Literal(key)))
    return Holder(*rows[0]) if rows else None


def _one(session: Session, query: str, values: Mapping[str, object]) -> object:
    row = session.connection().execute(query.encode(), values).fetchone()
    return row[0] if row else None
