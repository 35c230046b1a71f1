"""An observer that hears a run, and in the midst of it does harm: stops it, or ends its connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fsapi_nb.events import (
    Event,
    MigrationFinished,
    NoticeReceived,
    RunStarted,
    StepFinished,
    StepStarted,
)
from fsapi_nb.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at the n-th event, from zero: `interrupt`, `terminate` or `none`."""

    kind: str
    number: int


@dataclass(slots=True)
class Watch:
    """What was told of a run: its plan, how many steps were committed, at which event the fault struck, and in which step.

    A step that travels with its COMMIT may be done when its statements are told, or not yet: a fault waits until the
    server has done with what it was sent (`calm`), so that the same fault always does the same.
    """

    fault: Fault
    terminate: Callable[[], object]
    calm: Callable[[], object]
    plan: Plan | None = None
    committed: int = 0
    struck: Event | None = None
    struck_step: int = 0
    _heard: int = 0
    _open: bool = field(default=False)

    def __call__(self, event: Event) -> None:
        """Hear an event; a notice is not counted, as it may come from within the driver."""
        if isinstance(event, NoticeReceived):
            return
        self._follow(event)
        self._heard += 1
        if self.fault.kind == "none" or self._heard != self.fault.number + 1:
            return
        self.struck, self.struck_step = event, self.committed
        self.calm()
        if self.fault.kind == "interrupt":
            raise KeyboardInterrupt
        self.terminate()

    def _follow(self, event: Event) -> None:
        """A step is committed with the first of the events that say that something is finished."""
        match event:
            case RunStarted():
                self.plan = event.plan
            case StepStarted():
                self._open = True
            case MigrationFinished() | StepFinished() if self._open:
                self._open = False
                self.committed += 1
            case _:
                pass
