"""How the steps of a plan are shown, each with its statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fsapi_nb.model.migration import Statement
from fsapi_nb.model.plan import Step, StepPart
from fsapi_nb.text.fold import WHOLE, Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.views.document import Item, Medium, Row, gap

#: The columns of a step's rows: one for each statement, or for a step that has none.
COLUMNS = ["step", "direction", "migration", "transaction", "line", "statement"]
_STEPS = Fold(16, 7)
_STATEMENTS = 96  # of all steps that are stored, together
_ALIKE = 20  # statements that repeat one kind, or a few in turn, up to which each has its line on a terminal
_IN_TURN = 4  # kinds of statements that may take turns in what counts as a repetition


def step_items(steps: Sequence[Step], medium: Medium, head: Callable[[int, Step], list[str]]) -> list[Item]:
    """Return each step: the lines that `head` makes of its number and itself, then its statements.

    Of many steps the first and the last are stored, and of each its first statements.
    """
    fold = medium.fold(_fold_of_statements(steps))
    return medium.items(
        _STEPS,
        list(enumerate(steps, 1)),
        lambda each: _item(*each, fold, head(*each)),
        lambda left: gap(f"     … {len(left)} steps more", "…", "", f"… {len(left)} steps more", "", "", ""),
    )


def step_rows(steps: Sequence[Step]) -> list[Row]:
    """Return a row for each statement of all steps, or for a step that has none."""
    return [row for number, step in enumerate(steps, 1) for row in _step_rows(number, step, WHOLE)]


def _item(number: int, step: Step, fold: Fold, head: list[str]) -> Item:
    lines = [*head, *_statement_lines(step, fold)]
    if fold is WHOLE:
        return Item(lines)
    count = sum(len(part.statements) for part in step.parts)
    return Item(lines, _step_rows(number, step, fold), whole=count <= fold.first + fold.last + 1)


def _fold_of_statements(steps: Sequence[Step]) -> Fold:
    """Return how many statements are stored of each step: of many steps only a few."""
    shown = min(len(steps), _STEPS.first + _STEPS.last + 1)
    return Fold(min(12, _STATEMENTS // max(shown, 1)))


# -- rows --------------------------------------------------------------------------------------------------------------


def _step_rows(number: int, step: Step, fold: Fold) -> list[Row]:
    return [row for part in step.parts for row in _part_rows(number, step, part, fold)]


def _part_rows(number: int, step: Step, part: StepPart, fold: Fold) -> list[Row]:
    head = (number, part.direction.value, part.migration.name, f"{step.mode.value}: {step.reason}")
    rows: list[Row] = fold.apply(
        part.statements,
        lambda statement: [(*head, statement.line, statement.traits.kind)],
        lambda left: (*head, "", f"… {len(left)} statements more"),
    )
    rows += [(*head, check.statement.line, f"CHECK {check.title}") for check in part.checks]
    return rows or [(*head, "", "no statement")]


# -- lines -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Repetition:
    """Statements in a row whose kinds are the same few, in the same order, so many `times`."""

    statements: Sequence[Statement]
    times: int = 1

    @property
    def kinds(self) -> list[str]:
        return [statement.traits.kind for statement in self.statements[: len(self.statements) // self.times]]


def _statement_lines(step: Step, fold: Fold) -> list[str]:
    """Return a step's statements, a line each; if all are shown, many that repeat are one line."""
    statements = [statement for part in step.parts for statement in part.statements]
    runs = _runs(statements) if fold is WHOLE else [_Repetition((statement,)) for statement in statements]
    lines = fold.apply(runs, _run_lines, lambda left: f"       … {len(left)} statements more")
    checks = [f"       check     {visible_line(check.title)}" for part in step.parts for check in part.checks]
    return [*lines, *checks] or ["       no statement: it is only recorded"]


def _run_lines(run: _Repetition) -> list[str]:
    first, last, kinds = run.statements[0].line, run.statements[-1].line, ", ".join(run.kinds)
    if len(run.statements) == 1:
        return [f"       line {first:<4} {kinds}"]
    where = f"line {first}" if first == last else f"lines {first}-{last}"
    times = "in a row" if len(run.kinds) == 1 else "times in a row"
    return [f"       {where:<9} {kinds} ({run.times} {times})"]


def _runs(statements: Sequence[Statement]) -> Sequence[_Repetition]:
    """Return the statements in order; many that repeat are one item: a seed may have a hundred thousand."""
    if len(statements) <= _ALIKE:
        return [_Repetition((statement,)) for statement in statements]
    runs: list[_Repetition] = []
    kinds, start = [statement.traits.kind for statement in statements], 0
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
