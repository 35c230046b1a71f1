"""A connection of psycopg whose every wait can be stopped, from its first message on.

psycopg moves a conversation (a generator) on whenever the socket is ready, and ten times a second besides. A watched
conversation looks at the `StopSignal` then.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

import psycopg
from psycopg.pq import ConnStatus, ExecStatus, PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGconn

from fsapi_nb.postgres.conversation import OpenedByConversation, PQGen, Ready, Wait, fetch, wait_for
from fsapi_nb.stop import StopSignal, stop_signal

T = TypeVar("T")
Wanted = TypeVar("Wanted")

_INTERVAL = 0.1  # seconds
_COPYING = (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH)
_PAUSE = 0.5  # seconds between two requests to cancel: one that comes between two statements cancels nothing


class _Watched(Generator[Wanted, Any, T]):
    """A conversation that raises KeyboardInterrupt once if it is asked to stop, and can be gone on with then."""

    def __init__(self, conversation: Generator[Wanted, Any, T], signal: StopSignal) -> None:
        self._conversation = conversation
        self._signal = signal
        self._wanted: Wanted | None = None

    def __next__(self) -> Wanted:
        if self._wanted is None:
            self._signal.is_waiting = True
            self._wanted = self._moved_on(None)
        return self._wanted

    def send(self, ready: Any) -> Wanted:
        self._signal.check()
        self._wanted = self._moved_on(ready)
        return self._wanted

    def _moved_on(self, ready: Any) -> Wanted:
        try:
            return self._conversation.send(ready)
        except BaseException:
            self._signal.is_waiting = False
            raise

    def throw(self, *error: Any) -> Wanted:
        return self._conversation.throw(*error)


def watched(conversation: Generator[Wanted, Any, T]) -> Generator[Wanted, Any, T]:
    """Return the conversation as one that asks the stop signal of this thread's call, if there is one."""
    signal = stop_signal()
    return _Watched(conversation, signal) if signal else conversation


class StoppableConnection(OpenedByConversation):
    """A psycopg connection whose waits can be stopped; what was running is cancelled until the server has ended it."""

    _opened: psycopg.Connection[Any] | None = None

    @classmethod
    def adopt(cls, connection: psycopg.Connection[Any]) -> StoppableConnection:
        """Return a new object for a connection that is open; closing the one closes the other."""
        adopted = cls(connection.pgconn)
        adopted._opened = connection  # which would complain if it were gone and still open
        return adopted

    @classmethod
    def opening(cls, conversation: Any) -> Any:
        """Return the conversation as one that can be stopped, too."""
        return watched(conversation)

    def wait(self, gen: PQGen[T], interval: float = _INTERVAL, timeout: float | None = None) -> T:
        """Wait for a conversation; KeyboardInterrupt cancels it on the server first."""
        conversation: PQGen[T] = watched(gen)
        try:
            return wait_for(conversation, self.pgconn.socket, interval=interval, timeout=timeout)
        except KeyboardInterrupt:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                cancel(self, conversation)
            raise


@contextlib.contextmanager
def closed_after(connection: psycopg.Connection[Any], seconds: float) -> Iterator[Callable[[], bool]]:
    """End a connection's conversation if the block takes longer; gives a function that says whether it has."""
    late = threading.Event()
    own = socket.socket(fileno=os.dup(connection.fileno()))

    def end() -> None:
        late.set()
        with contextlib.suppress(OSError):
            own.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield late.is_set
    finally:
        timer.cancel()
        timer.join()
        own.close()


def cancel(connection: psycopg.Connection[Any], conversation: PQGen[Any]) -> None:
    """Cancel what runs, again and again until its conversation is over or the connection lost."""
    pgconn, over, is_rest = connection.pgconn, False, False
    while not over and pgconn.status == ConnStatus.OK:
        with contextlib.suppress(psycopg.Error):
            connection.cancel_safe(timeout=5.0)
        with contextlib.suppress(psycopg.Error):
            over = wait_for(_for_a_while(conversation), pgconn.socket, interval=_INTERVAL)
        if over and not is_rest and _is_answering(pgconn):
            # The KeyboardInterrupt came while the conversation was at work, and ended it before the server's last word.
            conversation, over, is_rest = _rest(pgconn), False, True


def _is_answering(pgconn: PGconn) -> bool:
    return pgconn.transaction_status == TransactionStatus.ACTIVE and pgconn.pipeline_status == PipelineStatus.OFF


def _rest(pgconn: PGconn) -> PQGen[None]:
    """Receive the results that are still to come."""
    while (result := (yield from fetch(pgconn))) is not None:
        if result.status in _COPYING:
            return  # libpq repeats this result for ever until the copy is ended


def _for_a_while(conversation: PQGen[Any]) -> Generator[Wait, Ready | int, bool]:
    """Go on with a conversation for a moment; whether it is over."""
    until = time.monotonic() + _PAUSE
    try:
        wanted = next(conversation)
        while time.monotonic() < until:
            wanted = conversation.send((yield wanted))
    except StopIteration:
        return True
    except psycopg.Error:
        return True  # it ends with the error of what was cancelled
    return False
