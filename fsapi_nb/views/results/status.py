"""Where each migration stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model import (
    Identity,
    MigrationStatus,
    State,
)
from fsapi_nb.views.escape import visible
from fsapi_nb.views.results.base import Result, counted, iso
from fsapi_nb.views.results.markup import without_empty

#: A status of more lines than this is folded to what matters.
FOLD = 40


@dataclass(frozen=True, slots=True, repr=False)
class StatusResult(Result):
    """Where each migration stands, ordered by name. `to_frame()` has a row for each."""

    statuses: tuple[MigrationStatus, ...]
    identity: Identity
    verb: str = "status"

    @property
    def attention(self) -> bool:
        """Whether something is pending, or not as it should be."""
        return any(status.state is not State.APPLIED for status in self.statuses)

    def headline(self) -> str:
        """How many there are in each state."""
        where = f"{self.identity.database}{' (protected)' if self.identity.protected else ''}"
        if not self.statuses:
            return f"Nothing is pending on {where}." if self.verb == "pending" else f"No migrations yet on {where}."
        counts = Counter(status.state for status in self.statuses)
        parts = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])
        return f"{counted(len(self.statuses), 'migration')} on {where}: {parts}"

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline and a line for each migration; of many, the applied ones before the last are folded."""
        lines = [self.headline()]
        shown = _folded(self.statuses)
        width = max((len(status.state.value) for status in shown), default=0)
        if len(shown) < len(self.statuses):
            lines.append(f"  … {len(self.statuses) - len(shown)} more applied")
        for status in shown:
            moment = ""
            if times:
                at = status.entry.applied_at if status.entry else None
                moment = f"{at:%Y-%m-%d %H:%M}  " if at else " " * 18
            # What is wrong with a broken file stands below its line, with its place.
            note = f"  ({status.note})" if status.note and status.state is not State.BROKEN else ""
            lines.append(f"  {status.state.value:<{width}}  {moment}{visible(status.name)}{visible(note)}")
            lines += [f"    {visible(line)}" for problem in status.problems for line in problem.lines()]
        return lines

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, state, note, when and how long (milliseconds)."""
        columns = ["name", "state", "note", "applied_at", "duration_ms"]
        return columns, [
            (s.name, s.state.value, s.note, s.entry and s.entry.applied_at, s.entry and s.entry.duration_ms)
            for s in self.statuses
        ]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, state and note."""
        rows: list[Sequence[Any]] = []
        for status in _folded(self.statuses):
            problems = [line for problem in status.problems for line in problem.lines()]
            rows.append(
                (status.name, status.state.value, "\n".join([*([status.note] if status.note else []), *problems]))
            )
        return without_empty(["migration", "state", "note"], rows)

    def remarks(self) -> Sequence[str]:
        """How many were folded."""
        hidden = len(self.statuses) - len(_folded(self.statuses))
        return [f"and {hidden} more that are applied; to_frame() has them all"] if hidden else []

    def to_json(self) -> dict[str, Any]:
        """The database and its migrations."""
        return {
            "database": self.identity.database,
            "protected": self.identity.protected,
            "migrations": [
                {
                    "name": status.name,
                    "state": status.state.value,
                    "note": status.note,
                    "applied_at": iso(status.entry.applied_at) if status.entry else None,
                    "duration_ms": status.entry.duration_ms if status.entry else None,
                    "problems": ["\n".join(problem.lines()) for problem in status.problems],
                }
                for status in self.statuses
            ],
        }


def _folded(statuses: Sequence[MigrationStatus]) -> Sequence[MigrationStatus]:
    """All of a short status; of a long one what is not simply applied, and the last ten that are."""
    if len(statuses) <= FOLD:
        return statuses
    last = {status.name for status in [s for s in statuses if s.state is State.APPLIED][-10:]}
    return [status for status in statuses if status.state is not State.APPLIED or status.name in last]
