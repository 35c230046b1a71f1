"""One connection for one run: opened, checked to be the right place, set up, and made clean for each file.

Knows PostgreSQL's sessions; knows nothing of migrations. Never shows a password: what it raises is new and
has no cause that holds one.
"""

from __future__ import annotations

import functools
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from fsapi_nb.database.pipeline import Answered, Message, Pipeline
from fsapi_nb.errors import (
    CannotConnect,
    ConfigurationError,
    DatabaseError,
    FsapiError,
    PooledConnection,
    ReadOnlyDatabase,
    ServerMessage,
)

Connection = psycopg.Connection[tuple[Any, ...]]
#: What opens a new connection to a database where its address alone does not do: a token for each, say.
Connector = Callable[[], Connection]

Rows = Sequence[tuple[Any, ...]]

_CONNECTION_CHECK = "client_connection_check_interval"
#: What every session of ours is set to. A killed client's query ends within a second (PostgreSQL 14 and newer),
#: an idle transaction of a paused notebook does not hold its locks for ever.
SETTINGS: Mapping[str, str] = {
    "client_encoding": "UTF8",
    _CONNECTION_CHECK: "1s",
    "idle_in_transaction_session_timeout": "60s",
    "idle_session_timeout": "0",
    "standard_conforming_strings": "on",
}
OLDEST = 140000
_FACTS = sql.SQL("""
    SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4, pg_catalog.pg_backend_pid(),
           pg_catalog.pg_is_in_recovery(),
           pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool,
           pg_catalog.current_database()::pg_catalog.text, pg_catalog.current_schema()::pg_catalog.text,
           session_user::pg_catalog.text, pg_catalog.version(), pg_catalog.current_setting('statement_timeout')
""")
# What brings a session back to how it began. RESET ALL does not reset the role; DISCARD ALL would, but it would also
# give our advisory lock away. The last two are for what ran queries or code only: they also take what we prepared.
_TIDY = (
    b"RESET SESSION AUTHORIZATION",
    b"RESET ROLE",
    b"RESET ALL",
    b"CLOSE ALL",
    b"UNLISTEN *",
    b"DISCARD TEMP",
    b"DISCARD SEQUENCES",
)
_FORGET = (b"DEALLOCATE ALL", b"DISCARD PLANS")
_FORGETTING = Message(_FORGET[0], forgets=True)
#: For the rest of a transaction, act as the role that we connected as, whatever a script has set. After it the script's
#: own SET ROLE holds again: a later step of the same file may rely on it.
OURSELVES = (
    Message(b"SET LOCAL session_authorization TO DEFAULT"),
    Message(b"SET LOCAL role TO DEFAULT"),
    Message(b"SET LOCAL client_encoding TO 'UTF8'"),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a server says of itself and of our session.

    `schema` is where unqualified tables are created; `statement_timeout` what the role or the database sets.
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


class Session:
    """A connection in autocommit mode with its facts, and the settings that each file starts with.

    `answer` holds the rows of the question that it was opened with.
    """

    def __init__(self, connection: Connection, facts: Facts, settings: Mapping[str, str], answer: Rows = ()) -> None:
        self.facts = facts
        self.settings = settings
        self.answer = answer
        self._connection = connection
        self._pipeline = Pipeline(connection)
        # How many messages go in front of those of each `send`, and how many behind; then, behind those last received.
        self._under_way: deque[tuple[int, int]] = deque()
        self._trailing = 0
        self._tidy = True

    @property
    def connection(self) -> Connection:
        """The connection, once it has nothing more to say of what it was told before."""
        self._settle()
        return self._connection

    @property
    def tidy(self) -> bool:
        """Whether the session is as it began, as far as we have seen to it."""
        self._settle()
        return self._tidy

    def touch(self) -> None:
        """From now on the session is not as it began."""
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
        """Send the messages behind what is under way: see `Pipeline.send`. `before` stands in front of them, in no
        transaction of theirs; `then` is `tidying` or `cleaning`, or nothing.

        Each call is followed by its `passed` and `receive`, in the same order. How `then` went is in `tidy`, which waits
        for all; where it did not go well, `clean` says why.
        """
        front = len(before)
        if self._pipeline.is_ending:
            self._settle()
        self._pipeline.send((*before, *messages, *then), awaited={front + number for number in awaited}, last=last)
        self._under_way.append((front, len(then)))

    def passed(self) -> bool:
        """Whether what stands in front of the messages of the next `receive` went well, once it has ended.

        Where it did not, nothing is under way any more. Raises OperationalError where the connection is lost.
        """
        try:
            self._pipeline.receive(self._trailing + self._under_way[0][0])
        except psycopg.Error:
            self._forget()
            if self.lost:
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

    def commit(self, messages: Sequence[Message]) -> None:
        """Send them in a transaction of their own, as ourselves. Raises psycopg.Error; then nothing of it is kept."""
        try:
            self.exchange(alone(*OURSELVES, *messages))
        except psycopg.Error:
            self.rollback()
            raise

    def clean(self) -> None:
        """Bring the session back to how it began, so that nothing leaks from one file into the next.

        Raises PooledConnection where the session is not the one that was opened.
        """
        self.connection.execute(b"; ".join((*_TIDY, *_FORGET, self._set_all)))
        self._pipeline.prepared.clear()
        self.check_same()
        self._tidy = True

    @functools.cached_property
    def _set_all(self) -> bytes:
        return _set_all(self.settings).as_bytes(self._connection)

    @functools.cached_property
    def cleaning(self) -> tuple[Message, ...]:
        """The same as messages."""
        return alone(*map(Message, _TIDY), _FORGETTING, Message(_FORGET[1]), Message(self._set_all))

    @functools.cached_property
    def tidying(self) -> tuple[Message, ...]:
        """The same after nothing but plain definitions: what runs no code leaves no plans."""
        return alone(*map(Message, _TIDY), Message(self._set_all, name=b"fsapi_nb settings"))

    def forgetting(self) -> tuple[Message, ...]:
        """What takes our prepared statements out of the sight of a script that can look for them; they are made again."""
        return (_FORGETTING,) if self._pipeline.will_keep else ()

    def check_same(self) -> None:
        """Raise PooledConnection unless the server process is still the one that the session began with."""
        row = self.connection.execute("SELECT pg_catalog.pg_backend_pid()").fetchone()
        if row is None or row[0] != self.facts.pid:
            raise _pooled()

    @property
    def status(self) -> TransactionStatus:
        """Whether a transaction is open, as libpq knows it."""
        return self.connection.info.transaction_status

    @property
    def lost(self) -> bool:
        """Whether the connection is gone."""
        return self.connection.closed or self.connection.broken or self.status is TransactionStatus.UNKNOWN

    def rollback(self) -> None:
        """Roll back whatever is open; a connection that is busy or lost is closed instead."""
        if self.lost:
            return
        if self.status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
            self.connection.execute("ROLLBACK")
        elif self.status is TransactionStatus.ACTIVE:
            self.connection.close()


@contextmanager
def open_session(
    place: str | Connector,
    *,
    application: str,
    settings: Mapping[str, str] | None = None,
    writing: bool = True,
    question: sql.Composable | None = None,
) -> Iterator[Session]:
    """A session on that database, closed at the end whatever happens.

    `settings` are set for every file, besides `SETTINGS`. With `writing`, a read-only place is refused. A query as the
    `question` costs no round trip: all that a session begins with is one message.
    Raises CannotConnect, ReadOnlyDatabase, PooledConnection or DatabaseError.
    """
    connection = connect(place, application)
    try:
        named = {"application_name": _application_name(application)}  # which RESET ALL takes from a connector's
        session = _begin(connection, {**SETTINGS, **named, **(settings or {})}, question)
        _check(connection, session.facts, writing=writing)
        yield session
    except psycopg.Error as error:
        raise _refused(error) from None
    finally:
        connection.close()


def alone(*messages: Message) -> tuple[Message, ...]:
    """These in a transaction of their own; in a pipeline, what is sent behind them would else be of the same one."""
    return (Message(b"BEGIN"), *messages, Message(b"COMMIT")) if messages else ()


def _begin(connection: Connection, settings: Mapping[str, str], question: sql.Composable | None) -> Session:
    """Set the session up and learn its facts; without the settings that this server's platform does not have."""
    try:
        return _set_up(connection, settings, question)
    except psycopg.errors.InvalidParameterValue:  # the check of the connection, on some platforms
        return _set_up(connection, {name: settings[name] for name in settings if name != _CONNECTION_CHECK}, question)
    except psycopg.Error:
        if not connection.closed:  # another product, or one that is too old, is told as such
            _check(connection, _facts(connection.execute(_FACTS).fetchall()), writing=False)
        raise


def _set_up(connection: Connection, settings: Mapping[str, str], question: sql.Composable | None) -> Session:
    queries = {"facts": _FACTS, "settings": _set_all_here(connection, settings)}
    if question is not None:
        queries["question"] = question
    answers = ask_together(connection, queries)
    return Session(connection, _facts(answers["facts"]), dict(settings), answers.get("question", ()))


def _facts(rows: Rows) -> Facts:
    (row,) = rows
    return Facts(*row)


def ask_together(connection: Connection, queries: Mapping[str, sql.Composable]) -> dict[str, Rows]:
    """What several queries give, which are sent as one message, and are one transaction where none is open."""
    if not queries:
        return {}
    cursor = connection.execute(sql.SQL(";\n").join(queries.values()))
    answers: dict[str, Rows] = {}
    for name in queries:
        answers[name] = cursor.fetchall()
        cursor.nextset()
    return answers


def connect(place: str | Connector, application: str) -> Connection:
    """A new connection in autocommit mode, by an address or by a connector. Raises CannotConnect, ConfigurationError."""
    return _connect_by_address(place, application) if isinstance(place, str) else _connect_by(place, application)


def _connect_by_address(dsn: str, application: str) -> Connection:
    try:
        connection = psycopg.connect(
            dsn,
            autocommit=True,
            prepare_threshold=None,
            application_name=_application_name(application),
            connect_timeout=conninfo_to_dict(dsn).get("connect_timeout") or 10,
            client_encoding="UTF8",
        )
    except psycopg.Error as error:
        raise _cannot_connect(str(error), dsn) from None
    return connection


def _connect_by(connector: Connector, application: str) -> Connection:
    """What a connector opens, made like a connection of our own: nothing that it has set or begun stays."""
    try:
        connection: object = connector()
    except FsapiError:
        raise
    except Exception as error:  # noqa: BLE001 - the user's function raises a driver's error, a cloud library's, any
        raise _cannot_connect(_redacted(error), "") from None
    if not isinstance(connection, psycopg.Connection):
        hint = "let it return psycopg.connect(...), a new connection at each call."
        raise ConfigurationError("the function for the database gave no connection of psycopg 3", hint=hint)
    try:
        connection.commit()
        connection.autocommit, connection.prepare_threshold = True, None
        connection.row_factory, connection.cursor_factory = tuple_row, psycopg.Cursor
        connection.execute(
            b"; ".join((*_TIDY, *_FORGET, b""))
            + _set_all({"application_name": _application_name(application)}).as_bytes()
        )
    except psycopg.Error as error:
        connection.close()
        raise _cannot_connect(_redacted(error), "") from None
    return connection


def _application_name(application: str) -> str:
    return application.encode("ascii", "replace").decode()[:63]


def _refused(error: psycopg.Error) -> DatabaseError:
    """The error for what PostgreSQL refused outside of a migration's own statements: our reading and recording."""
    message = server_message(error)
    code = f" [{message.sqlstate}]" if message.sqlstate else ""
    return DatabaseError(
        f"{message.message}{code}",
        details=tuple(message.lines()),
        state="what was not committed is rolled back; `status` tells where things stand.",
        hint="somebody else holds a lock: `blockers` shows who; then run again."
        if message.sqlstate == "55P03"
        else None,
    )


def _cannot_connect(message: str, dsn: str) -> CannotConnect:
    """The error for a connection that did not come about, without the password that the message might quote."""
    password = str(conninfo_to_dict(dsn).get("password") or "")
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if password:
        lines = [line.replace(password, "***") for line in lines]
    text = " ".join(lines)
    hint = "is the server running, and is this its address? DATABASE_URL, .env and pyproject.toml are looked at."
    if "password" in text:
        hint = "is the password right? It belongs into ~/.pgpass, DB_PASS or DATABASE_URL, never into a cell."
    elif "does not exist" in text:
        hint = "create it first, or correct the name."
    elif "too many" in text or "remaining connection slots" in text:
        hint = "wait until other clients have gone, and run again."
    return CannotConnect("no connection to the database", details=tuple(f"  {line}" for line in lines), hint=hint)


def _check(connection: Connection, facts: Facts, *, writing: bool) -> None:
    if "CockroachDB" in facts.product or "-YB-" in facts.product:
        raise DatabaseError(
            f"this is {facts.product.split(' v', maxsplit=1)[0]}, not PostgreSQL",
            state="nothing was run.",
            hint="its locks and transactions of DDL are not PostgreSQL's, so nothing here would be safe.",
        )
    if facts.version < OLDEST:
        raise DatabaseError(
            f"this server is PostgreSQL {facts.version // 10000}", hint="PostgreSQL 14 and newer are supported."
        )
    if connection.info.backend_pid != facts.pid:
        raise _pooled()
    if writing and facts.in_recovery:
        hint = "connect to the primary; with several hosts in the address, add target_session_attrs=read-write."
        raise ReadOnlyDatabase("this server is a read-only replica", state="nothing was run.", hint=hint)
    if writing and facts.read_only:
        hint = "somebody set default_transaction_read_only for this role or database; see \\drds in psql."
        raise ReadOnlyDatabase("sessions on this database may only read", state="nothing was run.", hint=hint)


def _pooled() -> PooledConnection:
    return PooledConnection(
        "a connection pooler stands between us and PostgreSQL",
        details=("  Locks and settings of a session are not ours there.",),
        state="nothing more was run.",
        hint="connect to PostgreSQL itself (another port, usually 5432).",
    )


def _set_all_here(connection: Connection, settings: Mapping[str, str]) -> sql.Composed:
    """The statement that sets all of them, unless a pooler's session answers, which is other clients' as well."""
    here = sql.SQL("{} WHERE pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {}")
    return here.format(_set_all(settings), sql.Literal(connection.info.backend_pid))


def _set_all(settings: Mapping[str, str]) -> sql.Composed:
    """The statement that sets all of them for the session."""
    calls = (
        sql.SQL("pg_catalog.set_config({}, {}, false)").format(sql.Literal(name), sql.Literal(value))
        for name, value in settings.items()
    )
    return sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls))


def _redacted(message: object) -> str:
    """A message without passwords; what finds them is imported for it, and not where nothing fails."""
    from fsapi_nb.script.redact import redact_line

    return redact_line(str(message))


def server_message(error: psycopg.Error) -> ServerMessage:
    """What the server said of a failure, without the echo of the statement that psycopg's text has."""
    diagnosis = error.diag
    message = diagnosis.message_primary or " ".join(str(error).split()) or type(error).__name__
    detail = redact_key(diagnosis.message_detail) if diagnosis.message_detail else None
    return ServerMessage(error.sqlstate, _redacted(message), detail, diagnosis.message_hint, diagnosis.context)


def redact_key(detail: str) -> str:
    """A DETAIL with the values starred of a key whose columns are called password: `Key (password)=(…)`."""
    return re.sub(r"(\([^)]*passw[^)]*\)=\()[^)]*(?=\))", r"\1***", detail, flags=re.IGNORECASE)
