"""What a run did, and what was written into the history by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.history import RowChange
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.plan import CompletedMigration, DatabaseObject
from fsapi_nb.model.schema_change import SchemaChanges
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import METADATA, Fold, stored_size
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Document, Item, Medium, Records, ResultTable, gap, notes_of
from fsapi_nb.views.results import row_change
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.notices import notice_items
from fsapi_nb.views.results.outcome import outcome_facts, outcome_items
from fsapi_nb.views.results.schema_changes import ALONE, COLUMN, changes_item, fold_of

_DONE = Fold(20, 19)
_NAMES = Fold(20, 10)
INDENT = " " * 6
_NUMBER = 24  # bytes that a number takes in a notebook's file


@dataclass(frozen=True, slots=True, repr=False)
class RunResult(Result):
    """What a run did, in order. `elapsed` is in seconds, by a monotonic clock.

    `run_id` is what the journal calls the run; None if nothing had to be done. `lack` says that the folder has no
    migration file. `schema_changes` is what all of it together has changed in the schema, None if that is known of each
    migration, or was not asked for.
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
    schema_changes: SchemaChanges | None = None

    def headline(self) -> str:
        """Return what was done, in one sentence."""
        if self.verb == "baseline" and self.done:
            instead = f" in the place of {len(self.changes)} that are retired" if self.changes else ""
            recorded = f"Recorded {counted(len(self.done), 'migration')} as applied"
            return f"{recorded}{instead}{self._on()}, running nothing."
        if self.verb == "repair":
            return f"Its DOWN is recorded{self._on()}; nothing was run."
        if self.changes:
            return f"{'. '.join(row_change.done(self.changes))}{self._on()}, running nothing."
        parts = [f"Dropped {counted(len(self.drops), 'object')}"] if self.verb == "fresh" else []
        for direction, word in ((Direction.DOWN, "Rolled back"), (Direction.UP, "Applied")):
            count = sum(1 for done in self.done if done.direction is direction)
            parts += [f"{word} {counted(count, 'migration')}"] if count else []
        if not parts:
            why = self.lack or ("everything is applied" if self.verb == "migrate" else "")
            return f"Nothing to do{self._on()}{visible(f': {why}' if why else '')}."
        return f"{'. '.join(parts)}{self._on()}."

    def document(self, medium: Medium = STORED) -> Document:
        """Return the notes, and each migration with what the server said; with times, how long each took.

        Of many migrations, and of much that the server said of one, the first and the last are stored.
        """
        changes = medium.items(
            _DONE,
            self.changes,
            lambda each: Item(
                [row_change.change_line(each)], [(row_change.change_text(each), each.kind.value, "", "", "")]
            ),
            lambda left: gap(
                f"  … {counted(len(left), 'row')} more", f"{counted(len(left), 'row')} more", "…", "", "", ""
            ),
        )
        notices = fold_of_notices(self.done)
        done = medium.items(
            _DONE,
            self.done,
            lambda each: self._item(each, notices, medium),
            lambda left: gap(f"  {_more(left)}", _more(left), "", "", "", ""),
        )
        columns = ["migration", "direction", COLUMN, "rows, notices, waits", "took"]
        table = ResultTable(columns, [*changes, *done], sparse=True)
        return Document(self.headline(), [table, *self._changed(medium)], notes_of(self.notes, medium))

    def _changed(self, medium: Medium) -> list[ResultTable]:
        """Return what the whole run has changed in the schema, if that is not known of each migration."""
        if self.schema_changes is None:
            return []
        item = changes_item(self.schema_changes, ALONE, medium, indent="")
        return [ResultTable([COLUMN], [item], title="Changed in the schema by all of them")] if item.lines else []

    def _item(self, done: CompletedMigration, fold: Fold, medium: Medium) -> Item:
        """Return its name, after what happened to it: a baseline runs nothing."""
        recorded = self.verb == "baseline"
        sign = "record " if recorded else "↑" if done.direction is Direction.UP else "↓"
        took = f"{done.elapsed * 1000:.0f} ms" if medium.times and not recorded else ""
        said = said_item(done, fold, medium)
        changed = changes_item(done.schema_changes, fold_of(len(self.done)), medium, indent=INDENT)
        direction, text = "record" if recorded else done.direction.value, said.rows[0][0]
        head = f"  {sign} {visible_line(done.name)}{f'  {took}' if took else ''}"
        row = (done.name, direction, changed.rows[0][0], text, took)
        return Item([head, *changed.lines, *said.lines], [row], said.whole and changed.whole)

    def records(self) -> Records:
        """Return a row for each migration, with milliseconds, and one for each change of a history row."""
        rows = [
            (
                done.name,
                done.direction.value,
                done.steps,
                sum(each.rows for each in done.rows),
                max((wait.attempts for wait in done.waits), default=1),
                "\n".join(done.notices),
                round(done.elapsed * 1000),
                self.run_id,
                lines_of_changes(done),
            )
            for done in self.done
        ]
        rows += [
            (row_change.change_text(each), each.kind.value, 0, 0, 0, "", 0, self.run_id, "") for each in self.changes
        ]
        columns = [
            "name",
            "direction",
            "steps",
            "rows",
            "attempts",
            "notices",
            "duration_ms",
            "run_id",
            "schema_changes",
        ]
        return Records(columns, rows)

    def metadata(self) -> dict[str, Any]:
        """Return how long it took, and how long the migrations did; of many the slowest."""
        return {
            **({"run_id": self.run_id} if self.run_id else {}),
            "elapsed_ms": round(self.elapsed * 1000),
            "durations_ms": _slowest([(done.name, round(done.elapsed * 1000)) for done in self.done]),
        }

    def facts(self) -> dict[str, Any]:
        """Return what was done, with durations."""
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
                    **outcome_facts(done),
                    "notices": list(done.notices),
                    "schema_changes": done.schema_changes.facts() if done.schema_changes else None,
                }
                for done in self.done
            ],
            "schema_changes": self.schema_changes.facts() if self.schema_changes else None,
            "elapsed_ms": round(self.elapsed * 1000),
        }


def lines_of_changes(done: CompletedMigration) -> str:
    """Return what a migration has changed in the schema, a line each."""
    return "\n".join(change.line() for change in done.schema_changes.changes) if done.schema_changes else ""


def fold_of_notices(done: Sequence[CompletedMigration]) -> Fold:
    """Return how much is stored of what the server said of each migration: of many migrations less."""
    return Fold(6, 3) if len(done) <= 4 else Fold(2, 1)


def said_item(done: CompletedMigration, fold: Fold, medium: Medium) -> Item:
    """Return what the server said of a migration, rows and waits first: its lines, indented, and its text as one cell."""
    notices = [
        *outcome_items(done, medium, fold=fold, indent=INDENT),
        *notice_items(done.notices, medium, fold=fold, indent=INDENT),
    ]
    lines = [line for notice in notices for line in notice.lines]
    text = "\n".join(cell for notice in notices for (cell,) in notice.rows)
    return Item(lines, [(text,)], all(notice.whole for notice in notices))


def _more(left: Sequence[CompletedMigration]) -> str:
    """Return how many are left out, and of how many of them the server said something."""
    speaking = sum(1 for done in left if done.notices)
    return f"… {counted(len(left), 'migration')} more" + (f", {speaking} with notices" if speaking else "")


def _slowest(durations: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Return the durations by name, in order: all that a notebook's metadata has room for, and of many the longest."""
    room, kept = METADATA, set[str]()
    for name, _ in sorted(durations, key=lambda each: -each[1]):
        room -= stored_size(name) + _NUMBER
        if room < 0:
            break
        kept.add(name)
    return {name: duration for name, duration in durations if name in kept}


@dataclass(frozen=True, slots=True, repr=False)
class RepairResult(Result):
    """What was written into the history about files that were edited, or steps that were in doubt."""

    names: tuple[str, ...]
    verb: str = "repair"
    identity: Identity | None = None

    def headline(self) -> str:
        """Return what was written about the first."""
        if not self.names:
            return f"Nothing to repair{self._on()}: the file is what was applied."
        return self._sentence(self.names[0])

    def document(self, medium: Medium = STORED) -> Document:
        """Return a sentence for each; of many the first and the last are stored."""
        items = medium.items(
            _NAMES,
            self.names,
            lambda name: Item([self._sentence(name)], [(name,)]),
            lambda left: gap(f"… {len(left)} more", f"… {len(left)} more"),
        )
        nothing = [] if self.names else [Item([self.headline()])]
        return Document(self.headline(), [ResultTable(["migration"], items or nothing)], headed=False)

    def _sentence(self, name: str) -> str:
        said = "accepted as it is now" if self.verb == "repair" else "resolved"
        return f"{visible_line(name)} {said}; this is recorded in the journal{self._on('of')}."

    def records(self) -> Records:
        """Return the names."""
        return Records(["migration"], [(name,) for name in self.names])

    def facts(self) -> dict[str, Any]:
        """Return the names."""
        return {**self.subject(), "verb": self.verb, "names": self.names}
