"""What a run did, and what was written into the history by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.history import RowChange
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.plan import CompletedMigration, DatabaseObject
from fsapi_nb.model.server import Identity
from fsapi_nb.text.command import Face, typed
from fsapi_nb.text.fold import WHOLE, Fold, shorten
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.results import row_change
from fsapi_nb.views.results.base import Result, counted, slowest
from fsapi_nb.views.results.markup import without_empty

_NOTES = Fold(8, 2)
_DONE = Fold(20, 19)
_NAMES = Fold(20, 10)
_INDENT = " " * 6


@dataclass(frozen=True, slots=True, repr=False)
class RunResult(Result):
    """What a run did, in order. `elapsed` is in seconds, by a monotonic clock.

    `run_id` is what the journal calls the run; None where nothing had to be done. `lack` says that the folder has no
    migration file.
    """

    verb: str
    done: tuple[CompletedMigration, ...]
    notes: tuple[str, ...] = ()
    elapsed: float = 0.0
    drops: tuple[DatabaseObject, ...] = ()
    identity: Identity | None = None
    run_id: str | None = None
    changes: tuple[RowChange, ...] = ()
    lack: str | None = None

    def headline(self) -> str:
        """What was done, in one sentence."""
        if self.verb == "baseline" and self.done:
            instead = f" in the place of {len(self.changes)} that are retired" if self.changes else ""
            recorded = f"Recorded {counted(len(self.done), 'migration')} as applied"
            return f"{recorded}{instead}{self._on()}, running nothing."
        parts = [f"Dropped {counted(len(self.drops), 'object')}"] if self.verb == "fresh" else []
        for direction, word in ((Direction.DOWN, "Rolled back"), (Direction.UP, "Applied")):
            count = sum(1 for done in self.done if done.direction is direction)
            parts += [f"{word} {counted(count, 'migration')}"] if count else []
        if self.verb == "repair":
            return f"Its DOWN is recorded{self._on()}; nothing was run."
        if self.changes:
            return f"{'. '.join(row_change.done(self.changes))}{self._on()}, running nothing."
        if not parts:
            why = self.lack or ("everything is applied" if self.verb == "migrate" else "")
            return f"Nothing to do{self._on()}{visible(f': {why}' if why else '')}."
        return f"{'. '.join(parts)}{self._on()}."

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, the notes, and each migration with what the server said."""
        lines = [self.headline(), *(line for note in self.notes for line in hang(visible(note), "  ! "))]
        lines += row_change.lines(self.changes, WHOLE)
        for done in self.done:
            elapsed = f"  {done.elapsed * 1000:.0f} ms" if times and self.verb != "baseline" else ""
            lines += [f"{self._done_line(done)}{elapsed}", *every_notice(done)]
        return lines

    def brief(self) -> list[str]:
        """Of many migrations, and of much that the server said of one, the first and the last."""
        notices = fold_of_notices(self.done)
        return [
            self.headline(),
            *_NOTES.apply(self.notes, lambda note: hang(visible(note), "  ! "), lambda gap: f"  ! … {len(gap)} more"),
            *row_change.lines(self.changes, _DONE),
            *_DONE.apply(
                self.done,
                lambda done: [self._done_line(done), *notice_lines(done, notices)],
                lambda gap: f"  {_more(gap)}",
            ),
        ]

    def _done_line(self, done: CompletedMigration) -> str:
        """Its name, after what happened to it: a baseline runs nothing."""
        sign = "record " if self.verb == "baseline" else "↑" if done.direction is Direction.UP else "↓"
        return f"  {sign} {visible_line(done.name)}"

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, direction, steps, notices, how long (milliseconds), and the run's id."""
        columns = ["name", "direction", "steps", "notices", "duration_ms", "run_id"]
        rows: list[Sequence[Any]] = [
            (d.name, d.direction.value, d.steps, "\n".join(d.notices), round(d.elapsed * 1000), self.run_id)
            for d in self.done
        ]
        return columns, [
            *rows,
            *((text, kind, 0, "", 0, self.run_id) for kind, text in row_change.rows(self.changes, WHOLE)),
        ]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Name, direction and notices, as far as `brief` shows them."""
        notices = fold_of_notices(self.done)
        recorded = "record" if self.verb == "baseline" else None
        rows = [
            *((text, kind, "") for kind, text in row_change.rows(self.changes, _DONE)),
            *_DONE.apply(
                self.done,
                lambda done: [(done.name, recorded or done.direction.value, notice_text(done, notices))],
                lambda gap: (_more(gap), "", ""),
            ),
        ]
        return without_empty(["migration", "direction", "said by the server"], rows)

    def remarks(self) -> Sequence[str]:
        """The notes of the plan that ran."""
        return _NOTES.apply(self.notes, lambda note: [typed(note, Face.NOTEBOOK)], lambda gap: f"… {len(gap)} more")

    def metadata(self) -> dict[str, Any]:
        """How long it took, and how long the migrations did; of many the slowest."""
        return {
            **({"run_id": self.run_id} if self.run_id else {}),
            "elapsed_ms": round(self.elapsed * 1000),
            "durations_ms": slowest([(done.name, round(done.elapsed * 1000)) for done in self.done]),
        }

    def to_json(self) -> dict[str, Any]:
        """What was done, with durations."""
        return {
            "verb": self.verb,
            **self.subject(),
            "run_id": self.run_id,
            "notes": [*([self.lack] if self.lack else []), *self.notes],
            "dropped": [{"kind": drop.kind, "identity": drop.identity} for drop in self.drops],
            "changes": row_change.as_json(self.changes),
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


def fold_of_notices(done: Sequence[CompletedMigration]) -> Fold:
    """How much is shown of what the server said of each migration: of many migrations less."""
    return Fold(6, 3) if len(done) <= 4 else Fold(2, 1)


def every_notice(done: CompletedMigration) -> list[str]:
    """All that the server said of a migration, indented."""
    return [line for notice in done.notices for line in hang(visible(notice), _INDENT)]


def notice_lines(done: CompletedMigration, fold: Fold) -> list[str]:
    """What the server said of a migration, indented, as far as the fold shows it."""
    return fold.apply(
        done.notices,
        lambda notice: hang(visible(shorten(notice)), _INDENT),
        lambda gap: f"{_INDENT}… {len(gap)} notices more",
    )


def notice_text(done: CompletedMigration, fold: Fold) -> str:
    """What the server said of a migration, as one cell, as far as the fold shows it."""
    return "\n".join(
        fold.apply(done.notices, lambda notice: hang(shorten(notice)), lambda gap: f"… {len(gap)} notices more")
    )


def _more(gap: Sequence[CompletedMigration]) -> str:
    """How many are left out, and of how many of them the server said something."""
    speaking = sum(1 for done in gap if done.notices)
    return f"… {counted(len(gap), 'migration')} more" + (f", {speaking} with notices" if speaking else "")


@dataclass(frozen=True, slots=True, repr=False)
class RepairResult(Result):
    """What was written into the history about files that were edited, or steps that were in doubt."""

    names: tuple[str, ...]
    verb: str = "repair"
    identity: Identity | None = None

    def lines(self, *, times: bool = False) -> list[str]:
        """One sentence for each."""
        return self._sentences(WHOLE)

    def brief(self) -> list[str]:
        """Of many the first and the last."""
        return self._sentences(_NAMES)

    def _sentences(self, fold: Fold) -> list[str]:
        if not self.names:
            return [f"Nothing to repair{self._on()}: the file is what was applied."]
        said = "accepted as it is now" if self.verb == "repair" else "resolved"
        return fold.apply(
            self.names,
            lambda name: [f"{visible_line(name)} {said}; this is recorded in the journal{self._on('of')}."],
            lambda gap: f"… {len(gap)} more",
        )

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The names."""
        return ["migration"], [(name,) for name in self.names]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Of many names the first and the last."""
        return ["migration"], _NAMES.apply(self.names, lambda name: [(name,)], lambda gap: (f"… {len(gap)} more",))

    def to_json(self) -> dict[str, Any]:
        """The names."""
        return {**self.subject(), "verb": self.verb, "names": list(self.names)}
