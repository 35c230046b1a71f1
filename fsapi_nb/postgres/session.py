"""A session as a run uses it: what is sent ahead and received in order, and how it is brought back to how it began.

Knows PostgreSQL's sessions; knows nothing of migrations, and opens no connection: that is for `connection`.
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

#: What brings a session back to how it began. RESET ALL does not reset the role; DISCARD ALL would, but it would also
#: give our advisory lock away. The last two are for what ran queries or code only: they also take what we prepared.
RESET_SESSION = (
    b"RESET SESSION AUTHORIZATION",
    b"RESET ROLE",
    b"RESET ALL",
    b"CLOSE ALL",
    b"UNLISTEN *",
    b"DISCARD TEMP",
    b"DISCARD SEQUENCES",
)
# Whatever role, database or script have as defaults.
_BEGIN = b"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE NOT DEFERRABLE"
DROP_PREPARED = (b"DEALLOCATE ALL", b"DISCARD PLANS")
_FORGETTING = Message(DROP_PREPARED[0], forgets=True)
_SAME = f"SELECT pg_catalog.pg_backend_pid(), {DEFAULTS}".encode()
#: For the rest of a transaction, act as the role that we connected as, whatever a script has set. After it the script's
#: own SET ROLE holds again: a later step of the same file may rely on it.
AS_CONNECTED_ROLE = (
    Message(b"SET LOCAL session_authorization TO DEFAULT"),
    Message(b"SET LOCAL role TO DEFAULT"),
    Message(b"SET LOCAL client_encoding TO 'UTF8'"),
    Message(b"SET LOCAL TimeZone TO DEFAULT"),  # applied_at is a local time
)

# A session counts its transactions in the second half of their virtual ids.
_TRANSACTIONS_BEGUN = b"""
    SELECT pg_catalog.split_part(virtualtransaction, '/', 2) FROM pg_catalog.pg_locks
    WHERE pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid() AND locktype OPERATOR(pg_catalog.=) 'virtualxid'
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server says of itself and of our session.

    `schema` is the first schema of the search_path that is a user's, None if there is none; `statement_timeout` what the
    role or the database sets; `defaults` stands for all that they set, see `fsapi_nb.postgres.defaults`. `event_triggers`
    says whether the database has any that are enabled.
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


class Session:
    """A connection in autocommit mode with its facts, and the settings that each file starts with.

    `answer` holds the rows of the question that it was opened with; `by_pooler` says that it may have served others before. `is_outdated` says whether a new session would begin
    with other settings, as `check_same` and `clean` found it last.
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
        self._connection = connection
        self._pipeline = Pipeline(connection)
        # How many messages go in front of those of each `send`, and how many behind; then, behind those last received.
        self._under_way: deque[tuple[int, int]] = deque()
        self._trailing = 0
        self._tidy = True

    def connection(self) -> Connection:
        """Wait until all that was sent is answered, and return the connection."""
        self._settle()
        return self._connection

    @functools.cached_property
    def encoding(self) -> Encoding | None:
        """The database's encoding; None for one that holds every text."""
        return encoding_named(self._connection.info.parameter_status("server_encoding"))

    @property
    def may_have_own_path(self) -> bool:
        """Whether the session may have begun with another search_path than its role and database set: if anything was said."""
        options = self._connection.info.options
        return self.by_pooler or bool(options) or "search_path" in self.settings or self.facts.event_triggers

    def is_tidy(self) -> bool:
        """Wait until all that was sent is answered, and return whether the session is known to be as it began."""
        self._settle()
        return self._tidy

    def mark_dirty(self) -> None:
        """Note that the session is not as it began any more."""
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
        """Send the messages behind what is under way: see `Pipeline.send`. `before` stands in front of them, `then` behind
        them: `tidying`, `cleaning` or nothing; each is a transaction of its own.

        Each call is followed by its `prelude_succeeded` and `receive`, in the same order. How `then` went is in `is_tidy`, which waits
        for all; where it did not go well, `clean` says why.
        """
        front = len(before)
        if self._pipeline.is_ending:
            self._settle()
        self._pipeline.send((*before, *messages, *then), awaited={front + number for number in awaited}, last=last)
        self._under_way.append((front, len(then)))

    def prelude_succeeded(self) -> bool:
        """Whether what stands in front of the messages of the next `receive` went well, once it has ended.

        Where it did not, nothing is under way any more. Raises OperationalError where the connection is lost.
        """
        try:
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
        """The answers of the messages of a `send`: see `Pipeline.receive`."""
        try:
            self._pipeline.receive(count, answered)
        except BaseException:
            self._forget()
            raise
        _, self._trailing = self._under_way.popleft()

    def _forget(self) -> None:
        """Nothing is under way any more."""
        self._under_way.clear()
        self._trailing = 0

    def abandon(self) -> None:
        """Cancel whatever is under way; what becomes of it is not looked at."""
        self._forget()
        self._pipeline.abandon()

    def _settle(self) -> None:
        if self._pipeline.is_open:
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
        """Send the messages in one go, and wait for their answers. Raises psycopg.Error."""
        self._settle()
        self._pipeline.send(messages, last=True)
        self._pipeline.receive(len(messages))
        self._pipeline.end()

    def commit(self, messages: Sequence[Message], before: Sequence[Message] = ()) -> None:
        """Send them in a transaction of their own, as ourselves, behind those `before` as the script's own role.

        Raises psycopg.Error; then nothing of it is kept.
        """
        try:
            self.exchange(in_own_transaction(*before, *AS_CONNECTED_ROLE, *messages))
        except psycopg.Error:
            self.rollback()
            raise

    def clean(self) -> None:
        """Bring the session back to how it began, so that nothing leaks from one file into the next.

        Raises PooledConnection where the session is not the one that was opened.
        """
        self.connection().execute(b"; ".join((*RESET_SESSION, *DROP_PREPARED, self._set_all)))
        self._pipeline.prepared.clear()
        self.check_same()
        self.set_secrets()
        self._tidy = True

    def set_secrets(self) -> None:
        """Set the settings whose values are secrets; the connection is known to be the one that was asked for."""
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
        """The same as messages, for a transaction that goes on; they fail, naming `OUTDATED`, if the session is outdated."""
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
        """The same in a transaction of their own; what is sent behind them does not run if the session is outdated."""
        return in_own_transaction(*self.resetting)

    @functools.cached_property
    def tidying(self) -> tuple[Message, ...]:
        """The same after nothing but plain definitions: what runs no code leaves no plans.

        Prepared, it takes the server two thirds of the time, thousands of times in a run.
        """
        messages = in_own_transaction(*map(Message, RESET_SESSION), Message(self._set_all), *self._secrets)
        return tuple(message._replace(name=b"fsapi_nb tidy %d" % number) for number, message in enumerate(messages))

    def forgetting(self) -> tuple[Message, ...]:
        """What takes our prepared statements out of the sight of a script that can look for them; they are made again."""
        return (_FORGETTING,) if self._pipeline.will_keep else ()

    def check_same(self) -> None:
        """Raise PooledConnection unless the server process is still the one that the session began with."""
        row = self.connection().execute(_SAME).fetchone()
        if row is None or row[0] != self.facts.pid:
            raise pooled()
        self.is_outdated = row[1] != self.facts.defaults

    def status(self) -> TransactionStatus:
        """Wait until all that was sent is answered, and return whether a transaction is open, as libpq knows it."""
        return self.connection().info.transaction_status

    def is_lost(self) -> bool:
        """Wait until all that was sent is answered, and return whether the connection is gone."""
        return self.connection().closed or self.connection().broken or self.status() is TransactionStatus.UNKNOWN

    def transactions_begun(self) -> int:
        """Return how many transactions this session has begun: one more for each message outside of a transaction.

        A statement that commits or rolls back by itself begins more.
        """
        row = self.connection().execute(_TRANSACTIONS_BEGUN).fetchone()
        if row is None:
            raise RuntimeError("a session without a transaction")
        return int(row[0])

    def rollback(self) -> None:
        """Roll back whatever is open; a connection that is busy or lost is closed instead."""
        if self.is_lost():
            return
        if self.status() in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
            self.connection().execute("ROLLBACK")
        elif self.status() is TransactionStatus.ACTIVE:
            self.connection().close()


def is_system(name: str) -> bool:
    """Whether a schema is PostgreSQL's own."""
    return name.startswith("pg_") or name == "information_schema"


def in_own_transaction(*messages: Message) -> tuple[Message, ...]:
    """These in a transaction of their own; in a pipeline, what is sent behind them would else be of the same one."""
    return (Message(_BEGIN), *messages, Message(b"COMMIT")) if messages else ()


def set_all(settings: Mapping[str, str]) -> sql.Composed:
    """Return the statement that sets all of them for the session that are not secrets."""
    calls = (
        sql.SQL("pg_catalog.set_config({}, {}, false)").format(sql.Literal(name), sql.Literal(value))
        for name, value in settings.items()
        if not isinstance(value, Secret)
    )
    return sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls))


def _set_apart(settings: Mapping[str, str]) -> tuple[Message, ...]:
    """Return the message that sets those that are secrets, if there are any.

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
    """The error for a session that may be other clients' as well."""
    return PooledConnection(
        "a connection pooler stands between fsapi_nb and PostgreSQL",
        details=("  In transaction mode, locks and settings of a session are shared with other clients.",),
        state="unchanged from here on.",
        hint="connect to PostgreSQL itself (another port, usually 5432); for a pooler in session mode, say --pooler session "
        'or pooler = "session" in pyproject.toml.',
    )


def shared() -> PooledConnection:
    """The error for an address where a second connection gets the lock of the first."""
    return PooledConnection(
        "a second connection to this address was given the lock that the first one holds",
        details=("  Two runners would not keep each other out.",),
        state=UNCHANGED,
        hint="connect to one PostgreSQL server itself: a pooler in transaction mode, several servers behind one name, or "
        "another product answers here.",
    )
