"""One migration: where it stands, its scripts, what would run of it, its attempts, how its file differs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.forecast import Forecast
from fsapi_nb.model.history import JournalEntry
from fsapi_nb.model.server import Identity
from fsapi_nb.model.status import Inspection, MigrationStatus
from fsapi_nb.text.command import Advice
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.views.attempts import took
from fsapi_nb.views.document import (
    SHORTENED,
    STORED,
    Document,
    Item,
    Listing,
    Medium,
    Paragraphs,
    Records,
    ResultTable,
    gap,
    paragraph,
)
from fsapi_nb.views.render.text import lines_of
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.plan import SHORT_PLAN, PlanResult

#: Of a longer script a notebook stores so many characters of the beginning; the file has it all.
_LONGEST = 4_000
_EVENTS = Fold(2, 10)


@dataclass(frozen=True, slots=True, repr=False)
class MigrationResult(Result):
    """One migration. `to_frame()` has its attempts, a row for each event of the journal.

    `forecast` says what its plan will do.
    """

    status: MigrationStatus
    inspection: Inspection
    events: tuple[JournalEntry, ...]
    identity: Identity
    forecast: Forecast | None = None

    @property
    def plan(self) -> PlanResult:
        """What would run of it, with what that will do."""
        return PlanResult(self.inspection.plan, forecast=self.forecast)

    def headline(self) -> str:
        """Return its name and where it stands."""
        note = " (" + visible_line(self.status.note) + ")" if self.status.note else ""
        return f"{visible_line(self.status.name)} is {self.status.state.value}{self._on()}" + note

    def document(self, medium: Medium = STORED) -> Document:
        """Return its problems, both scripts, the plan, the difference and the attempts.

        Of long scripts the beginning is stored, of many steps and statements the first, of many attempts the last.
        """
        problems = [line for problem in self.status.problems for line in problem.lines()]
        return Document(
            self.headline(),
            [
                Paragraphs([paragraph(line, "  " + visible(line)) for line in problems]),
                *self._listings(medium),
                *([self._attempts(medium)] if self.events else []),
            ],
            shortened=SHORTENED if medium.folded else SHORT_PLAN,
        )

    def _listings(self, medium: Medium) -> list[Listing]:
        found = self.inspection
        listings = [_script("UP", found.up, medium)] if found.up is not None else []
        listings += [_script("DOWN", found.down, medium)] if found.down is not None else []
        if found.plan:
            plan = self.plan.document(medium)
            listings.append(Listing("Next", Advice("\n").join(lines_of(plan)), whole=plan.whole))
        elif found.refusal:
            listings.append(Listing("Next", visible(found.refusal)))
        if found.difference:
            listings.append(Listing("The file differs from what ran", visible("\n".join(found.difference))))
        return listings

    def _attempts(self, medium: Medium) -> ResultTable:
        items = medium.items(
            _EVENTS,
            self.events,
            lambda event: _attempt(event, times=medium.times),
            lambda left: gap(f"… {len(left)} more", f"… {len(left)} more", "", "", "", ""),
        )
        return ResultTable(["event", "state", "message", "at", "took"], items, title="Attempts", sparse=True)

    def records(self) -> Records:
        """Return a row for each event of the journal about it."""
        columns = ["at", "event", "state", "step", "steps", "duration_ms", "role", "host", "notebook", "message"]
        return Records(columns, [tuple(getattr(event, column) for column in columns) for event in self.events])

    def facts(self) -> dict[str, Any]:
        """Return everything, the plan included."""
        return {
            **self.subject(),
            "name": self.status.name,
            "state": self.status.state.value,
            "note": self.status.note,
            "up": self.inspection.up,
            "down": self.inspection.down,
            "plan": self.plan.to_json(),
            "refusal": self.inspection.refusal,
            "difference": self.inspection.difference,
            "events": self.records(),
        }


def _script(title: str, sql: str, medium: Medium) -> Listing:
    text = visible(sql.strip("\n").replace("\r\n", "\n"))
    longest = _LONGEST if medium.folded else sys.maxsize
    if len(text) <= longest:
        return Listing(title, text, sql=True)
    return Listing(title, f"{text[:longest]}\n… {len(text) - longest} characters more", sql=True, whole=False)


def _attempt(event: JournalEntry, *, times: bool) -> Item:
    of = f" step {event.step} of {event.steps}" if event.steps and event.steps > 1 else ""
    at = f"{event.at:%Y-%m-%d %H:%M:%S}" if times else ""
    when = f"{at} {event.role}  " if times else ""
    line = f"{when}{event.event} {event.state}{of}{'  ' + event.message if event.message else ''}"
    return Item(
        [visible_line(line)], [(event.event, event.state, event.message or "", at, took(event) if times else "")]
    )
