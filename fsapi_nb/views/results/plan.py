"""What would be done, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model import (
    DatabaseObject,
    Direction,
    Identity,
    Plan,
    Step,
)
from fsapi_nb.views.escape import visible
from fsapi_nb.views.results.base import Result, counted
from fsapi_nb.views.results.markup import said_once


@dataclass(frozen=True, slots=True, repr=False)
class PlanResult(Result):
    """What would be done: steps with their transaction mode and the reason. `to_frame()` has a row a statement."""

    plan: Plan
    identity: Identity | None = None

    @property
    def attention(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.plan)

    def headline(self) -> str:
        """What the plan comes to."""
        where = (
            f" on {self.identity.database}{' (protected)' if self.identity.protected else ''}" if self.identity else ""
        )
        if not self.plan:
            return f"Plan: nothing to do{where}."
        parts = [f"drop {counted(len(self.plan.drops), 'object')}"] if self.plan.drops else []
        for direction, word in ((Direction.DOWN, "roll back"), (Direction.UP, "apply")):
            count = sum(1 for _, each in self.plan.migrations if each is direction)
            parts += [f"{word} {counted(count, 'migration')}"] if count else []
        parts += [f"record {counted(len(self.plan.marks), 'migration')}, running nothing"] if self.plan.marks else []
        return f"Plan: {' and '.join(parts)}{where}"

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, the notes, and each step with its statements."""
        lines = [self.headline(), *(f"  ! {visible(note)}" for note in self.plan.notes)]
        lines += _drop_lines(self.plan.drops)
        lines += [f"  record  {visible(migration.name)}" for migration in self.plan.marks]
        for number, step in enumerate(self.plan.steps, 1):
            for part in step.parts:
                of = f", step {part.number + 1} of {part.of}" if part.of > 1 else ""
                lines.append(f"{number:>3}. {part.direction.value:<4} {visible(part.migration.name)}{of}")
            lines.append(f"     {step.mode.value}: {visible(step.reason)}")
            lines += statement_lines(step)
        return lines

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """A row for each statement, or for each step that has none."""
        rows: list[Sequence[Any]] = [("", "drop", drop.identity, "", "", drop.kind) for drop in self.plan.drops]
        rows += [("", "record", migration.name, "", "", "") for migration in self.plan.marks]
        for number, step in enumerate(self.plan.steps, 1):
            for part in step.parts:
                head = (number, part.direction.value, part.migration.name, f"{step.mode.value}: {step.reason}")
                rows += [(*head, s.line, s.kind) for s in part.statements] or [(*head, "", "no statement")]
        return ["step", "direction", "migration", "transaction", "line", "statement"], rows

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The table, where a step's first line alone says what holds for all of it."""
        columns, rows = self.table()
        return columns, said_once(rows, 4)

    def remarks(self) -> Sequence[str]:
        """The notes of the plan."""
        return self.plan.notes

    def to_json(self) -> dict[str, Any]:
        """The plan as it will run."""
        return {
            "verb": self.plan.verb,
            "notes": list(self.plan.notes),
            "drops": [{"kind": drop.kind, "identity": drop.identity} for drop in self.plan.drops],
            "records": [migration.name for migration in self.plan.marks],
            "steps": [
                {
                    "mode": step.mode.value,
                    "reason": step.reason,
                    "parts": [
                        {
                            "migration": part.migration.name,
                            "direction": part.direction.value,
                            "step": part.number + 1,
                            "steps": part.of,
                            "statements": [{"line": s.line, "kind": s.kind} for s in part.statements],
                        }
                        for part in step.parts
                    ],
                }
                for step in self.plan.steps
            ],
        }


def statement_lines(step: Step, most: int = 12) -> list[str]:
    """A step's statements, a line each; of many the first."""
    statements = [statement for part in step.parts for statement in part.statements]
    lines = [f"       line {statement.line:<4} {statement.kind}" for statement in statements[:most]]
    if len(statements) > most:
        lines.append(f"       … {len(statements) - most} statements more")
    return lines or ["       no statement: it is only recorded"]


def _drop_lines(drops: Sequence[DatabaseObject], most: int = 60) -> list[str]:
    lines = [f"  drop    {drop.kind} {visible(drop.identity)}" for drop in drops[:most]]
    return lines if len(drops) <= most else [*lines, f"  … {len(drops) - most} objects more"]
