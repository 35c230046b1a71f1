"""What a run did, and what was written into the history by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model import (
    DatabaseObject,
    Direction,
    Done,
)
from fsapi_nb.views.escape import visible
from fsapi_nb.views.results.base import Result, counted
from fsapi_nb.views.results.markup import without_empty


@dataclass(frozen=True, slots=True, repr=False)
class RunResult(Result):
    """What a run did, in order. `elapsed` is in seconds, by a monotonic clock."""

    verb: str
    done: tuple[Done, ...]
    notes: tuple[str, ...] = ()
    elapsed: float = 0.0
    drops: tuple[DatabaseObject, ...] = ()

    def headline(self) -> str:
        """What was done, in one sentence."""
        dropped = f"Dropped {counted(len(self.drops), 'object')}. " if self.verb == "fresh" else ""
        words = {"baseline": ("Recorded", "as applied, running nothing")}
        parts = []
        for direction, word in ((Direction.DOWN, "Rolled back"), (Direction.UP, "Applied")):
            count = sum(1 for done in self.done if done.direction is direction)
            verb, rest = words.get(self.verb, (word, ""))
            parts += [f"{verb} {counted(count, 'migration')}{' ' + rest if rest else ''}."] if count else []
        if not parts and not dropped:
            return "Nothing to do: everything is applied." if self.verb == "migrate" else "Nothing to do."
        return (dropped + " ".join(parts)).strip()

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, the notes, and each migration with what the server said."""
        lines = [self.headline(), *(f"  ! {visible(note)}" for note in self.notes)]
        for done in self.done:
            sign = "↑" if done.direction is Direction.UP else "↓"
            elapsed = f"  {done.elapsed * 1000:.0f} ms" if times and self.verb != "baseline" else ""
            lines.append(f"  {sign} {visible(done.name)}{elapsed}")
            lines += [f"      {visible(notice)}" for notice in done.notices]
        return lines

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, direction, steps, notices and how long (milliseconds)."""
        columns = ["name", "direction", "steps", "notices", "duration_ms"]
        return columns, [
            (done.name, done.direction.value, done.steps, "\n".join(done.notices), round(done.elapsed * 1000))
            for done in self.done
        ]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, direction and notices."""
        columns = ["migration", "direction", "said by the server"]
        rows = [(done.name, done.direction.value, "\n".join(done.notices)) for done in self.done]
        return without_empty(columns, rows)

    def remarks(self) -> Sequence[str]:
        """The notes of the plan that ran."""
        return self.notes

    def metadata(self) -> dict[str, Any]:
        """How long it took."""
        return {
            "elapsed_ms": round(self.elapsed * 1000),
            "durations_ms": {done.name: round(done.elapsed * 1000) for done in self.done},
        }

    def to_json(self) -> dict[str, Any]:
        """What was done, with durations."""
        return {
            "verb": self.verb,
            "notes": list(self.notes),
            "dropped": [{"kind": drop.kind, "identity": drop.identity} for drop in self.drops],
            "done": [
                {
                    "name": done.name,
                    "direction": done.direction.value,
                    "steps": done.steps,
                    "duration_ms": round(done.elapsed * 1000),
                    "notices": list(done.notices),
                }
                for done in self.done
            ],
            "elapsed_ms": round(self.elapsed * 1000),
        }


@dataclass(frozen=True, slots=True, repr=False)
class RepairResult(Result):
    """What was written into the history about files that were edited, or steps that were in doubt."""

    names: tuple[str, ...]
    verb: str = "repair"

    def lines(self, *, times: bool = False) -> list[str]:
        """One sentence for each."""
        if not self.names:
            return ["Nothing to repair: the file is what was applied."]
        said = "accepted as it is now" if self.verb == "repair" else "resolved"
        return [f"{visible(name)} {said}; this is recorded in the journal." for name in self.names]

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The names."""
        return ["migration"], [(name,) for name in self.names]

    def to_json(self) -> dict[str, Any]:
        """The names."""
        return {"verb": self.verb, "names": list(self.names)}
