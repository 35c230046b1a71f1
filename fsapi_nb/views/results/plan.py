"""What would be done, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.migration import Direction, Migration, Statement
from fsapi_nb.model.plan import DatabaseObject, Plan, Step, StepPart
from fsapi_nb.model.server import Identity
from fsapi_nb.text.command import Face, typed
from fsapi_nb.text.fold import WHOLE, Fold
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.results import row_change
from fsapi_nb.views.results.base import Result, counted
from fsapi_nb.views.results.markup import said_once, without_empty

_NOTES = Fold(8, 2)
_OBJECTS = Fold(20, 5)
_STEPS = Fold(16, 7)
_ALIKE = 20  # statements that repeat one kind, or a few in turn, up to which each has its line on a terminal
_IN_TURN = 4  # kinds of statements that may take turns in what counts as a repetition
_STATEMENTS = 96  # of all steps that are shown, together


@dataclass(frozen=True, slots=True, repr=False)
class PlanResult(Result):
    """What would be done: steps with their transaction mode and the reason. `to_frame()` has a row a statement.

    `warnings` are what to know of the database, whatever is planned.
    """

    plan: Plan
    identity: Identity | None = None
    lack: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know before saying yes."""
        return (*self.plan.notes, *self.warnings)

    @property
    def attention(self) -> bool:
        """Whether there is anything to do; a folder without a file cannot tell."""
        return bool(self.plan) or self.lack is not None

    def headline(self) -> str:
        """What the plan comes to."""
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

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline, the notes, and each step with its statements."""
        steps = enumerate(self.plan.steps, 1)
        return [
            *self._opening(WHOLE, WHOLE),
            *(line for number, step in steps for line in [*_step_lines(number, step), *statement_lines(step, WHOLE)]),
        ]

    def brief(self) -> list[str]:
        """Of many steps the first and the last, and of each step its first statements."""
        statements = fold_of_statements(self.plan.steps)
        steps = _STEPS.apply(
            list(enumerate(self.plan.steps, 1)),
            lambda each: [*_step_lines(*each), *statement_lines(each[1], statements)],
            lambda gap: f"     … {len(gap)} steps more",
        )
        return [*self._opening(_NOTES, _OBJECTS), *steps]

    def findings(self) -> list[str]:
        """What a check found: all that there is to do."""
        return self.lines()[1:]

    def _opening(self, notes: Fold, objects: Fold) -> list[str]:
        """What stands before the steps."""
        return [
            self.headline(),
            *notes.apply(self.notes, lambda note: hang(visible(note), "  ! "), lambda gap: f"  ! … {len(gap)} more"),
            *objects.apply(self.plan.drops, _drop_lines, lambda gap: f"  … {len(gap)} objects more"),
            *row_change.lines(self.plan.changes, objects),
            *objects.apply(self.plan.to_record, _mark_lines, lambda gap: f"  … {len(gap)} migrations more"),
        ]

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """A row for each statement, or for each step that has none."""
        return _COLUMNS, self._rows(WHOLE, WHOLE, WHOLE)

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The part of the table that `brief` shows, where a step's first line alone says what holds for all of it."""
        rows = said_once(self._rows(_OBJECTS, _STEPS, fold_of_statements(self.plan.steps)), 4)
        return without_empty(_COLUMNS, rows)

    def _rows(self, objects: Fold, steps: Fold, statements: Fold) -> list[Sequence[Any]]:
        return [
            *objects.apply(self.plan.drops, _drop_rows, lambda gap: ("", "drop", f"… {len(gap)} more", "", "", "")),
            *(("", kind, text, "", "", "") for kind, text in row_change.rows(self.plan.changes, objects)),
            *objects.apply(
                self.plan.to_record, _mark_rows, lambda gap: ("", "record", f"… {len(gap)} more", "", "", "")
            ),
            *steps.apply(
                list(enumerate(self.plan.steps, 1)),
                lambda each: _step_rows(*each, statements),
                lambda gap: ("…", "", f"… {len(gap)} steps more", "", "", ""),
            ),
        ]

    def remarks(self) -> Sequence[str]:
        """The notes of the plan."""
        return _NOTES.apply(self.notes, lambda note: [typed(note, Face.NOTEBOOK)], lambda gap: f"… {len(gap)} more")

    def to_json(self) -> dict[str, Any]:
        """The plan as it will run."""
        return {
            **self.subject(),
            "verb": self.plan.verb,
            "notes": [*([self.lack] if self.lack else []), *self.notes],
            "drops": [{"kind": drop.kind, "identity": drop.identity} for drop in self.plan.drops],
            "changes": row_change.as_json(self.plan.changes),
            "records": [migration.name for migration in self.plan.to_record],
            "records_down": [part.migration.name for part in self.plan.amends],
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
                            "checks": [{"line": c.statement.line, "title": c.title} for c in part.checks],
                        }
                        for part in step.parts
                    ],
                }
                for step in self.plan.steps
            ],
        }


_COLUMNS = ["step", "direction", "migration", "transaction", "line", "statement"]


def fold_of_statements(steps: Sequence[Step]) -> Fold:
    """How many statements are shown of each step: of many steps only a few."""
    shown = min(len(steps), _STEPS.first + _STEPS.last + 1)
    return Fold(min(12, _STATEMENTS // max(shown, 1)))


def statement_lines(step: Step, fold: Fold) -> list[str]:
    """A step's statements, a line each; where all are shown, many that repeat are one line."""
    statements = _statements(step)
    runs = _runs(statements) if fold is WHOLE else [_Repetition((statement,)) for statement in statements]
    lines = fold.apply(runs, _statement_lines, lambda gap: f"       … {len(gap)} statements more")
    checks = [f"       check     {visible_line(check.title)}" for part in step.parts for check in part.checks]
    return [*lines, *checks] or ["       no statement: it is only recorded"]


def _statements(step: Step) -> list[Statement]:
    return [statement for part in step.parts for statement in part.statements]


@dataclass(frozen=True, slots=True)
class _Repetition:
    """Statements in a row whose kinds are the same few, in the same order, so many `times`."""

    statements: Sequence[Statement]
    times: int = 1

    @property
    def kinds(self) -> list[str]:
        return [statement.kind for statement in self.statements[: len(self.statements) // self.times]]


def _runs(statements: Sequence[Statement]) -> Sequence[_Repetition]:
    """Return the statements in order; many that repeat are one item: a seed may have a hundred thousand."""
    runs: list[_Repetition] = []
    kinds, start = [statement.kind for statement in statements], 0
    while start < len(kinds):
        repeated = (_repeated(kinds, start, turn) for turn in range(1, _IN_TURN + 1))
        size, times = next((found for found in repeated if found[0] > _ALIKE), (1, 1))
        runs.append(_Repetition(statements[start : start + size], times))
        start += size
    return runs


def _repeated(kinds: Sequence[str], start: int, turn: int) -> tuple[int, int]:
    """Return how many statements from `start` on repeat the first `turn` kinds in whole turns, and how many turns."""
    end = start + turn
    while end < len(kinds) and kinds[end] == kinds[end - turn]:
        end += 1
    times = (end - start) // turn
    return times * turn, times


def _statement_lines(run: _Repetition) -> list[str]:
    first, last, kinds = run.statements[0].line, run.statements[-1].line, ", ".join(run.kinds)
    if len(run.statements) == 1:
        return [f"       line {first:<4} {kinds}"]
    where = f"line {first}" if first == last else f"lines {first}-{last}"
    times = "in a row" if len(run.kinds) == 1 else "times in a row"
    return [f"       {where:<9} {kinds} ({run.times} {times})"]


def _step_lines(number: int, step: Step) -> list[str]:
    lines = []
    for part in step.parts:
        of = f", step {part.number + 1} of {part.of}" if part.of > 1 else ""
        lines.append(f"{number:>3}. {part.direction.value:<4} {visible_line(part.migration.name)}{of}")
    return [*lines, f"     {step.mode.value}: {visible(step.reason)}"]


def _step_rows(number: int, step: Step, fold: Fold) -> list[Sequence[Any]]:
    return [row for part in step.parts for row in _part_rows(number, step, part, fold)]


def _part_rows(number: int, step: Step, part: StepPart, fold: Fold) -> list[Sequence[Any]]:
    head = (number, part.direction.value, part.migration.name, f"{step.mode.value}: {step.reason}")
    rows: list[Sequence[Any]] = fold.apply(
        part.statements,
        lambda statement: [(*head, statement.line, statement.kind)],
        lambda gap: (*head, "", f"… {len(gap)} statements more"),
    )
    rows += [(*head, check.statement.line, f"CHECK {check.title}") for check in part.checks]
    return rows or [(*head, "", "no statement")]


def _drop_lines(drop: DatabaseObject) -> list[str]:
    return [f"  drop    {drop.kind} {visible_line(drop.identity)}"]


def _drop_rows(drop: DatabaseObject) -> list[Sequence[Any]]:
    return [("", "drop", drop.identity, "", "", drop.kind)]


def _mark_lines(migration: Migration) -> list[str]:
    return [f"  record  {visible_line(migration.name)}"]


def _mark_rows(migration: Migration) -> list[Sequence[Any]]:
    return [("", "record", migration.name, "", "", "")]
