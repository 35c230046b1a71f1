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
        """A line for each event."""
        lines = [self.headline()]
        for event in self.events:
            moment = f"{event.at:%Y-%m-%d %H:%M:%S}  " if times else ""
            of = f" step {event.step} of {event.steps}" if event.steps and event.steps > 1 else ""
            elapsed = f"  {event.duration_ms} ms" if times and event.duration_ms is not None else ""
            message = f"  {event.message}" if event.message else ""
            what = f"{event.event:<8} {event.state:<8} {event.migration or ''}{of}"
            lines.append(f"  {moment}{visible(what)}{elapsed}{visible(message)}")
        return lines

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Everything that the journal holds of each event."""
        columns = ["at", "migration", "event", "state", "step", "steps", "duration_ms", "role", "host", "application"]
        columns += ["server_pid", "notebook", "message", "run_id"]
        return columns, [tuple(getattr(event, column) for column in columns) for event in self.events]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Without times, places and identities."""
        rows: list[Sequence[Any]] = [
            (e.migration or "", e.event, e.state, f"{e.step} of {e.steps}" if e.steps else "", e.message or "")
            for e in self.events
        ]
        return without_empty(["migration", "event", "state", "step", "message"], rows)

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
