"""The events of a run, as typed values in the past tense, and the observers that receive them.

The runner never prints. An observer that raises is dropped and logged, so that no view can stop a migration; only
KeyboardInterrupt passes through.
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
    """A run whose lock is held and whose plan is made; the first step comes next."""

    plan: Plan
    run_id: str


@dataclass(frozen=True, slots=True)
class LockAwaited:
    """A wait for another runner's lock; `holder` describes that runner. Sent once for each change of holder."""

    holder: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    """The beginning of a step; `number` counts the plan's steps from zero."""

    step: Step
    number: int


@dataclass(frozen=True, slots=True)
class StatementStarted:
    """A statement that was sent to the server."""

    migration: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class StatementWatched:
    """A second connection's view of a step that takes longer than a moment; sent repeatedly while the step lasts.

    `statement` is None while the history is written or the transaction is committed. `elapsed` is in seconds.
    `progress` is what the server reports, if it reports any; `blockage` says which sessions the step waits for.
    """

    migration: str
    statement: Statement | None
    elapsed: float
    progress: ServerProgress | None = None
    blockage: Blockage = NO_BLOCKAGE


@dataclass(frozen=True, slots=True)
class NoticeReceived:
    """A message of the server that is not an error: `severity` is NOTICE, WARNING or INFO."""

    migration: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class StepRetried:
    """A step that a lock timeout, a deadlock or a serialization failure undid, to be tried again.

    `attempts` counts the attempts made so far; the next one begins after `pause` seconds.
    """

    step: Step
    number: int
    attempts: int
    pause: float
    reason: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A committed step. `elapsed` is in seconds."""

    step: Step
    number: int
    elapsed: float


@dataclass(frozen=True, slots=True)
class MigrationFinished:
    """A migration that is completely applied or rolled back, and recorded. `elapsed` is in seconds."""

    migration: str
    direction: Direction
    elapsed: float


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run that did everything in its plan."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class RunFailed:
    """A run that ended early; `error` is the exception that the verb raises next."""

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
    """The observers of one run; a call passes an event on to all of them.

    Events come from two threads, the runner's and that of the connection that watches it. An observer gets one event
    at a time.
    """

    def __init__(self, observers: tuple[Observer, ...] = ()) -> None:
        self._observers = list(observers)
        # Reentrant: an interrupt may hit the thread that holds the lock, and that thread then sends RunFailed.
        self._lock = threading.RLock()

    def __call__(self, event: Event) -> None:
        """Pass the event on to every observer, in order; drop and log an observer that raises."""
        with self._lock:
            for observer in tuple(self._observers):
                try:
                    observer(event)
                except Exception:  # noqa: BLE001 - a fault of a view must not stop the migration
                    self._observers.remove(observer)
                    _log.exception("an observer failed and gets no further events")
