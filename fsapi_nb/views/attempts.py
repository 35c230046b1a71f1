"""The tries of the steps of one run, as the journal tells of them."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fsapi_nb.model.history import JournalEntry

MILLISECOND = datetime.timedelta(milliseconds=1)
#: How an attempt that is in the journal ended: its sign, and its words.
OUTCOMES = {
    "done": ("✓", "done"),
    "resolved": ("✓", "resolved"),
    "retried": ("↻", "tried again"),
    "failed": ("✗", "failed"),
    "in doubt": ("?", "in doubt"),
    "started": ("…", "not known to have ended"),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one step: how it ended, and when it began and ended by the server's clock, as far as the journal tells."""

    migration: str | None
    event: str
    step: int
    steps: int
    outcome: str
    began: datetime.datetime
    ended: datetime.datetime
    message: str | None = None

    @property
    def of_step(self) -> tuple[str | None, str, int]:
        """What was tried: the same for each try."""
        return self.migration, self.event, self.step

    @property
    def label(self) -> str:
        """What was tried, in words."""
        of = f" step {self.step} of {self.steps}" if self.steps > 1 else ""
        return f"{self.event} {self.migration or ''}{of}".strip()

    @property
    def sign(self) -> str:
        """The sign of how it ended."""
        return OUTCOMES.get(self.outcome, ("·", ""))[0]

    @property
    def words(self) -> str:
        """How it ended, in words."""
        return OUTCOMES.get(self.outcome, ("", self.outcome))[1]

    @property
    def duration_ms(self) -> int:
        """How long it took; a pause before a new try counts with it."""
        return round((self.ended - self.began) / MILLISECOND)


def attempts(events: Sequence[JournalEntry]) -> tuple[Attempt, ...]:
    """Return the tries of one run, in order, from its events."""
    found: list[Attempt] = []
    for event in events:
        before = found[-1] if found else None
        tried = Attempt(
            event.migration,
            event.event,
            event.step or 1,
            event.steps or 1,
            event.state,
            _beginning(event, before),
            event.at,
            event.message,
        )
        if before is not None and before.outcome == "started" and before.of_step == tried.of_step:
            found[-1] = replace(tried, began=before.began)
        else:
            found.append(tried)
    return tuple(found)


def _beginning(event: JournalEntry, before: Attempt | None) -> datetime.datetime:
    """Return when the try began that the event ends: not before the last one ended, which may be all that the journal knows."""
    if event.state == "started":
        return event.at
    if event.duration_ms is None:
        return before.ended if before else event.at
    began = event.at - event.duration_ms * MILLISECOND
    return max(began, before.ended) if before else began


def took(event: JournalEntry) -> str:
    """Return how long what an event ends took, empty if the journal does not know."""
    return "" if event.duration_ms is None else f"{event.duration_ms} ms"


def by_steps(attempts: Sequence[Attempt]) -> list[list[Attempt]]:
    """Return the tries of each step, in the order of the first."""
    steps: dict[tuple[str | None, str, int], list[Attempt]] = {}
    for attempt in attempts:
        steps.setdefault(attempt.of_step, []).append(attempt)
    return list(steps.values())
