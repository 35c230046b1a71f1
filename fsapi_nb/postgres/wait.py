"""A psycopg connection whose waits can all be stopped, from the first message on.

psycopg writes each exchange with the server as a generator, here called a conversation, and resumes it when the socket is
ready, and at least ten times a second. A watched conversation checks the `StopSignal` at these moments:

- The KeyboardInterrupt is raised between two steps of the conversation, so that libpq's state stays consistent and the
  conversation can be resumed.
- The statement is then cancelled on the server, and the conversation is resumed until the server has ended it. Only
  after that the interrupt reaches the caller: nothing is in flight, and the connection can be used.
- If the connection is lost meanwhile, there is nothing to cancel: the server rolls back by itself.
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


_EITHER: Any = Wait.RW


class _Watched(Generator[Wanted, Any, T]):
    """A conversation that raises KeyboardInterrupt once if it is asked to stop, and can be resumed after that."""

    def __init__(self, conversation: Generator[Wanted, Any, T], signal: StopSignal) -> None:
        self._conversation = conversation
        self._signal = signal
        self._is_started = False
        self._wanted: Wanted | None = None

    def __next__(self) -> Wanted:
        # psycopg's loop begins with next(). When an interrupted conversation is resumed by a second loop, that must not
        # start it again: it still wants what it wanted before. An interrupt may have come as it had started, and before
        # what it wants was kept here: then the loop waits for either.
        if not self._is_started:
            self._is_started = self._signal.is_waiting = True
            self._wanted = self._moved_on(None)
        return _EITHER if self._wanted is None else self._wanted

    def send(self, ready: Any) -> Wanted:
        self._signal.check()  # before the conversation moves on: `ready` is lost, but the next loop asks the socket again
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
    """Return the conversation as one that checks the stop signal of this thread's call, and can be resumed."""
    return _Watched(conversation, stop_signal() or StopSignal())


class StoppableConnection(OpenedByConversation):
    """A psycopg connection whose waits can be stopped. The running statement is cancelled, and its end is waited for."""

    _opened: psycopg.Connection[Any] | None = None

    @classmethod
    def adopt(cls, connection: psycopg.Connection[Any]) -> StoppableConnection:
        """Return a new object for an open connection. Both share libpq's connection: closing one closes the other."""
        adopted = cls(connection.pgconn)
        adopted._opened = connection  # psycopg warns if a connection is collected while it is open
        return adopted

    @classmethod
    def opening(cls, conversation: Any) -> Any:
        """Return the conversation as one that can be stopped, too."""
        return watched(conversation)

    def wait(self, gen: PQGen[T], interval: float = _INTERVAL, timeout: float | None = None) -> T:
        """Run a conversation to its end. On KeyboardInterrupt, cancel the statement on the server before raising it."""
        conversation: PQGen[T] = watched(gen)
        try:
            return wait_for(conversation, self.pgconn.socket, interval=interval, timeout=timeout)
        except KeyboardInterrupt:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                cancel(self, conversation)
            raise


@contextlib.contextmanager
def closed_after(connection: psycopg.Connection[Any], seconds: float) -> Iterator[Callable[[], bool]]:
    """End a connection if the block takes longer than `seconds`; give a function that tells whether that happened."""
    late = threading.Event()
    # The timer runs in another thread, which must not use libpq's connection meanwhile. It may shut the socket down: the
    # thread that waits for it then sees the end of the connection. The descriptor is its own: the connection's may be
    # closed, and its number given to another file, before the timer fires.
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
    """Cancel the running statement, repeatedly until its conversation has ended or the connection is lost.

    Args:
        connection: The connection on which it runs.
        conversation: What receives its answers; it is resumed until its end.
    """
    pgconn, over, is_rest = connection.pgconn, False, False
    wanted: list[Wait] = []
    while not over and pgconn.status == ConnStatus.OK:
        with contextlib.suppress(psycopg.Error):
            connection.cancel_safe(timeout=5.0)
        with contextlib.suppress(psycopg.Error):
            over = wait_for(_for_a_while(conversation, wanted), pgconn.socket, interval=_INTERVAL)
        if over and not is_rest and _is_answering(pgconn):
            # A KeyboardInterrupt inside the conversation has ended it before the server's last answer.
            conversation, over, is_rest, wanted = _rest(pgconn), False, True, []


def _is_answering(pgconn: PGconn) -> bool:
    return pgconn.transaction_status == TransactionStatus.ACTIVE and pgconn.pipeline_status == PipelineStatus.OFF


def _rest(pgconn: PGconn) -> PQGen[None]:
    """Receive and drop the remaining results."""
    while (result := (yield from fetch(pgconn))) is not None:
        if result.status in _COPYING:
            return  # libpq returns this result again and again until the copy is ended


def _for_a_while(conversation: PQGen[Any], held: list[Wait]) -> Generator[Wait, Ready | int, bool]:
    """Resume a conversation for half a second, and return whether it has ended.

    What it waits for then is kept in `held`, where the next call finds it: psycopg's own generators take nothing but an
    answer once they have begun.
    """
    until = time.monotonic() + _PAUSE
    try:
        wanted = held.pop() if held else next(conversation)
        while time.monotonic() < until:
            wanted = conversation.send((yield wanted))
    except StopIteration:
        return True
    except psycopg.Error:
        return True  # the error of the cancelled statement ends it
    held.append(wanted)
    return False
