"""What a run tells while it goes on: typed events in the past tense, and the observers that hear them.

The runner never prints. An observer that raises is dropped and logged, so that no view can stop a migration;
KeyboardInterrupt goes through.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from fsapi_nb.model.migration import Direction, Statement
from fsapi_nb.model.plan import Plan, Step
from fsapi_nb.model.server import NO_BLOCKAGE, Blockage, ServerProgress

_log = logging.getLogger("fsapi_nb")


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The lock is held, the plan is made, and its first step is next."""

    plan: Plan
    run_id: str


@dataclass(frozen=True, slots=True)
class LockAwaited:
    """Another runner holds the lock; `holder` says which. Told once for each change of holder."""

    holder: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins; `number` counts the plan's steps from zero."""

    step: Step
    number: int


@dataclass(frozen=True, slots=True)
class StatementStarted:
    """A statement was sent to the server."""

    migration: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class StatementWatched:
    """What a second connection saw of a step that takes longer than a moment; told again while it lasts.

    `statement` is None while the history is written or the transaction is committed. `elapsed` is in seconds.
    `progress` is the server's own, where it has one; `blockage` says whom it waits for, if it does.
    """

    migration: str
    statement: Statement | None
    elapsed: float
    progress: ServerProgress | None = None
    blockage: Blockage = NO_BLOCKAGE


@dataclass(frozen=True, slots=True)
class NoticeReceived:
    """The server said something: `severity` is NOTICE, WARNING, INFO."""

    migration: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class StepRetried:
    """A step that was undone by a lock timeout, a deadlock or a serialization failure is tried again after `pause` seconds.

    `attempts` counts those made so far.
    """

    step: Step
    number: int
    attempts: int
    pause: float
    reason: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step is committed. `elapsed` is in seconds."""

    step: Step
    number: int
    elapsed: float


@dataclass(frozen=True, slots=True)
class MigrationFinished:
    """A migration is completely applied or rolled back, and recorded. `elapsed` is in seconds."""

    migration: str
    direction: Direction
    elapsed: float


@dataclass(frozen=True, slots=True)
class RunFinished:
    """Everything in the plan is done."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class RunFailed:
    """The run ended early; `error` is what will be raised."""

    error: BaseException


Event = (
    RunStarted
    | LockAwaited
    | StepStarted
    | StatementStarted
    | StatementWatched
    | NoticeReceived
    | StepFinished
    | StepRetried
    | MigrationFinished
    | RunFinished
    | RunFailed
)
Observer = Callable[[Event], None]


class Observers:
    """The observers of one run; calling it tells all of them.

    The runner tells from its thread, what watches it from another: an observer hears one event at a time.
    """

    def __init__(self, observers: tuple[Observer, ...] = ()) -> None:
        self._observers = list(observers)
        # Reentrant: an interrupt may strike the thread that holds it, and the same thread tells of that.
        self._lock = threading.RLock()

    def __call__(self, event: Event) -> None:
        """Tell every observer, in order."""
        with self._lock:
            for observer in tuple(self._observers):
                try:
                    observer(event)
                except Exception:  # noqa: BLE001 - whatever a view does wrong, the migration goes on
                    self._observers.remove(observer)
                    _log.exception("an observer failed and is not told any more")
