"""Say what squawk reads of statements, and where in the file its findings are. Pure.

It reads the statements alone, each in its own line and column of the file: no markers, checks, BEGIN and COMMIT,
no data of a COPY, and no statement for which it has no rule, such as the INSERTs of a seed.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fsapi_nb.model.migration import Statement

#: Commands of which squawk says nothing that is of use here; those with passwords are among them.
_UNREAD = re.compile(
    r"(INSERT|SELECT|COPY|UPDATE|DELETE|MERGE|DO|CALL|SET|RESET|COMMENT|GRANT|ANALYZE|EXPLAIN|VACUUM|"
    r"(CREATE|ALTER) (FUNCTION|PROCEDURE|AGGREGATE|OPERATOR|CAST|ROLE|SERVER|SUBSCRIPTION|USER MAPPING))\b"
)
_GAP = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/)*", re.DOTALL)


class FindingPlace(NamedTuple):
    """Where in the file something is: the number of its statement, line and column from one, in characters."""

    statement: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Feed:
    """The text for squawk, the numbers of the statements in it, and where each begins."""

    text: str
    lines: Sequence[str]
    numbers: Sequence[int]
    starts: Sequence[tuple[int, int]]

    def locate(self, line: int, column: int) -> FindingPlace | None:
        """Return the place of a finding by squawk's line and column; None if that is in no statement.

        Args:
            line: From zero.
            column: From zero, in bytes.
        """
        if line >= len(self.lines):
            return None
        before = self.lines[line].encode(errors="replace")[:column].decode(errors="ignore")
        place = (line + 1, len(before) + 1)
        index = bisect.bisect_right(self.starts, place) - 1
        return FindingPlace(self.numbers[index], *place) if index >= 0 else None


def feed_of(statements: Iterable[tuple[int, Statement]]) -> Feed | None:
    """Return what squawk reads of numbered statements of one file; None if it has no rule for any of them."""
    read = [(number, each) for number, each in statements if not _UNREAD.match(each.traits.kind)]
    if not read:
        return None
    pieces: list[str] = []
    line, column = 1, 1
    starts = []
    for _, statement in read:
        if statement.text_line > line:
            pieces.append("\n" * (statement.text_line - line))
            line, column = statement.text_line, 1
        pieces.append(" " * (statement.text_column - column))
        starts.append((line, max(column, statement.text_column)))
        # Comments that switch rules off are read by `ignores`, for all rules alike.
        pieces += [statement.text.replace("squawk-", "squawk_"), ";"]
        line += statement.text.count("\n")
        end = statement.text.rpartition("\n")[2]
        column = len(end) + 2 + (0 if "\n" in statement.text else statement.text_column - 1)
    text = "".join(pieces)
    return Feed(text, text.split("\n"), [number for number, _ in read], starts)


def begin_of(statement: Statement) -> tuple[int, int]:
    """Return the line and the column of a statement's first word."""
    gap = _GAP.match(statement.text)
    skipped = statement.text[: gap.end()] if gap else ""
    if "\n" in skipped:
        return statement.text_line + skipped.count("\n"), len(skipped.rpartition("\n")[2]) + 1
    return statement.text_line, statement.text_column + len(skipped)
