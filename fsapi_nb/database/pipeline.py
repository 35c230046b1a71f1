"""Several statements to the server in one go, and their answers one by one as they come: one round trip in all.

By libpq's pipeline mode. A batch ends with one Sync: after an error in it the server passes over the rest, so what
stands behind a statement that failed never runs. No COPY (libpq refuses it here). What is said is for others.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Container, Generator, Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import generators, waiting
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from fsapi_nb.database.wire import FAILED, Connection, encoding_of

_PAUSE = 0.5  # seconds between two requests to cancel: one that comes between two statements cancels nothing
_INTERVAL = 0.1


@dataclass(frozen=True, slots=True)
class Message:
    """One statement, with the text of each parameter (None is NULL).

    With a `name` it is prepared under it, once for each session: that saves PostgreSQL parsing and planning it.
    """

    text: bytes
    values: Sequence[bytes | None] = field(default=(), repr=False)
    name: bytes | None = None


@dataclass(slots=True)
class _Exchange:
    """Batches under way: how many have ended, and the first error of each."""

    batches: list[list[_Sent]]
    errors: list[psycopg.Error | None] = field(init=False)
    ended: int = 0

    def __post_init__(self) -> None:
        self.errors = [None] * len(self.batches)


@dataclass(slots=True)
class Pipeline:
    """What one connection is told in one go. `prepared` are the names of the statements that it keeps prepared."""

    connection: Connection
    prepared: set[bytes] = field(default_factory=set)
    _pending: _Exchange | None = None

    def exchange(
        self,
        messages: Sequence[Message],
        *,
        answered: Callable[[int, PGresult], None] = lambda _, __: None,
        awaited: Container[int] = (),
        before: Sequence[Message] = (),
        then: Sequence[Message] = (),
    ) -> None:
        """Send the messages as one batch; call `answered` with the number of each that went well as its answer comes.

        Of those whose numbers are `awaited` the server says at once how they went, and not only when it has done with
        all. `before` and `then` are batches of their own that are sent in the same go, and run whatever becomes of the
        others. What becomes of `then` is not waited for: `settle` tells, before the connection is used again.

        Raises the error of the statement that failed; OperationalError where the connection is lost; KeyboardInterrupt
        once the statement that was running is cancelled and the server has answered all. No transaction is begun here.
        """
        self.settle()
        pgconn = self.connection.pgconn
        main = 1 if before else 0
        under_way = _Exchange(
            [list(self._expand(each)) for each in (before, messages, then) if each or each is messages]
        )
        with self.connection.lock, self._leaving():
            pgconn.enter_pipeline_mode()
            self._pending = under_way
            for number, batch in enumerate(under_way.batches):
                _send(pgconn, batch, awaited if number == main else ())
            _wait(self.connection, self._receive(under_way, main + 1, main, answered), under_way)
        refused = under_way.errors[main]
        if refused:
            self.settle()
            raise refused

    @property
    def is_pending(self) -> bool:
        """Whether something is still to come."""
        return self._pending is not None

    def settle(self) -> bool:
        """Wait for what is still to come of the last exchange; whether what was sent with it went well."""
        pending = self._pending
        if pending is None:
            return True
        with self.connection.lock, self._leaving():
            try:
                _wait(self.connection, self._receive(pending, len(pending.batches)), pending)
            except psycopg.Error as error:
                pending.errors[-1] = error
                pending.ended = len(pending.batches)
        return not any(pending.errors)

    @contextlib.contextmanager
    def _leaving(self) -> Iterator[None]:
        """Leave the pipeline where nothing more is to come; a connection that is left in it is closed by who rolls back."""
        try:
            yield
        except BaseException:
            self._leave()
            raise
        if self._pending and self._pending.ended == len(self._pending.batches):
            self._leave()

    def _leave(self) -> None:
        self._pending = None
        if self.connection.pgconn.status == ConnStatus.OK:
            with contextlib.suppress(psycopg.OperationalError):  # answers are left
                self.connection.pgconn.exit_pipeline_mode()

    def _expand(self, messages: Sequence[Message]) -> Generator[_Sent]:
        """The messages, each that must be prepared first behind its preparation."""
        known = set(self.prepared)
        for number, message in enumerate(messages):
            if message.name is not None and message.name not in known:
                known.add(message.name)
                yield _Sent(None, message)
            yield _Sent(number, message)

    def _receive(
        self,
        exchange: _Exchange,
        end: int,
        main: int | None = None,
        answered: Callable[[int, PGresult], None] = lambda _, __: None,
    ) -> PQGen[None]:
        """Receive the answers of the batches up to `end`; those of the `main` one are told."""
        pgconn = self.connection.pgconn
        yield from generators.send(pgconn)
        while exchange.ended < end:
            which = exchange.ended
            for sent in exchange.batches[which]:
                result = yield from _next(pgconn, exchange.errors[which])
                if result.status == ExecStatus.PIPELINE_ABORTED:
                    continue
                if result.status in FAILED:
                    error = exchange.errors[which] or error_from_result(result, encoding_of(self.connection))
                    exchange.errors[which] = error
                elif sent.number is None and sent.message.name is not None:
                    self.prepared.add(sent.message.name)
                elif sent.number is not None and which == main:
                    answered(sent.number, result)
            yield from _next(pgconn, exchange.errors[which])
            exchange.ended += 1


@dataclass(frozen=True, slots=True)
class _Sent:
    """One request as libpq has it: the message's number, None for the preparation of the one that follows."""

    number: int | None
    message: Message


def _send(pgconn: PGconn, batch: Sequence[_Sent], awaited: Container[int]) -> None:
    """Hand the batch to libpq, which sends what the socket takes."""
    for sent in batch:
        message = sent.message
        if message.name is None:
            pgconn.send_query_params(message.text, message.values)
        elif sent.number is None:
            pgconn.send_prepare(message.name, message.text)
        else:
            pgconn.send_query_prepared(message.name, message.values)
        if sent.number in awaited:
            pgconn.send_flush_request()
    pgconn.pipeline_sync()


def _next(pgconn: PGconn, error: psycopg.Error | None) -> PQGen[PGresult]:
    """The next answer. Raises the error that the server ended the connection with, or OperationalError."""
    try:
        results: list[PGresult] = yield from generators.fetch_many(pgconn)
    except psycopg.OperationalError as lost:
        raise error or lost from None
    if not results:
        raise error or psycopg.OperationalError("the connection is lost")
    if results[-1].status in FAILED and pgconn.status != ConnStatus.OK:
        raise error or error_from_result(results[-1])
    return results[-1]


def _wait(connection: Connection, conversation: PQGen[None], found: _Exchange) -> None:
    """Wait until the conversation is over; Ctrl-C cancels what runs, until the server has answered all."""
    pgconn = connection.pgconn
    try:
        waiting.wait(conversation, pgconn.socket, interval=_INTERVAL)
    except KeyboardInterrupt:
        # It may have come while an answer was being read, so that conversation is not gone on with.
        rest, over = _drain(pgconn, found), False
        while not over and pgconn.status == ConnStatus.OK:
            with contextlib.suppress(psycopg.Error):
                connection.cancel_safe(timeout=5.0)
            with contextlib.suppress(psycopg.Error):
                over = waiting.wait(_for_a_while(rest), pgconn.socket, interval=_INTERVAL)
        raise


def _drain(pgconn: PGconn, found: _Exchange) -> PQGen[None]:
    """Receive what is still to come, and look at none of it."""
    yield from generators.send(pgconn)
    while found.ended < len(found.errors) and pgconn.transaction_status == TransactionStatus.ACTIVE:
        results = yield from generators.fetch_many(pgconn)
        found.ended += any(result.status == ExecStatus.PIPELINE_SYNC for result in results)


def _for_a_while(conversation: PQGen[None]) -> Generator[Wait, Ready | int, bool]:
    """Go on with a conversation for a moment; whether it is over."""
    until = time.monotonic() + _PAUSE
    try:
        wanted = next(conversation)
        while time.monotonic() < until:
            wanted = conversation.send((yield wanted))
    except StopIteration:
        return True
    return False
