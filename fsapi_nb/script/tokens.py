"""Hold the tokens of a text in columns, and the error of a text that is not SQL."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

# A token's sort is one byte, so that all tokens of a text can be searched with the methods of bytes.
LINE_COMMENT, BLOCK_COMMENT, TEXT = b"-", b"/", b"'"
END, BACKSLASH, EQUALS, OPEN, CLOSE = b";", b"\\", b"=", b"(", b")"
# DEEPENING and JOINING: each one in a row (`1 + 1 + 1`) makes the tree one level deeper. SEPARATING begins a new row.
DEEPENING, JOINING, SEPARATING = b"+", b"&", b","
AS, PLAIN = b"a", b" "
COMMENTS = LINE_COMMENT + BLOCK_COMMENT


@dataclass(slots=True)
class Tokens:
    """The tokens of a text in columns: where each begins and ends, and a byte that says what sort it is.

    They are columns, not objects, because a seed has millions of tokens and few of them are looked at.
    """

    starts: array[int] = field(default_factory=lambda: array("i"))
    ends: array[int] = field(default_factory=lambda: array("i"))
    sorts: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        return len(self.sorts)

    def extend(self, others: Tokens) -> None:
        """Append the tokens of the text that follows."""
        self.starts += others.starts
        self.ends += others.ends
        self.sorts += others.sorts

    def remove(self, first: int, last: int) -> None:
        """Remove the tokens from `first` up to `last`, which is not removed."""
        del self.starts[first:last], self.ends[first:last], self.sorts[first:last]

    def cut(self, count: int) -> None:
        """Keep the first `count` tokens."""
        del self.starts[count:], self.ends[count:], self.sorts[count:]


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """What the scanner or the parser refused: its message, its byte offset in the text, and what helps."""

    message: str
    offset: int
    hint: str | None = None


class SqlSyntaxError(ValueError):
    """An error of a text that the parser refuses; `problem` says where."""

    def __init__(self, problem: SyntaxProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem
