"""Send statements to the server without waiting for each answer, and receive the answers in order as they come.

The protocol is libpq's pipeline mode:

- Messages are answered in the order in which they were sent. `_sent` holds those in flight, oldest first.
- After an error the server skips everything up to the Sync that ends the pipeline. So a statement behind one that failed
  never runs, however far ahead it was sent.
- While a pipeline is open it owns the connection: a caller that needs the connection for anything else ends the pipeline
  first. An error, a lost connection and Ctrl-C end it, too; nothing is in flight then.
- If the connection is lost, the outcome of what was in flight is unknown to this module: the caller must look at the
  database.

COPY is not possible: libpq refuses it in a pipeline. This module does not know what the statements mean.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Container, Generator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from fsapi_nb.postgres.conversation import PQGen, Wait, fetch_many, flush, wait_for
from fsapi_nb.postgres.wait import cancel, watched
from fsapi_nb.postgres.wire import FAILED, Connection, encoding_of

_INTERVAL = 0.1

Answered = Callable[[int, PGresult], None]


class Message(NamedTuple):
    """One statement, with the text of each parameter (None is NULL).

    A statement with a `name` is prepared under it, once for each session, which saves PostgreSQL the parsing and
    planning. One that `forgets` drops all prepared statements of the session.
    """

    text: bytes
    values: Sequence[bytes | None] = ()
    name: bytes | None = None
    forgets: bool = False

    def __repr__(self) -> str:  # without the values, which may be secret
        return f"Message({self.text!r})"


@dataclass(slots=True)
class Pipeline:
    """The messages in flight on one connection. `prepared` has the names of the statements that the session keeps.

    Any method that raises ends the pipeline: nothing is in flight afterwards.
    """

    connection: Connection
    prepared: set[bytes] = field(default_factory=set)
    _expected: set[bytes] = field(default_factory=set)  # what will be prepared when everything in flight is done
    _sent: deque[Message | None] = field(default_factory=deque)  # None: the preparation of the message after it
    _open: bool = False
    _synced: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the connection is in pipeline mode, so that answers may still be in flight."""
        return self._open

    @property
    def is_ending(self) -> bool:
        """Whether the Sync was sent: nothing more can be sent before everything is answered."""
        return self._open and self._synced

    @property
    def will_keep(self) -> bool:
        """Whether the session will have prepared statements when everything in flight is done."""
        return bool(self._expected if self._open else self.prepared)

    def send(self, messages: Sequence[Message], *, awaited: Container[int] = (), last: bool = False) -> None:
        """Send messages behind those in flight, and return without waiting for answers.

        Args:
            messages: What is sent, in order.
            awaited: The indexes of messages whose answers are needed early. The server keeps other answers back until
                its buffer is full or the pipeline ends.
            last: Whether to end the pipeline behind them with a Sync, so that the server answers everything.

        Raises:
            psycopg.OperationalError: The connection is lost.
        """
        pgconn = self.connection.pgconn
        with self.connection.lock, self._left_on_failure():
            if not self._open:
                pgconn.enter_pipeline_mode()
                self._open, self._synced = True, False
                # Only now: a failed pipeline may have left names in `_expected` that were never prepared.
                self._expected = set(self.prepared)
            for number, message in enumerate(messages):
                self._hand_over(message)
                if number in awaited:
                    pgconn.send_flush_request()
            if last:
                self._sync()
            pgconn.flush()

    def receive(self, count: int, answered: Answered = lambda _, __: None) -> None:
        """Wait for the answers of the next `count` messages.

        Args:
            count: How many messages, as they were sent.
            answered: Called with each message's index, from zero, and its answer.

        Raises:
            psycopg.Error: A statement failed. The server has skipped everything behind it.
            psycopg.OperationalError: The connection is lost.
            KeyboardInterrupt: The call was interrupted; the running statement was cancelled before this is raised.
        """
        with self.connection.lock, self._left_on_failure():
            error = self._wait(self._answers(count, answered))
            if error:
                # The server skips up to the Sync, so one must be sent before the connection answers anything again.
                with contextlib.suppress(psycopg.Error):  # the statement's error counts, even if the connection is lost
                    self._finish()
                raise error

    def end(self) -> None:
        """Wait for everything in flight, and leave pipeline mode. Raises what `receive` raises."""
        if self._open:
            with self.connection.lock, self._left_on_failure():
                error = self._finish()
                if error:
                    raise error

    def abandon(self) -> None:
        """Cancel everything in flight, wait until the server has stopped, and leave pipeline mode."""
        if self._open:
            with self.connection.lock, self._left_on_failure():
                self._cancel()
                self._leave()

    def _finish(self) -> psycopg.Error | None:
        """Wait for everything in flight, leave pipeline mode, and return the first error; None if there was none."""
        self._sync()
        error = self._wait(self._rest())
        self._leave()
        return error

    def _hand_over(self, message: Message) -> None:
        """Give libpq a message, after its preparation if its name is new in this session."""
        pgconn, name = self.connection.pgconn, message.name
        if name is None:
            pgconn.send_query_params(message.text, message.values)
        else:
            if name not in self._expected:
                pgconn.send_prepare(name, message.text)
                self._expected.add(name)
                self._sent.append(None)
            pgconn.send_query_prepared(name, message.values)
        if message.forgets:
            self._expected.clear()
        self._sent.append(message)

    def _sync(self) -> None:
        if not self._synced:
            self.connection.pgconn.pipeline_sync()
            self._synced = True

    @contextlib.contextmanager
    def _left_on_failure(self) -> Generator[None]:
        """Leave pipeline mode if the block raises. Before that, an interrupt cancels everything in flight.

        If answers are left, the connection stays in pipeline mode. It is then of no use: `Session.rollback` closes it.
        """
        try:
            yield
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                self._cancel()
            self._leave()
            raise

    def _leave(self) -> None:
        self._sent.clear()
        if self._open and self.connection.pgconn.status == ConnStatus.OK:
            with contextlib.suppress(psycopg.OperationalError):  # libpq refuses while answers are left
                self.connection.pgconn.exit_pipeline_mode()
        self._open = False

    def _wait(self, conversation: PQGen[psycopg.Error | None]) -> psycopg.Error | None:
        return wait_for(watched(conversation), self.connection.pgconn.socket, interval=_INTERVAL)

    def _answers(self, count: int, answered: Answered) -> PQGen[psycopg.Error | None]:
        """Receive the answers of `count` messages; return the first error, which ends this early, else None."""
        pgconn, sent, number = self.connection.pgconn, self._sent, 0
        yield from flush(pgconn)  # `send` only filled the socket: what is left in libpq goes out now
        while number < count:
            result = yield from _next(pgconn)
            message = sent.popleft()
            if result.status in FAILED:
                return error_from_result(result, encoding_of(self.connection))
            if message is None:  # a preparation has an answer of its own, which no caller has counted
                self.prepared.add((sent[0] and sent[0].name) or b"")
                continue
            if message.forgets:
                self.prepared.clear()
            answered(number, result)
            number += 1
        return None

    def _rest(self) -> PQGen[psycopg.Error | None]:
        """Receive everything up to the Sync's answer, and return the first error; None if there was none."""
        error = yield from self._answers(len(self._sent) - self._sent.count(None), lambda _, __: None)
        pgconn = self.connection.pgconn
        yield from flush(pgconn)
        try:
            while (yield from _next(pgconn)).status != ExecStatus.PIPELINE_SYNC:
                pass  # a message that the server skipped
        except psycopg.OperationalError as lost:
            raise error or lost from None
        return error

    def _cancel(self) -> None:
        """Cancel the running statement, and wait until the server has stopped; it skips all that was sent behind it."""
        # The interrupt may have come in the middle of a conversation, which cannot be continued. So this one starts
        # with the next answer. The Sync must be sent before: without it, the end of the skipped messages never comes.
        with contextlib.suppress(psycopg.Error):
            self._sync()
        cancel(self.connection, self._drained())

    def _drained(self) -> PQGen[None]:
        """Receive and drop everything up to the Sync's answer."""
        pgconn, over = self.connection.pgconn, False
        yield from flush(pgconn)
        while not over and pgconn.transaction_status == TransactionStatus.ACTIVE:
            results = yield from fetch_many(pgconn)
            over = any(result.status == ExecStatus.PIPELINE_SYNC for result in results)


def _next(pgconn: PGconn) -> PQGen[PGresult]:
    """Receive the next answer. Raises the error with which the server ended the connection, or OperationalError."""
    # psycopg's `fetch_many` also waits for the None that ends each answer, which may come much later than the answer
    # itself. Here that None is the first of two reads before the next answer. A second None means that none comes.
    for _ in range(2):
        while pgconn.is_busy():
            if (yield Wait.R):
                pgconn.consume_input()
        result = pgconn.get_result()
        if result is not None:
            break
    else:
        raise psycopg.OperationalError("the connection is lost")
    if result.status in FAILED and pgconn.status != ConnStatus.OK:
        raise error_from_result(result)
    return result
