"""A text's tokens in columns, and what is wrong with a text: the values that `parser` gives. Knows no library."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

# A token's sort is one byte, so that a whole text's tokens can be searched as bytes are.
LINE_COMMENT, BLOCK_COMMENT, TEXT = b"-", b"/", b"'"
END, BACKSLASH, EQUALS, OPEN, CLOSE = b";", b"\\", b"=", b"(", b")"
# What makes a tree one level deeper each time it stands in a row (`1 + 1 + 1`), and what begins a new row.
DEEPENING, JOINING, SEPARATING = b"+", b"&", b","
AS, PLAIN = b"a", b" "
COMMENTS = LINE_COMMENT + BLOCK_COMMENT


@dataclass(slots=True)
class Tokens:
    """The tokens of a text in columns: where each begins and ends, and a byte that says what sort it is.

    Columns, because a text has far more tokens than anybody looks at: millions in a seed.
    """

    starts: array[int] = field(default_factory=lambda: array("i"))
    ends: array[int] = field(default_factory=lambda: array("i"))
    sorts: bytearray = field(default_factory=bytearray)

    def __len__(self) -> int:
        return len(self.sorts)

    def extend(self, others: Tokens) -> None:
        """Take those of what follows in the same text."""
        self.starts += others.starts
        self.ends += others.ends
        self.sorts += others.sorts

    def remove(self, first: int, last: int) -> None:
        """Leave out those from `first` up to `last`."""
        del self.starts[first:last], self.ends[first:last], self.sorts[first:last]

    def cut(self, count: int) -> None:
        """Keep the first `count` of them."""
        del self.starts[count:], self.ends[count:], self.sorts[count:]


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """What the scanner or the parser refused: its message, the byte offset where it stood, and what helps."""

    message: str
    offset: int
    hint: str | None = None


class SqlSyntaxError(ValueError):
    """The parser refused the text; `problem` says where."""

    def __init__(self, problem: SyntaxProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem
