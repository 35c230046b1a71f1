"""Where each migration stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.place import Problem
from fsapi_nb.model.server import Identity
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.text.command import Advice
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Document, Item, Medium, Records, ResultTable, gap, notes_of
from fsapi_nb.views.results.base import Result

#: A status of more migrations than this is folded to what matters.
LONGEST = 40
# A folded one begins with what is not well; then comes what is not applied, then what is applied and has a note, then
# the last.
_BY_STATE = {
    State.IN_DOUBT: Fold(8, 4),
    State.PARTLY_APPLIED: Fold(8, 4),
    State.BROKEN: Fold(8, 4),
    State.DRIFTED: Fold(8, 4),
    State.MISSING: Fold(8, 4),
    State.LATE: Fold(8, 4),
    State.PENDING: Fold(8, 4),
    State.APPLIED: Fold(0, 10),
}
_NOTED = Fold(8, 4)  # applied ones that have a note
_PROBLEMS = Fold(3, 1)


@dataclass(frozen=True, slots=True, repr=False)
class StatusResult(Result):
    """Where each migration stands, ordered by name. `to_frame()` has a row for each; `runner` is who is at work.

    `lack` says that the folder has no migration file, which is never up to date; `notes` what else to know of it.
    """

    statuses: tuple[MigrationStatus, ...]
    identity: Identity
    verb: str = "status"
    runner: str | None = None
    lack: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def attention(self) -> bool:
        """Whether something is pending, or not as it should be; a folder without a file is not."""
        return self.lack is not None or any(status.state is not State.APPLIED for status in self.statuses)

    def headline(self) -> str:
        """Return how many there are in each state."""
        if not self.statuses and self.lack:
            state = "pending" if self.verb == "pending" else "applied"
            return f"{visible(self.lack[0].upper() + self.lack[1:])}; nothing is {state}{self._on()}."
        if not self.statuses:
            return f"{'Nothing is pending' if self.verb == 'pending' else 'No migrations yet'}{self._on()}."
        counts = Counter(status.state for status in self.statuses)
        parts = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])
        return f"{counted(len(self.statuses), 'migration')}{self._on()}: {parts}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return a line for each migration, with its problems below it; with times, when it was applied.

        Of many migrations are stored first what is not well, then what is not applied, then the last that are.
        """
        table = ResultTable(["migration", "state", "note", "applied"], self._items(medium), sparse=True)
        return Document(self.headline(), [table], notes_of(self.notes, medium))

    def _items(self, medium: Medium) -> list[Item]:
        width = max((len(status.state.value) for status in self.statuses), default=0)
        if not medium.folded or len(self.statuses) <= LONGEST:
            return [_item(status, width, medium) for status in self.statuses]
        return [
            item
            for group, fold in _groups(self.statuses)
            for item in medium.items(fold, group, lambda status: _item(status, width, medium), _gap)
        ]

    def findings(self) -> list[str]:
        """Return what a check found: the lines of what is not applied, or not as it should be, what is not well first."""
        found = sorted(
            (status for status in self.statuses if status.state is not State.APPLIED),
            key=lambda status: list(_BY_STATE).index(status.state),
        )
        return StatusResult(tuple(found), self.identity, self.verb, notes=self.notes).lines()[1:]

    def records(self) -> Records:
        """Return a row for each migration, with milliseconds."""
        columns = ["name", "state", "note", "applied_at", "by", "duration_ms"]
        return Records(columns, [_record(status) for status in self.statuses])

    def facts(self) -> dict[str, Any]:
        """Return the migrations, each with its problems as text."""
        columns = [*self.records().columns, "problems"]
        rows = [(*_record(each), ["\n".join(problem.lines()) for problem in each.problems]) for each in self.statuses]
        return {
            **self.subject(),
            "notes": [*([self.lack] if self.lack else []), *self.notes],
            "migrations": Records(columns, rows),
        }


def _groups(statuses: Sequence[MigrationStatus]) -> list[tuple[list[MigrationStatus], Fold]]:
    """Return the migrations by states, in the order in which a folded status shows them, each with its fold."""
    groups: dict[State, list[MigrationStatus]] = {state: [] for state in _BY_STATE}
    noted: list[MigrationStatus] = []
    for status in statuses:
        (noted if status.state is State.APPLIED and status.note else groups[status.state]).append(status)
    folds = [(group, _BY_STATE[state]) for state, group in groups.items()]
    folds.insert(-1, (noted, _NOTED))
    return folds


def _gap(left: Sequence[MigrationStatus]) -> Item:
    state = left[0].state.value
    return gap(f"  … {len(left)} more {state}", f"… {len(left)} more", state, "", "")


def _item(status: MigrationStatus, width: int, medium: Medium) -> Item:
    # What is wrong with a broken file stands below its line, with its place.
    note = "  (" + status.note + ")" if status.note and status.state is not State.BROKEN else ""
    moment = _moment(status) if medium.times else ""
    head = f"  {status.state.value:<{width}}  {moment}{visible_line(status.name)}" + visible_line(note)
    problems = medium.fold(_PROBLEMS).apply(status.problems, Problem.lines, lambda left: f"… {len(left)} faults more")
    lines = [head, *("    " + visible(line) for line in problems)]
    if not medium.folded:
        return Item(lines)
    said = Advice("\n").join([*([status.note] if status.note else []), *problems])
    whole = len(status.problems) <= _PROBLEMS.first + _PROBLEMS.last + 1
    return Item(lines, [(status.name, status.state.value, said, moment.strip())], whole)


def _moment(status: MigrationStatus) -> str:
    return f"{status.entry.applied_at:%Y-%m-%d %H:%M}  " if status.entry else " " * 18


def _record(status: MigrationStatus) -> tuple[object, ...]:
    entry = status.entry
    applied_at, duration_ms = (entry.applied_at, entry.duration_ms) if entry else (None, None)
    return status.name, status.state.value, status.note, applied_at, status.by, duration_ms
