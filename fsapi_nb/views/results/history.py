"""The journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model import (
    HistoryEntry,
    JournalEntry,
)
from fsapi_nb.views.escape import visible
from fsapi_nb.views.results.base import Result, counted, iso
from fsapi_nb.views.results.markup import without_empty

_SIGNS = {"done": "✓", "resolved": "✓", "failed": "✗", "retried": "↻", "started": "…", "in doubt": "?"}
_WIDTH = 20


@dataclass(frozen=True, slots=True, repr=False)
class HistoryResult(Result):
    """The journal, oldest first, and what is applied without standing in it (fsapi's own rows)."""

    events: tuple[JournalEntry, ...]
    entries: tuple[HistoryEntry, ...] = ()
    count: int | None = None

    def headline(self) -> str:
        """How much there is."""
        events = counted(len(self.events), "event")
        newest = f"the newest {events} of the journal" if self.count else f"{events} in the journal"
        return f"{newest}, {counted(len(self.entries), 'migration')} applied"

    def lines(self, *, times: bool = False) -> list[str]:
        """The timeline: a block for each run, a line for each event; with `times`, when, where and a bar of how long."""
        lines = [self.headline()]
        longest = max((event.duration_ms or 0 for event in self.events), default=0)
        for number, events in enumerate(self._runs(), 1):
            lines.append(f"run {number}{_by_whom(events[0]) if times else ''}")
            for event in events:
                bar = _bar(event, longest) if times else ""
                message = f"  {event.message}" if event.message else ""
                lines.append(f"  {_SIGNS.get(event.state, '·')} {visible(_what(event))}{bar}{visible(message)}")
        return lines

    def _runs(self) -> list[list[JournalEntry]]:
        """The events by runs, in the order in which the runs began."""
        runs: dict[str, list[JournalEntry]] = {}
        for event in self.events:
            runs.setdefault(event.run_id, []).append(event)
        return list(runs.values())

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Everything that the journal holds of each event."""
        columns = ["at", "migration", "event", "state", "step", "steps", "duration_ms", "role", "host", "application"]
        columns += ["server_pid", "notebook", "message", "run_id"]
        return columns, [tuple(getattr(event, column) for column in columns) for event in self.events]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Without times, places and identities."""
        numbers = {events[0].run_id: number for number, events in enumerate(self._runs(), 1)}
        rows: list[Sequence[Any]] = [
            (
                numbers[e.run_id],
                e.migration or "",
                e.event,
                e.state,
                f"{e.step} of {e.steps}" if e.steps else "",
                e.message or "",
            )
            for e in self.events
        ]
        return without_empty(["run", "migration", "event", "state", "step", "message"], rows)

    def to_json(self) -> dict[str, Any]:
        """The events, and the applied migrations."""
        columns, rows = self.table()
        return {
            "events": [
                {name: iso(value) if name == "at" else value for name, value in zip(columns, row, strict=True)}
                for row in rows
            ],
            "applied": [
                {"name": entry.name, "applied_at": iso(entry.applied_at), "duration_ms": entry.duration_ms}
                for entry in self.entries
            ],
        }


def _what(event: JournalEntry) -> str:
    of = f" step {event.step} of {event.steps}" if event.steps and event.steps > 1 else ""
    return f"{event.event:<8} {event.state:<8} {event.migration or ''}{of}"


def _by_whom(event: JournalEntry) -> str:
    where = f" on {event.host}" if event.host else ""
    notebook = f", {event.notebook}" if event.notebook else ""
    return visible(f"  {event.at:%Y-%m-%d %H:%M:%S}  {event.role}{where}, {event.application}{notebook}")


def _bar(event: JournalEntry, longest: int) -> str:
    """How long it took, in figures and as a bar beside the longest."""
    if event.duration_ms is None:
        return ""
    return f"  {event.duration_ms} ms {'▇' * max(1, round(_WIDTH * event.duration_ms / max(longest, 1)))}"
