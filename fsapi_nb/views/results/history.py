"""The journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.errors import UsageError
from fsapi_nb.model.history import HistoryEntry, JournalEntry
from fsapi_nb.model.server import Identity
from fsapi_nb.text.command import Face, typed
from fsapi_nb.text.fold import shorten
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.results.base import Result, counted, iso
from fsapi_nb.views.results.markup import without_empty
from fsapi_nb.views.results.timeline import TimelineResult, attempts

_SIGNS = {"done": "✓", "resolved": "✓", "failed": "✗", "retried": "↻", "started": "…", "in doubt": "?"}
_WIDTH = 20
#: Of more events than this a notebook shows the newest.
LONGEST = 40


@dataclass(frozen=True, slots=True, repr=False)
class HistoryResult(Result):
    """The journal, oldest first, and what is applied without standing in it (fsapi's own rows)."""

    events: tuple[JournalEntry, ...]
    entries: tuple[HistoryEntry, ...] = ()
    count: int | None = None
    runbook: str | None = None
    identity: Identity | None = None
    notes: tuple[str, ...] = ()

    def headline(self) -> str:
        """How much there is."""
        events = counted(len(self.events), "event")
        newest = f"the newest {events} of the journal" if self.count else f"{events} in the journal"
        if self.runbook is not None:
            newest += f" of the runbook's run {visible_line(self.runbook)}{self._on()}"
        else:
            newest += self._on("of")
        return f"{newest}, {counted(len(self.entries), 'migration')} applied"

    def lines(self, *, times: bool = False) -> list[str]:
        """The timeline: a block for each run, a line for each event; with `times`, when, where and a bar of how long."""
        lines = [self.headline(), *self._note_lines()]
        longest = max((event.duration_ms or 0 for event in self.events), default=0)
        for number, events in _by_runs(self.events, self._numbers()).items():
            lines.append(f"run {number}{_by_whom(events[0]) if times else ''}")
            lines += _from_runbook(events[0]) if times else []
            lines += [_event_line(event, event.message, bar=_bar(event, longest) if times else "") for event in events]
        return lines

    def brief(self) -> list[str]:
        """Of many events the newest, under the numbers that their runs have."""
        newest, before = self._newest()
        lines = [self.headline(), *self._note_lines(), *([f"  {before}"] if before else [])]
        for number, events in _by_runs(newest, self._numbers()).items():
            lines.append(f"run {number}")
            lines += [_event_line(event, shorten(event.message or "")) for event in events]
        return lines

    def remarks(self) -> Sequence[str]:
        """What else to know of the database."""
        return [typed(note, Face.NOTEBOOK) for note in self.notes]

    def _note_lines(self) -> list[str]:
        return [line for note in self.notes for line in hang(visible(note), "  ! ")]

    def _newest(self) -> tuple[Sequence[JournalEntry], str]:
        """The events that a notebook shows, and what there is before them."""
        if len(self.events) <= LONGEST:
            return self.events, ""
        return self.events[-LONGEST:], _earlier(self.events[:-LONGEST])

    def _numbers(self) -> dict[str, int]:
        """The runs by the order in which they began, counted from one."""
        numbers: dict[str, int] = {}
        for event in self.events:
            numbers.setdefault(event.run_id, len(numbers) + 1)
        return numbers

    def timeline(self, run: int | None = None) -> TimelineResult:
        """A picture of that run, by the number that it has here; of the last one where none is said.

        Raises UsageError where there is no such run.
        """
        runs = _by_runs(self.events, self._numbers())
        number = max(runs, default=0) if run is None else run
        if number not in runs:
            there = f"the runs here are 1 to {len(runs)}." if runs else "nothing has run yet."
            raise UsageError(f"there is no run {number} here", hint=there)
        return TimelineResult(number, attempts(runs[number]), self.identity)

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Everything that the journal holds of each event."""
        columns = ["at", "migration", "event", "state", "step", "steps", "duration_ms", "role", "host", "application"]
        columns += ["server_pid", "notebook", "cell", "runbook", "message", "run_id"]
        return columns, [tuple(getattr(event, column) for column in columns) for event in self.events]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The newest events, without times, places and identities."""
        numbers = self._numbers()
        newest, before = self._newest()
        rows: list[Sequence[Any]] = [("…", before, "", "", "", "")] if before else []
        rows += [
            (
                numbers[e.run_id],
                e.migration or "",
                e.event,
                e.state,
                f"{e.step} of {e.steps}" if e.steps else "",
                e.message or "",
            )
            for e in newest
        ]
        return without_empty(["run", "migration", "event", "state", "step", "message"], rows)

    def to_json(self) -> dict[str, Any]:
        """The events, and the applied migrations."""
        columns, rows = self.table()
        return {
            **self.subject(),
            "events": [
                {name: iso(value) if name == "at" else value for name, value in zip(columns, row, strict=True)}
                for row in rows
            ],
            "applied": [
                {"name": entry.name, "applied_at": iso(entry.applied_at), "duration_ms": entry.duration_ms}
                for entry in self.entries
            ],
            "notes": list(self.notes),
        }


def _by_runs(events: Sequence[JournalEntry], numbers: dict[str, int]) -> dict[int, list[JournalEntry]]:
    """The events by runs, in the order in which the runs began."""
    runs: dict[int, list[JournalEntry]] = {}
    for event in events:
        runs.setdefault(numbers[event.run_id], []).append(event)
    return runs


def _earlier(events: Sequence[JournalEntry]) -> str:
    """How many came before, and how many of them did not go well."""
    states = Counter(event.state for event in events)
    bad = ", ".join(f"{states[state]} {state}" for state in ("failed", "in doubt") if states[state])
    return f"… {counted(len(events), 'earlier event')}{f' ({bad})' if bad else ''}"


def _event_line(event: JournalEntry, message: str | None, *, bar: str = "") -> str:
    return f"  {_SIGNS.get(event.state, '·')} {visible_line(_what(event))}{bar}{_said(message)}"


def _said(message: str | None) -> str:
    """What the server said, behind the event; its further lines stand further in than any line of the journal."""
    return "\n".join(hang(visible(message), "  ")).replace("\n", f"\n{' ' * 4}") if message else ""


def _what(event: JournalEntry) -> str:
    of = f" step {event.step} of {event.steps}" if event.steps and event.steps > 1 else ""
    return f"{event.event:<8} {event.state:<8} {event.migration or ''}{of}"


def _by_whom(event: JournalEntry) -> str:
    where = f" on {event.host}" if event.host else ""
    cell = f" cell {event.cell}" if event.cell else ""
    notebook = f", {event.notebook}{cell}" if event.notebook else cell and f",{cell}"
    return visible_line(f"  {event.at:%Y-%m-%d %H:%M:%S}  {event.role}{where}, {event.application}{notebook}")


def _from_runbook(event: JournalEntry) -> list[str]:
    return [f"  runbook {visible_line(event.runbook)}"] if event.runbook else []


def _bar(event: JournalEntry, longest: int) -> str:
    """How long it took, in figures and as a bar beside the longest."""
    if event.duration_ms is None:
        return ""
    return f"  {event.duration_ms} ms {'▇' * max(1, round(_WIDTH * event.duration_ms / max(longest, 1)))}"
