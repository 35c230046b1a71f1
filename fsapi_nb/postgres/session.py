"""A PostgreSQL session as a run uses it: messages sent ahead and received in order, and the reset between two files.

- A `Session` owns its connection and the pipeline on it. Every method that needs an answer waits for the pipeline first,
  so no statement runs between messages in flight.
- `send` may be called several times before `prelude_succeeded` and `receive`, which follow once for each `send` and in
  the same order. Each `send` has a prelude (`before`), messages, and a reset behind them (`then`).
- If the connection is lost, nothing is in flight and `is_lost` is true; a method that needs an answer raises
  psycopg.OperationalError. What the server had committed by then must be read with a new session.

This module does not know migrations, and opens no connection: `connect` does.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from fsapi_nb.errors import UNCHANGED, PooledConnection
from fsapi_nb.postgres.defaults import DEFAULTS, unchanged
from fsapi_nb.postgres.pipeline import Answered, Message, Pipeline
from fsapi_nb.script.encoding import Encoding, encoding_named
from fsapi_nb.text.secrets import Secret

Connection = psycopg.Connection[tuple[Any, ...]]
Rows = Sequence[tuple[Any, ...]]

#: These reset a session to how it began. RESET ALL does not reset the role. DISCARD ALL does, but it would also release
#: the advisory lock.
RESET_SESSION = (
    b"RESET SESSION AUTHORIZATION",
    b"RESET ROLE",
    b"RESET ALL",
    b"CLOSE ALL",
    b"UNLISTEN *",
    b"DISCARD TEMP",
    b"DISCARD SEQUENCES",
)
# Every property is named: a role, a database or a script may have set other defaults.
_BEGIN = b"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE NOT DEFERRABLE"
#: These are needed only after queries or code, which may have prepared statements. They drop fsapi_nb's own, too.
DROP_PREPARED = (b"DEALLOCATE ALL", b"DISCARD PLANS")
_FORGETTING = Message(DROP_PREPARED[0], forgets=True)
_SAME = f"SELECT pg_catalog.pg_backend_pid(), {DEFAULTS}".encode()
#: These make the rest of a transaction run as the role that connected, whatever a script has set. They are LOCAL: after
#: the transaction the script's own SET ROLE is in effect again, as a later step of the same file may rely on it.
AS_CONNECTED_ROLE = (
    Message(b"SET LOCAL session_authorization TO DEFAULT"),
    Message(b"SET LOCAL role TO DEFAULT"),
    Message(b"SET LOCAL client_encoding TO 'UTF8'"),
    Message(b"SET LOCAL TimeZone TO DEFAULT"),  # applied_at is a local time
)

# The second half of a virtual transaction id counts the session's transactions.
_TRANSACTIONS_BEGUN = b"""
    SELECT pg_catalog.split_part(virtualtransaction, '/', 2) FROM pg_catalog.pg_locks
    WHERE pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND locktype OPERATOR(pg_catalog.=) 'virtualxid'
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about the server and the session, read when it was opened.

    `schema` is the first user's schema in the search_path, None if there is none. `statement_timeout` is what the role
    or the database sets. `defaults` is a hash of everything that they set, see `fsapi_nb.postgres.defaults`.
    `event_triggers` says whether the database has enabled event triggers.
    """

    version: int
    pid: int
    in_recovery: bool
    read_only: bool
    database: str
    schema: str | None
    role: str
    product: str
    statement_timeout: str
    defaults: int
    event_triggers: bool


@dataclass(slots=True)
class SessionEnd:
    """How a session has ended: whether it has released its lock and notified others. It outlives the session."""

    has_notified: bool = False


class Session:
    """A connection in autocommit mode with its facts, and the settings that each file starts with.

    `answer` has the rows of the question that the session was opened with. `by_pooler` says that the server session may
    have served other clients before. `is_outdated` says whether a new session would begin with other settings, as
    `check_same` and `clean` found it last.
    """

    def __init__(
        self,
        connection: Connection,
        facts: Facts,
        settings: Mapping[str, str],
        answer: Rows = (),
        *,
        by_pooler: bool = False,
    ) -> None:
        self.facts = facts
        self.settings = settings
        self.answer = answer
        self.by_pooler = by_pooler
        self.is_outdated = False
        self.end = SessionEnd()
        self._connection = connection
        self._pipeline = Pipeline(connection)
        # For each `send` in flight, how many messages `before` and `then` had.
        self._under_way: deque[tuple[int, int]] = deque()
        # How many messages `then` had in the last `send` that was received: their answers come before the next prelude's.
        self._trailing = 0
        self._tidy = True

    def connection(self) -> Connection:
        """Wait until everything in flight is answered, and return the connection."""
        self._settle()
        return self._connection

    @functools.cached_property
    def encoding(self) -> Encoding | None:
        """The database's encoding; None if it can hold every text."""
        return encoding_named(self._connection.info.parameter_status("server_encoding"))

    @property
    def may_have_own_path(self) -> bool:
        """Whether the session may have begun with another search_path than its role and database set."""
        options = self._connection.info.options
        return self.by_pooler or bool(options) or "search_path" in self.settings or self.facts.event_triggers

    def is_tidy(self) -> bool:
        """Wait until everything in flight is answered, and return whether the session is known to be as it began."""
        self._settle()
        return self._tidy

    def mark_dirty(self) -> None:
        """Note that the session is no longer as it began."""
        self._tidy = False

    def send(
        self,
        messages: Sequence[Message],
        *,
        awaited: Collection[int] = (),
        before: Sequence[Message] = (),
        then: Sequence[Message] = (),
        last: bool = False,
    ) -> None:
        """Send messages behind those in flight, and return without waiting for answers.

        `before` and `then` must be transactions of their own. Each call must be followed by its `prelude_succeeded` and
        `receive`.

        Args:
            messages: What `receive` returns the answers of.
            awaited: The indexes of messages whose answers are needed early, see `Pipeline.send`.
            before: The prelude; if it fails, the server skips the messages.
            then: The reset of the session behind the messages: `tidying`, `cleaning` or nothing. `is_tidy` tells whether
                it succeeded; if it did not, `clean` raises the reason.
            last: Whether nothing will be sent behind them.

        Raises:
            psycopg.OperationalError: The connection is lost.
        """
        front = len(before)
        if self._pipeline.is_ending:  # behind the Sync nothing can be sent: the next messages need a new pipeline
            self._settle()
        self._pipeline.send((*before, *messages, *then), awaited={front + number for number in awaited}, last=last)
        self._under_way.append((front, len(then)))

    def prelude_succeeded(self) -> bool:
        """Wait for the prelude of the next `receive`, and return whether it succeeded.

        If it failed, the server skipped everything behind it: nothing has run, and nothing is in flight.

        Raises:
            psycopg.OperationalError: The connection is lost.
        """
        try:
            # The reset behind the messages before belongs to this prelude: only after both is the session as it began.
            self._pipeline.receive(self._trailing + self._under_way[0][0])
        except psycopg.Error:
            self._forget()
            if self.is_lost():
                raise
            self.rollback()
            return False
        except BaseException:
            self._forget()
            raise
        return True

    def receive(self, count: int, answered: Answered = lambda _number, _result: None) -> None:
        """Wait for the answers of the messages of a `send`.

        Args:
            count: How many messages the `send` had, without `before` and `then`.
            answered: Called with each message's index, from zero, and its answer.

        Raises:
            psycopg.Error: A statement failed, or the connection is lost. Nothing is in flight.
        """
        try:
            self._pipeline.receive(count, answered)
        except BaseException:
            self._forget()
            raise
        _, self._trailing = self._under_way.popleft()

    def _forget(self) -> None:
        """Note that nothing is in flight."""
        self._under_way.clear()
        self._trailing = 0

    def abandon(self) -> None:
        """Cancel everything in flight, and drop the answers."""
        self._forget()
        self._pipeline.abandon()

    def _settle(self) -> None:
        if self._pipeline.is_open:
            # If the last messages were received, the only answers left are those of the reset behind them.
            cleans = self._trailing > 0
            self._forget()
            try:
                self._pipeline.end()
            except psycopg.Error:
                self._tidy = False
                self.rollback()
            else:
                self._tidy = self._tidy or cleans

    def exchange(self, messages: Sequence[Message]) -> None:
        """Send messages in one round trip, and wait until they are done. Raises psycopg.Error."""
        self._settle()
        self._pipeline.send(messages, last=True)
        self._pipeline.receive(len(messages))
        self._pipeline.end()

    def commit(self, messages: Sequence[Message], before: Sequence[Message] = ()) -> None:
        """Run messages in a transaction of their own, as the role that connected.

        Args:
            messages: What is committed.
            before: Messages of the same transaction that come first and run as the role that a script has set.

        Raises:
            psycopg.Error: The transaction was rolled back, or the connection is lost and the outcome unknown.
        """
        try:
            self.exchange(in_own_transaction(*before, *AS_CONNECTED_ROLE, *messages))
        except psycopg.Error:
            self.rollback()
            raise

    def clean(self) -> None:
        """Reset the session to how it began, so that nothing leaks from one file into the next.

        Raises:
            PooledConnection: Another server process answers than the one that was connected to.
            psycopg.Error: The server refuses, or the connection is lost.
        """
        self.connection().execute(b"; ".join((*RESET_SESSION, *DROP_PREPARED, self._set_all)))
        self._pipeline.prepared.clear()
        # Secrets come last: they must not reach a session that belongs to another client of a pooler.
        self.check_same()
        self.set_secrets()
        self._tidy = True

    def set_secrets(self) -> None:
        """Set the settings whose values are secrets. Call it only once the server is known to be the right one."""
        if self._secrets:
            self.exchange(self._secrets)

    @functools.cached_property
    def _set_all(self) -> bytes:
        return set_all(self.settings).as_bytes(self._connection)

    @functools.cached_property
    def _secrets(self) -> tuple[Message, ...]:
        return _set_apart(self.settings)

    @functools.cached_property
    def resetting(self) -> tuple[Message, ...]:
        """What `clean` runs, as messages of an open transaction; they fail, naming `OUTDATED`, if the session is outdated."""
        messages = (
            *map(Message, RESET_SESSION),
            _FORGETTING,
            Message(DROP_PREPARED[1]),
            Message(self._set_all),
            *self._secrets,
        )
        return (*messages, Message(unchanged(self.facts.defaults)))

    @functools.cached_property
    def cleaning(self) -> tuple[Message, ...]:
        """The same in a transaction of its own. If the session is outdated, the server skips what is sent behind it."""
        return in_own_transaction(*self.resetting)

    @functools.cached_property
    def tidying(self) -> tuple[Message, ...]:
        """A shorter reset for after plain definitions: what runs no code leaves no prepared statements and no plans.

        The messages are prepared, since a run may send them thousands of times: that saves the server a third of the time.
        """
        messages = in_own_transaction(*map(Message, RESET_SESSION), Message(self._set_all), *self._secrets)
        return tuple(message._replace(name=b"fsapi_nb tidy %d" % number) for number, message in enumerate(messages))

    def forgetting(self) -> tuple[Message, ...]:
        """Return what drops the prepared statements of fsapi_nb, for a script that could see them.

        They are prepared again when they are next needed.
        """
        return (_FORGETTING,) if self._pipeline.will_keep else ()

    def check_same(self) -> None:
        """Raise PooledConnection unless the same server process answers as at the beginning; set `is_outdated`.

        Raises psycopg.Error, too, if the connection is lost.
        """
        row = self.connection().execute(_SAME).fetchone()
        if row is None or row[0] != self.facts.pid:
            raise pooled()
        self.is_outdated = row[1] != self.facts.defaults

    def status(self) -> TransactionStatus:
        """Wait until everything in flight is answered, and return libpq's state of the transaction."""
        return self.connection().info.transaction_status

    def is_lost(self) -> bool:
        """Wait until everything in flight is answered, and return whether the connection is gone."""
        return self.connection().closed or self.connection().broken or self.status() is TransactionStatus.UNKNOWN

    def transactions_begun(self) -> int:
        """Return how many transactions this session has begun.

        Outside a transaction each message begins one. A procedure that commits or rolls back by itself begins more.
        """
        row = self.connection().execute(_TRANSACTIONS_BEGUN).fetchone()
        if row is None:
            raise RuntimeError("a session without a transaction")
        return int(row[0])

    def rollback(self) -> None:
        """Roll back the open transaction if there is one; close a connection that is still busy."""
        if self.is_lost():
            return
        if self.status() in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
            self.connection().execute("ROLLBACK")
        elif self.status() is TransactionStatus.ACTIVE:
            # It cannot be made to answer. The server rolls back when it notices that the client has gone.
            self.connection().close()


def is_system(name: str) -> bool:
    """Return whether a schema is PostgreSQL's own."""
    return name.startswith("pg_") or name == "information_schema"


def in_own_transaction(*messages: Message) -> tuple[Message, ...]:
    """Return the messages in a transaction of their own; nothing for no messages.

    Without BEGIN and COMMIT, all messages of a pipeline up to its Sync are one transaction.
    """
    return (Message(_BEGIN), *messages, Message(b"COMMIT")) if messages else ()


def set_all(settings: Mapping[str, str]) -> sql.Composed:
    """Return the statement that sets all settings of a session, except those whose values are secrets."""
    calls = (
        sql.SQL("pg_catalog.set_config({}, {}, false)").format(sql.Literal(name), sql.Literal(value))
        for name, value in settings.items()
        if not isinstance(value, Secret)
    )
    return sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls))


def _set_apart(settings: Mapping[str, str]) -> tuple[Message, ...]:
    """Return the message that sets the settings whose values are secrets; nothing if there are none.

    Their values are parameters: the text of a statement is shown to other sessions (`pg_stat_activity`) and, if the
    statement fails, written to the server's log.
    """
    secrets = [(name, value) for name, value in settings.items() if isinstance(value, Secret)]
    if not secrets:
        return ()
    calls = (f"pg_catalog.set_config(${2 * number + 1}, ${2 * number + 2}, false)" for number in range(len(secrets)))
    values = [text.encode() for name, value in secrets for text in (name, value.reveal())]
    return (Message(f"SELECT {', '.join(calls)}".encode(), values),)


def pooled() -> PooledConnection:
    """Return the error for a session that may be shared with other clients."""
    return PooledConnection(
        "a connection pooler stands between fsapi_nb and PostgreSQL",
        details=("  In transaction mode, locks and settings of a session are shared with other clients.",),
        state="unchanged from here on.",
        hint="connect to PostgreSQL itself (another port, usually 5432); for a pooler in session mode, pass "
        '--pooler session or set pooler = "session" in pyproject.toml.',
    )


def shared() -> PooledConnection:
    """Return the error for an address where a second connection gets the lock of the first."""
    return PooledConnection(
        "a second connection to this address was given the lock that the first one holds",
        details=("  Two runners would not keep each other out.",),
        state=UNCHANGED,
        hint="connect to one PostgreSQL server itself: a pooler in transaction mode, several servers behind one name, or "
        "another product answers here.",
    )
