"""What would be done, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.forecast import Forecast
from fsapi_nb.model.history import RowChange
from fsapi_nb.model.migration import Direction, Migration
from fsapi_nb.model.plan import DatabaseObject, Plan, Step
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Document, Item, Medium, Records, ResultTable, gap, notes_of
from fsapi_nb.views.results import row_change
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.steps import COLUMNS, step_items, step_rows

_OBJECTS = Fold(20, 5)


@dataclass(frozen=True, slots=True, repr=False)
class PlanResult(Result):
    """What would be done: steps with their transaction mode and the reason. `to_frame()` has a row a statement.

    `warnings` are what to know of the database, whatever is planned. `forecast` says what the plan will do there; None
    if it was not asked for.
    """

    plan: Plan
    identity: Identity | None = None
    lack: str | None = None
    warnings: tuple[str, ...] = ()
    forecast: Forecast | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before saying yes."""
        return (*self.plan.notes, *self.warnings)

    @property
    def attention(self) -> bool:
        """Whether there is anything to do; a folder without a file cannot tell."""
        return bool(self.plan) or self.lack is not None

    @property
    def takes_data(self) -> bool:
        """Whether the plan takes data away, even what it copies before, or if that is not known."""
        return bool(self.plan) and (self.forecast is None or self.forecast.destroys)

    def headline(self) -> str:
        """Return what the plan comes to."""
        if not self.plan:
            return f"Plan: nothing to do{self._on()}{visible(f': {self.lack}' if self.lack else '')}."
        parts = [f"drop {counted(len(self.plan.drops), 'object')}"] if self.plan.drops else []
        for direction, word in ((Direction.DOWN, "roll back"), (Direction.UP, "apply")):
            count = sum(1 for _, each in self.plan.migrations if each is direction)
            parts += [f"{word} {counted(count, 'migration')}"] if count else []
        parts += row_change.planned(self.plan.changes)
        parts += (
            [f"record {counted(len(self.plan.to_record), 'migration')}, running nothing"] if self.plan.to_record else []
        )
        parts += [f"record {counted(len(self.plan.amends), 'DOWN')}, running nothing"] if self.plan.amends else []
        return f"Plan: {' and '.join(parts)}{self._on()}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return what is dropped and recorded, and each step with its statements."""
        table = ResultTable(COLUMNS, self._items(medium), sparse=True, said_once=4)
        return Document(self.headline(), [table], notes_of(self.notes, medium))

    def _items(self, medium: Medium) -> list[Item]:
        plan = self.plan
        return [
            *medium.items(_OBJECTS, plan.drops, _drop, lambda left: _gap(left, "object", "drop")),
            *medium.items(_OBJECTS, plan.changes, _change, _gap_of_changes),
            *medium.items(_OBJECTS, plan.to_record, _mark, lambda left: _gap(left, "migration", "record")),
            *step_items(plan.steps, medium, _head),
        ]

    def findings(self) -> list[str]:
        """Return what a check found: all that there is to do."""
        return self.lines()[1:]

    def records(self) -> Records:
        """Return a row for each statement, or for each step that has none."""
        before = [*map(_drop, self.plan.drops), *map(_change, self.plan.changes), *map(_mark, self.plan.to_record)]
        return Records(COLUMNS, [*(row for item in before for row in item.rows), *step_rows(self.plan.steps)])

    def facts(self) -> dict[str, Any]:
        """Return the plan as it will run."""
        return {
            **self.subject(),
            "verb": self.plan.verb,
            "notes": [*([self.lack] if self.lack else []), *self.notes],
            "drops": [{"kind": drop.kind, "identity": drop.identity} for drop in self.plan.drops],
            "changes": row_change.as_json(self.plan.changes),
            "records": [migration.name for migration in self.plan.to_record],
            "records_down": [part.migration.name for part in self.plan.amends],
            "steps": [_step_json(step) for step in self.plan.steps],
        }


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "mode": step.mode.value,
        "reason": step.reason,
        "parts": [
            {
                "migration": part.migration.name,
                "direction": part.direction.value,
                "step": part.number + 1,
                "steps": part.of,
                "statements": [{"line": s.line, "kind": s.traits.kind} for s in part.statements],
                "checks": [{"line": c.statement.line, "title": c.title} for c in part.checks],
            }
            for part in step.parts
        ],
    }


def _head(number: int, step: Step) -> list[str]:
    """Return the lines above a step's statements: what it runs of which migration, and how."""
    lines = []
    for part in step.parts:
        of = f", step {part.number + 1} of {part.of}" if part.of > 1 else ""
        lines.append(f"{number:>3}. {part.direction.value:<4} {visible_line(part.migration.name)}{of}")
    return [*lines, f"     {step.mode.value}: {visible(step.reason)}"]


def _drop(drop: DatabaseObject) -> Item:
    line = f"  drop    {drop.kind} {visible_line(drop.identity)}"
    return Item([line], [("", "drop", drop.identity, "", "", drop.kind)])


def _change(change: RowChange) -> Item:
    row = ("", change.kind.value, row_change.change_text(change), "", "", "")
    return Item([row_change.change_line(change)], [row])


def _mark(migration: Migration) -> Item:
    return Item([f"  record  {visible_line(migration.name)}"], [("", "record", migration.name, "", "", "")])


def _gap(left: Sequence[object], noun: str, verb: str) -> Item:
    return gap(f"  … {counted(len(left), noun)} more", "", verb, f"… {len(left)} more", "", "", "")


def _gap_of_changes(left: Sequence[RowChange]) -> Item:
    rows = f"{counted(len(left), 'row')} more"
    return gap(f"  … {rows}", "", "…", rows, "", "", "")
