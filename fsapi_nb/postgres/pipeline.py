"""Statements that travel to the server without waiting for one another, and their answers one by one as they come.

By libpq's pipeline mode. After an error the server passes over all that was sent behind it, up to the Sync that ends the
pipeline, so what stands behind a statement that failed never runs, however far ahead it was sent. No COPY (libpq refuses
it here). What is said is for others.
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

    With a `name` it is prepared under it, once for each session: that saves PostgreSQL parsing and planning it. One that
    `forgets` takes away all that is prepared.
    """

    text: bytes
    values: Sequence[bytes | None] = ()
    name: bytes | None = None
    forgets: bool = False

    def __repr__(self) -> str:  # without the values, which may be anybody's
        return f"Message({self.text!r})"


@dataclass(slots=True)
class Pipeline:
    """What one connection is told and has not answered yet. `prepared` are the names of the statements that it keeps.

    Whoever uses the connection otherwise calls `end` before. What is raised, OperationalError where the connection is
    lost, ends the pipeline as well: then nothing of it is under way any more.
    """

    connection: Connection
    prepared: set[bytes] = field(default_factory=set)
    _expected: set[bytes] = field(default_factory=set)  # what is prepared once all that was sent is done
    _sent: deque[Message | None] = field(default_factory=deque)  # None: the preparation of the one behind it
    _open: bool = False
    _synced: bool = False

    @property
    def is_open(self) -> bool:
        """Whether something is still to come."""
        return self._open

    @property
    def is_ending(self) -> bool:
        """Whether its end was sent, behind which nothing can be sent before all of it is answered."""
        return self._open and self._synced

    @property
    def will_keep(self) -> bool:
        """Whether the session has prepared statements when all that was sent is done."""
        return bool(self._expected if self._open else self.prepared)

    def send(self, messages: Sequence[Message], *, awaited: Container[int] = (), last: bool = False) -> None:
        """Send these behind what is under way; of those whose numbers are `awaited` the server says at once how they went.

        With `last` nothing is sent behind them: the server answers all, without being asked.
        """
        pgconn = self.connection.pgconn
        with self.connection.lock, self._left_on_failure():
            if not self._open:
                pgconn.enter_pipeline_mode()
                self._open, self._synced = True, False
                self._expected = set(self.prepared)
            for number, message in enumerate(messages):
                self._hand_over(message)
                if number in awaited:
                    pgconn.send_flush_request()
            if last:
                self._sync()
            pgconn.flush()

    def receive(self, count: int, answered: Answered = lambda _, __: None) -> None:
        """Wait for the answers of the next `count` messages; call `answered` with the number of each, and its answer.

        Raises the error of the statement that failed; OperationalError where the connection is lost; KeyboardInterrupt
        once the statement that was running is cancelled and the server has done with all.
        """
        with self.connection.lock, self._left_on_failure():
            error = self._wait(self._answers(count, answered))
            if error:
                with contextlib.suppress(psycopg.Error):  # the connection may be lost as well
                    self._finish()
                raise error

    def end(self) -> None:
        """Wait for all that is under way, and leave the pipeline. Raises as `receive` does."""
        if self._open:
            with self.connection.lock, self._left_on_failure():
                error = self._finish()
                if error:
                    raise error

    def abandon(self) -> None:
        """Cancel what runs of it, until the server has done with all."""
        if self._open:
            with self.connection.lock, self._left_on_failure():
                self._cancel()
                self._leave()

    def _finish(self) -> psycopg.Error | None:
        """Wait for the end, and leave; the first error that came on the way."""
        self._sync()
        error = self._wait(self._rest())
        self._leave()
        return error

    def _hand_over(self, message: Message) -> None:
        """Give libpq a message, and before it its preparation, where it has a name that is new."""
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
        """Leave the pipeline where something is raised; Ctrl-C first cancels what runs, until the server has done with all.

        A connection that cannot be left is closed by who rolls back.
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
            with contextlib.suppress(psycopg.OperationalError):  # answers are left
                self.connection.pgconn.exit_pipeline_mode()
        self._open = False

    def _wait(self, conversation: PQGen[psycopg.Error | None]) -> psycopg.Error | None:
        return wait_for(watched(conversation), self.connection.pgconn.socket, interval=_INTERVAL)

    def _answers(self, count: int, answered: Answered) -> PQGen[psycopg.Error | None]:
        """Receive so many answers; what ends it early is the error of one of them."""
        pgconn, sent, number = self.connection.pgconn, self._sent, 0
        yield from flush(pgconn)
        while number < count:
            result = yield from _next(pgconn)
            message = sent.popleft()
            if result.status in FAILED:
                return error_from_result(result, encoding_of(self.connection))
            if message is None:
                self.prepared.add((sent[0] and sent[0].name) or b"")
                continue
            if message.forgets:
                self.prepared.clear()
            answered(number, result)
            number += 1
        return None

    def _rest(self) -> PQGen[psycopg.Error | None]:
        """Receive all that is still to come; the first error of it."""
        error = yield from self._answers(len(self._sent) - self._sent.count(None), lambda _, __: None)
        pgconn = self.connection.pgconn
        yield from flush(pgconn)
        try:
            while (yield from _next(pgconn)).status != ExecStatus.PIPELINE_SYNC:
                pass  # it was passed over
        except psycopg.OperationalError as lost:
            raise error or lost from None
        return error

    def _cancel(self) -> None:
        """Cancel what runs until the server has done with all: what was sent behind it does not run, then."""
        # The interrupt may have come while an answer was being read, so that its conversation is not gone on with.
        with contextlib.suppress(psycopg.Error):
            self._sync()
        cancel(self.connection, self._drained())

    def _drained(self) -> PQGen[None]:
        """Receive what is still to come, and look at none of it."""
        pgconn, over = self.connection.pgconn, False
        yield from flush(pgconn)
        while not over and pgconn.transaction_status == TransactionStatus.ACTIVE:
            results = yield from fetch_many(pgconn)
            over = any(result.status == ExecStatus.PIPELINE_SYNC for result in results)


def _next(pgconn: PGconn) -> PQGen[PGresult]:
    """The next answer. Raises the error that the server ended the connection with, or OperationalError."""
    # As psycopg's `fetch_many`, which asks for the end of each answer as well: here that is met before the next.
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
