"""Statements in a row that say the same: a seed may have a hundred thousand of them, and a plan one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fsapi_nb.model.forecast import StatementForecast

_ALIKE = 5  # statements that repeat one thing, or a few in turn, up to which each has its line
_IN_TURN = 4  # statements that may take turns in what counts as a repetition


@dataclass(frozen=True, slots=True)
class Repetition:
    """Statements in a row that say the same few things, in the same order, so many `times`."""

    statements: Sequence[StatementForecast]
    times: int = 1

    @property
    def turn(self) -> Sequence[StatementForecast]:
        """The statements that are repeated."""
        return self.statements[: len(self.statements) // self.times]

    @property
    def lines(self) -> str:
        """Its line in the file, or its first and its last."""
        first, last = self.statements[0].line, self.statements[-1].line
        return str(first) if first == last else f"{first}-{last}"

    @property
    def words(self) -> list[str]:
        """What it does, as phrases; the last one says how often."""
        said = [word for each in self.turn for word in each.words]
        if self.times == 1:
            return said
        if len(said) > 1:
            return [*said, f"(in turn, {self.times:,} times)"]
        return [f"{said[0]} ({self.times:,} times)"]


def repetitions(statements: Sequence[StatementForecast]) -> list[Repetition]:
    """Return the statements in order; many that repeat are one item."""
    if len(statements) <= _ALIKE:
        return [Repetition((statement,)) for statement in statements]
    found: list[Repetition] = []
    said, start = [(each.words, each.unknown, each.locks) for each in statements], 0
    while start < len(said):
        repeated = (_repeated(said, start, turn) for turn in range(1, _IN_TURN + 1))
        size, times = next((each for each in repeated if each[0] > _ALIKE and each[1] > 2), (1, 1))
        found.append(Repetition(statements[start : start + size], times))
        start += size
    return found


def _repeated(said: Sequence[object], start: int, turn: int) -> tuple[int, int]:
    """Return how many statements from `start` on repeat the first `turn` ones in whole turns, and how many turns."""
    end = start + turn
    while end < len(said) and said[end] == said[end - turn]:
        end += 1
    times = (end - start) // turn
    return times * turn, times
