"""What is said of a step besides its statements: what it runs, how it commits, and which locks it holds longer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from fsapi_nb.model.action import Blocks
from fsapi_nb.model.forecast import HeldLock, PartForecast, StatementForecast, StepForecast
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.plan import Mode, Step, StepPart
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.forecast.effects import is_lost
from fsapi_nb.views.forecast.findings import StopsByPlace, advice_of
from fsapi_nb.views.forecast.quantities import during, is_instant, list_of
from fsapi_nb.views.forecast.repetitions import Repetition, repetitions

#: Subcommands of one ALTER TABLE that are shown, of many.
SUBCOMMANDS = 6
#: Behind what a step runs, if its migration has no DOWN.
IRREVERSIBLE = "   irreversible"
_TABLES = 4  # that one line names
_HELD = 3  # lines about locks that are held
_FIRST, _LAST = 8, 3  # statements of a part that are shown, of many
# What each migration is, unless its plan says something else.
_USUAL = "one transaction, together with its history row"
_BETWEEN = "the statements between two steps, together"
_ALONGSIDE = (", together with its history row", ", together with the history row")


class LeftOut(NamedTuple):
    """Statements in the place of which a plan shows how many they are."""

    statements: Sequence[StatementForecast]

    @property
    def words(self) -> str:
        """How many, and how many of them are dangerous."""
        losing = sum(1 for each in self.statements if any(map(is_lost, each.losses)))
        blocking = sum(1 for each in self.statements if each.blocks)
        marks = [f"{losing:,} lose{'s' * (losing == 1)} data"] if losing else []
        marks += [f"{blocking:,} block{'s' * (blocking == 1)} tables"] if blocking else []
        dangerous = f" ({', '.join(marks)})" if marks else ""
        return f"… {counted(len(self.statements), 'statement')} more{dangerous}"


@dataclass(frozen=True, slots=True)
class PartView:
    """One part of a step and what it will do; `shown` are its statements, or what stands in the place of some.

    `stops` are the findings of lint in the whole plan. `irreversible` is said once of a migration: of its first step.
    """

    part: StepPart
    expected: PartForecast
    shown: Sequence[Repetition | LeftOut]
    stops: StopsByPlace = field(default_factory=dict)
    irreversible: bool = False

    @property
    def back(self) -> str:
        """The name of the script that undoes it."""
        return "DOWN" if self.part.direction is Direction.UP else "UP"

    @property
    def whole(self) -> bool:
        """Whether each statement is shown by itself."""
        return all(
            isinstance(each, Repetition) and each.times == 1 and len(each.words) <= SUBCOMMANDS + 1
            for each in self.shown
        )

    def advice(self, shown: Repetition) -> list[str]:
        """Return what to do instead of a statement, if lint found that there is something to stop at."""
        is_up = self.part.direction is Direction.UP
        return advice_of(self.stops, self.part.migration.name, shown.statements) if is_up else []

    def head(self, *, named: bool) -> str:
        """Return what it runs: direction, migration, which of its steps, and whether there is no way back."""
        words = [f"{self.part.direction.value:<3} {visible_line(self.part.migration.name) if named else ''}".strip()]
        words += [f"step {self.part.number + 1} of {self.part.of}"] if self.part.of > 1 else []
        return ", ".join(words) + (IRREVERSIBLE if self.irreversible else "")


@dataclass(frozen=True)
class StepView:
    """A step with its number and what it will do; `full` says that nothing is left out."""

    number: int
    step: Step
    expected: StepForecast
    full: bool = False
    stops: StopsByPlace = field(default_factory=dict)

    @cached_property
    def parts(self) -> tuple[PartView, ...]:
        """Its parts, each with what is shown of it: of many statements this takes a while."""
        return tuple(self._parts())

    def _parts(self) -> Iterator[PartView]:
        for part, expected in zip(self.step.parts, self.expected.parts, strict=True):
            runs = [Repetition((each,)) for each in expected.statements] if self.full else None
            shown = _folded(repetitions(expected.statements)) if runs is None else runs
            begins = part.number == 0 or self.step.resumes
            yield PartView(part, expected, shown, self.stops, irreversible=expected.irreversible and begins)

    def rows(self) -> int:
        """Return about how many lines it takes."""
        parts = self.parts
        advice = sum(len(part.advice(each)) for part in parts for each in part.shown if isinstance(each, Repetition))
        return sum(1 + len(part.shown) + len(part.part.checks) for part in parts) + advice + len(self.remarks())

    def remarks(self) -> list[str]:
        """Return how it commits if that is not as usual, and which locks it holds until then."""
        return [*_how(self.step), *_held(self.expected)]


def _folded(runs: list[Repetition]) -> Sequence[Repetition | LeftOut]:
    if len(runs) <= _FIRST + _LAST + 1:
        return runs
    left = [each for run in runs[_FIRST:-_LAST] for each in run.statements]
    return [*runs[:_FIRST], LeftOut(left), *runs[-_LAST:]]


def _how(step: Step) -> list[str]:
    """Return how a step commits; nothing if that is the usual transaction, of one migration and its history row."""
    reason = visible(step.reason)
    begin = [f"it begins with {visible_line(' '.join(step.begin.split()))}"] if step.begin != "BEGIN" else []
    if step.mode is Mode.AUTOCOMMIT:
        return [f"{step.mode.value}: {reason}"]
    reason = reason.removeprefix(_USUAL).removeprefix("; ").replace(_BETWEEN, "these statements, together")
    for words in _ALONGSIDE:
        reason = reason.replace(words, "")
    reason = reason.removeprefix("one transaction").lstrip("; ")
    said = [*([reason] if reason else []), *begin]
    return [f"transaction: {'; '.join(said)}"] if said else []


def _held(expected: StepForecast) -> list[str]:
    """Return which tables are blocked until the step ends, since which line, and for how long."""
    groups: dict[tuple[Blocks, int, str], list[str]] = {}
    whole = {held.table: held.line for held in expected.held if held.blocks is Blocks.READS_AND_WRITES}
    for held in expected.held:
        covered = held.blocks is Blocks.WRITES and whole.get(held.table, held.line) < held.line
        if held.blocks is not Blocks.NOTHING and not covered and not is_instant(held.span):
            groups.setdefault((held.blocks, held.line, _lasting(held)), []).append(visible_line(held.table))
    lines = [
        f"from line {line} to the end of the transaction: blocks {blocks.value} of {list_of(names, _TABLES)}{lasting}"
        for (blocks, line, lasting), names in groups.items()
    ]
    return lines if len(lines) <= _HELD + 1 else [*lines[:_HELD], f"… and {len(lines) - _HELD} more"]


def _lasting(held: HeldLock) -> str:
    return f" {during(held.span)}" if held.span else ""
