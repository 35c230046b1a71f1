"""Where each migration stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from fsapi_nb.model.place import Problem
from fsapi_nb.model.server import Identity
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.text.command import Face, typed, typed_lines
from fsapi_nb.text.fold import WHOLE, Fold
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.results.base import Result, counted, iso
from fsapi_nb.views.results.markup import without_empty

#: A status of more migrations than this is folded to what matters.
LONGEST = 40
# In a folded one stands first what is not well, then what is not applied, then of those that are what to know, and the last.
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
_NOTED = Fold(8, 4)  # applied ones with something to be known of them
_PROBLEMS = Fold(3, 1)

Shown = TypeVar("Shown")


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
        """How many there are in each state."""
        if not self.statuses and self.lack:
            state = "pending" if self.verb == "pending" else "applied"
            return f"{visible(self.lack[0].upper() + self.lack[1:])}; nothing is {state}{self._on()}."
        if not self.statuses:
            return f"{'Nothing is pending' if self.verb == 'pending' else 'No migrations yet'}{self._on()}."
        counts = Counter(status.state for status in self.statuses)
        parts = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])
        return f"{counted(len(self.statuses), 'migration')}{self._on()}: {parts}"

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline and a line for each migration, with its problems below it."""
        width = self._width()
        return [
            self.headline(),
            *self._note_lines(),
            *(
                line
                for status in self.statuses
                for line in _lines(status, width, WHOLE, moment=_at(status, times=times))
            ),
        ]

    def brief(self) -> list[str]:
        """Of many migrations, first what is not well, then what is not applied, then the last that are."""
        width = self._width()
        return [
            self.headline(),
            *self._note_lines(),
            *self._folded(
                lambda status: _lines(status, width, _PROBLEMS),
                lambda count, state: f"  … {count} more {state.value}",
            ),
        ]

    def findings(self) -> list[str]:
        """What a check found: the lines of what is not applied, or not as it should be, as `brief` orders them."""
        found = sorted(
            (status for status in self.statuses if status.state is not State.APPLIED),
            key=lambda status: list(_BY_STATE).index(status.state),
        )
        return StatusResult(tuple(found), self.identity, self.verb, notes=self.notes).lines()[1:]

    def remarks(self) -> Sequence[str]:
        """What else to know of the folder."""
        return [typed(note, Face.NOTEBOOK) for note in self.notes]

    def _note_lines(self) -> list[str]:
        return [line for note in self.notes for line in hang(visible(note), "  ! ")]

    def _width(self) -> int:
        return max((len(status.state.value) for status in self.statuses), default=0)

    def _folded(
        self, shown: Callable[[MigrationStatus], Iterable[Shown]], left_out: Callable[[int, State], Shown]
    ) -> list[Shown]:
        """What is shown of all of a short status, and of what matters of a long one."""
        if len(self.statuses) <= LONGEST:
            return [each for status in self.statuses for each in shown(status)]
        groups: dict[State, list[MigrationStatus]] = {state: [] for state in _BY_STATE}
        noted: list[MigrationStatus] = []
        for status in self.statuses:
            (noted if status.state is State.APPLIED and status.note else groups[status.state]).append(status)
        folds = [*((group, _BY_STATE[state]) for state, group in groups.items())]
        folds.insert(-1, (noted, _NOTED))
        return [
            each
            for group, fold in folds
            for each in fold.apply(group, shown, lambda gap: left_out(len(gap), gap[0].state))
        ]

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, state, note, when, by whom and how long (milliseconds)."""
        columns = ["name", "state", "note", "applied_at", "by", "duration_ms"]
        return columns, [
            (s.name, s.state.value, s.note, s.entry and s.entry.applied_at, s.by, s.entry and s.entry.duration_ms)
            for s in self.statuses
        ]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, state and note; of many migrations those that `brief` shows."""
        rows = self._folded(lambda status: [_row(status)], lambda count, state: (f"… {count} more", state.value, ""))
        return without_empty(["migration", "state", "note"], rows)

    def to_json(self) -> dict[str, Any]:
        """The database and its migrations."""
        return {
            **self.subject(),
            "notes": [*([self.lack] if self.lack else []), *self.notes],
            "migrations": [
                {
                    "name": status.name,
                    "state": status.state.value,
                    "note": status.note,
                    "applied_at": iso(status.entry.applied_at) if status.entry else None,
                    "by": status.by,
                    "duration_ms": status.entry.duration_ms if status.entry else None,
                    "problems": ["\n".join(problem.lines()) for problem in status.problems],
                }
                for status in self.statuses
            ],
        }


def _lines(status: MigrationStatus, width: int, fold: Fold, *, moment: str = "") -> list[str]:
    # What is wrong with a broken file stands below its line, with its place.
    note = "  (" + status.note + ")" if status.note and status.state is not State.BROKEN else ""
    head = f"  {status.state.value:<{width}}  {moment}{visible_line(status.name)}" + visible_line(note)
    return [head, *("    " + visible(line) for line in _problem_lines(status, fold))]


def _row(status: MigrationStatus) -> Sequence[Any]:
    note = [status.note] if status.note else []
    return (
        status.name,
        status.state.value,
        "\n".join(typed_lines([*note, *_problem_lines(status, _PROBLEMS)], Face.NOTEBOOK)),
    )


def _problem_lines(status: MigrationStatus, fold: Fold) -> list[str]:
    return fold.apply(status.problems, Problem.lines, lambda gap: f"… {len(gap)} faults more")


def _at(status: MigrationStatus, *, times: bool) -> str:
    at = status.entry.applied_at if status.entry else None
    return "" if not times else f"{at:%Y-%m-%d %H:%M}  " if at else " " * 18
