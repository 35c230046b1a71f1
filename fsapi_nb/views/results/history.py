"""The journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.errors import UsageError
from fsapi_nb.model.history import HistoryEntry, JournalEntry
from fsapi_nb.model.server import Identity
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.attempts import attempts, took
from fsapi_nb.views.document import STORED, Document, Item, Medium, Records, ResultTable, gap, notes_of
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.timeline import TimelineResult

_SIGNS = {"done": "✓", "resolved": "✓", "failed": "✗", "retried": "↻", "started": "…", "in doubt": "?"}
_BAR = 20  # columns of the longest bar
#: Of more events than this a notebook stores the newest.
LONGEST = 40


@dataclass(frozen=True, slots=True, repr=False)
class HistoryResult(Result):
    """The journal, oldest first, and what is applied but not in it (fsapi's own rows)."""

    events: tuple[JournalEntry, ...]
    entries: tuple[HistoryEntry, ...] = ()
    count: int | None = None
    runbook: str | None = None
    identity: Identity | None = None
    notes: tuple[str, ...] = ()

    def headline(self) -> str:
        """Return how much there is."""
        events = counted(len(self.events), "event")
        newest = f"the newest {events} of the journal" if self.count else f"{events} in the journal"
        if self.runbook is not None:
            newest += f" of the runbook's run {visible_line(self.runbook)}{self._on()}"
        else:
            newest += self._on("of")
        return f"{newest}, {counted(len(self.entries), 'migration')} applied"

    def document(self, medium: Medium = STORED) -> Document:
        """Return a block for each run with a line for each event; with times, when, where and a bar of how long.

        Of many events the newest are stored, under the numbers that their runs have in the whole journal.
        """
        folded = medium.folded and len(self.events) > LONGEST
        newest = self.events[-LONGEST:] if folded else self.events
        longest = max((event.duration_ms or 0 for event in self.events), default=0)
        items = []
        if folded:
            before = _earlier(self.events[:-LONGEST])
            items.append(gap(f"  {before}", "…", before, *[""] * 6))
        for number, events in _by_runs(newest, self._numbers()).items():
            items.append(Item(_run_lines(number, events[0], times=medium.times)))
            items += [_item(number, event, longest, medium) for event in events]
        columns = ["run", "migration", "event", "state", "step", "message", "at", "took"]
        return Document(self.headline(), [ResultTable(columns, items, sparse=True)], notes_of(self.notes, medium))

    def timeline(self, run: int | None = None) -> TimelineResult:
        """Return a picture of that run, by the number that it has here; of the last one if none is given.

        Raises UsageError if there is no such run.
        """
        runs = _by_runs(self.events, self._numbers())
        number = max(runs, default=0) if run is None else run
        if number not in runs:
            there = f"the runs here are 1 to {len(runs)}." if runs else "nothing has run yet."
            raise UsageError(f"there is no run {number} here", hint=there)
        return TimelineResult(number, attempts(runs[number]), self.identity)

    def records(self) -> Records:
        """Return everything that the journal holds of each event."""
        columns = ["at", "migration", "event", "state", "step", "steps", "duration_ms", "role", "host", "application"]
        columns += ["server_pid", "notebook", "cell", "runbook", "message", "run_id"]
        return Records(columns, [tuple(getattr(event, column) for column in columns) for event in self.events])

    def facts(self) -> dict[str, Any]:
        """Return the events, and the applied migrations."""
        applied = [(entry.name, entry.applied_at, entry.duration_ms) for entry in self.entries]
        return {
            **self.subject(),
            "events": self.records(),
            "applied": Records(["name", "applied_at", "duration_ms"], applied),
            "notes": self.notes,
        }

    def _numbers(self) -> dict[str, int]:
        """Return the runs' numbers, in the order in which they began, counted from one."""
        numbers: dict[str, int] = {}
        for event in self.events:
            numbers.setdefault(event.run_id, len(numbers) + 1)
        return numbers


def _by_runs(events: Sequence[JournalEntry], numbers: dict[str, int]) -> dict[int, list[JournalEntry]]:
    """Return the events by runs, in the order in which the runs began."""
    runs: dict[int, list[JournalEntry]] = {}
    for event in events:
        runs.setdefault(numbers[event.run_id], []).append(event)
    return runs


def _earlier(events: Sequence[JournalEntry]) -> str:
    """Return how many came before, and how many of them did not go well."""
    states = Counter(event.state for event in events)
    bad = ", ".join(f"{states[state]} {state}" for state in ("failed", "in doubt") if states[state])
    return f"… {counted(len(events), 'earlier event')}{f' ({bad})' if bad else ''}"


def _run_lines(number: int, first: JournalEntry, *, times: bool) -> list[str]:
    runbook = [f"  runbook {visible_line(first.runbook)}"] if times and first.runbook else []
    return [f"run {number}{_by_whom(first) if times else ''}", *runbook]


def _item(run: int, event: JournalEntry, longest: int, medium: Medium) -> Item:
    message = event.message or ""
    shown, bar = medium.text(message), _bar(event, longest) if medium.times else ""
    line = f"  {_SIGNS.get(event.state, '·')} {visible_line(_what(event))}{bar}{_said(shown)}"
    step = f"{event.step} of {event.steps}" if event.steps else ""
    moment = (f"{event.at:%Y-%m-%d %H:%M:%S}", took(event)) if medium.times else ("", "")
    row = (run, event.migration or "", event.event, event.state, step, message, *moment)
    return Item([line], [row], whole=shown == message)


def _said(message: str) -> str:
    """Return what the server said, behind the event; its further lines stand further in than any line of the journal."""
    return "\n".join(hang(visible(message), "  ")).replace("\n", f"\n{' ' * 4}") if message else ""


def _what(event: JournalEntry) -> str:
    of = f" step {event.step} of {event.steps}" if event.steps and event.steps > 1 else ""
    return f"{event.event:<8} {event.state:<8} {event.migration or ''}{of}"


def _by_whom(event: JournalEntry) -> str:
    where = f" on {event.host}" if event.host else ""
    cell = f" cell {event.cell}" if event.cell else ""
    notebook = f", {event.notebook}{cell}" if event.notebook else cell and f",{cell}"
    return visible_line(f"  {event.at:%Y-%m-%d %H:%M:%S}  {event.role}{where}, {event.application}{notebook}")


def _bar(event: JournalEntry, longest: int) -> str:
    """Return how long it took, in figures and as a bar beside the longest."""
    if event.duration_ms is None:
        return ""
    return f"  {event.duration_ms} ms {'▇' * max(1, round(_BAR * event.duration_ms / max(longest, 1)))}"
