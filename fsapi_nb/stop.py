"""Stop a call from another thread or from a signal handler: every wait in the call asks whether it must end.

Python can interrupt its main thread only. So each call of a verb has a `StopSignal`, and every wait in that call
(for the server, a lock, a pause) asks it at least ten times a second. A wait that must end raises KeyboardInterrupt
once; everything after that is what a Ctrl-C does.

A signal handler may ask for a stop, so this module uses no locks: the handler may have interrupted their holder.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from fsapi_nb.errors import Interrupted
from fsapi_nb.text.tracebacks import hides_values

_INTERVAL = 0.05  # seconds between two checks in a pause

Method = TypeVar("Method", bound=Callable[..., Any])


class StopSignal:
    """The request to stop one call. `is_waiting` is true during a wait that checks the signal."""

    __slots__ = ("_asked", "_raised", "is_waiting")

    def __init__(self) -> None:
        self.is_waiting = False
        self._asked = self._raised = False

    def set(self) -> None:
        """Ask the call to stop. Any thread and any signal handler may call this."""
        self._asked = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if the call is asked to stop; only once, so that the call can clean up afterwards."""
        if self._asked and not self._raised:
            self.is_waiting, self._raised = False, True
            raise KeyboardInterrupt

    def interrupt(self) -> None:
        """Stop the call from a signal handler of its own thread: in its wait, or here if it is not waiting."""
        if self.is_waiting and not self._asked:
            self._asked = True  # the wait raises, where no C code is in the middle of a callback
        else:  # a second Ctrl-C ends a wait that does not answer to the first
            self._asked = self._raised = True
            raise KeyboardInterrupt


_SIGNAL: ContextVar[StopSignal | None] = ContextVar("stop signal", default=None)


def stop_signal() -> StopSignal | None:
    """Return the signal of the call that is under way in this thread; None outside of one."""
    return _SIGNAL.get()


def check() -> None:
    """Raise KeyboardInterrupt if the call that is under way in this thread is asked to stop."""
    signal = _SIGNAL.get()
    if signal:
        signal.check()


def pause(seconds: float) -> None:
    """Wait for so many seconds. Raises KeyboardInterrupt if the call is asked to stop."""
    signal, until = _SIGNAL.get(), time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if signal:
            # Until the first check, an interrupt raises by itself; from then on this loop does, at its next check.
            signal.check()
            signal.is_waiting = True
        time.sleep(min(left, _INTERVAL))
    if signal:
        signal.is_waiting = False


def interrupt(_number: int = 0, _frame: object = None) -> None:
    """Handle a signal of the process as a Ctrl-C. A handler for `signal.signal`, called in the main thread.

    A KeyboardInterrupt that a handler raises is lost if libpq is just delivering a notice. A wait raises it safely.
    """
    signal = _SIGNAL.get()
    if signal is None:
        raise KeyboardInterrupt
    signal.interrupt()


@contextmanager
def heeding(signal: StopSignal) -> Iterator[StopSignal]:
    """Make every wait of this thread check `signal` while the block runs."""
    token = _SIGNAL.set(signal)
    try:
        yield signal
    finally:
        _SIGNAL.reset(token)


class Calls:
    """The running calls of one object, in any threads."""

    def __init__(self) -> None:
        self._signals: set[StopSignal] = set()

    def stop(self) -> None:
        """Ask all of them to stop; a later call is not affected."""
        for signal in tuple(self._signals):  # other threads add and remove theirs meanwhile
            signal.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Register a call while the block runs. A call inside another one belongs to that one.

        Raises:
            Interrupted: The call was stopped, or interrupted by Ctrl-C.
        """
        if _SIGNAL.get() in self._signals:
            yield
            return
        signal = StopSignal()
        self._signals.add(signal)
        try:
            with heeding(signal):
                yield
        except Interrupted:
            raise
        except KeyboardInterrupt:  # a stop, or a Ctrl-C outside the waits, such as while files are read
            raise Interrupted("stopped", "no migration was running; what was not committed is rolled back.") from None
        finally:
            self._signals.discard(signal)


def stoppable(method: Method) -> Method:
    """Make a method stoppable by its object's `_calls`, which is a `Calls`."""

    @hides_values
    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self._calls.one():
            return method(self, *args, **kwargs)

    return cast("Method", call)
