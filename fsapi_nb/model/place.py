"""Where in a file something stands, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """Where in a file something stands: `line` and `column` count from one, in characters.

    `source` is the text of that line, so that a caret can be drawn under the column; None where there is none. If the
    column is not known, `near` is where what is meant begins, so that a long line is cut there.
    """

    file: str
    line: int
    column: int | None = None
    source: str | None = None
    near: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f":{self.column}" if self.column else "")

    def excerpt(self) -> list[str]:
        """Return the source line and a caret under the column, ready to print; long lines are cut around the caret."""
        if self.source is None:
            return []
        whole = self.source.expandtabs(1)
        if self.near and not self.column:
            source, column = _window(whole, self.near, before=0)
        else:
            source, column = _window(whole, self.column or 1)
        label = f"  {self.line} | "
        lines = [label + source]
        if self.column:
            lines.append(" " * (len(label) - 2) + "| " + " " * (column - 1) + "^")
        return lines


def _window(source: str, column: int, width: int = 100, before: int = 50) -> tuple[str, int]:
    """Cut a long line to `width` characters around `column`; return it with the column in the cut line.

    `before` of them stand before the column, and more at the line's end.
    """
    if len(source) <= width:
        return source, column
    start = max(0, min(column - 1 - before, len(source) - width))
    head, tail = ("…" if start else ""), ("…" if start + width < len(source) else "")
    return head + source[start : start + width] + tail, column - start + len(head)


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of one file: what is wrong, where, and what to do. The unit that errors and lists are made of."""

    message: str
    place: SourceLocation
    hint: str | None = None

    def lines(self) -> list[str]:
        """Return the problem as text, two to four lines."""
        lines = [f"{self.place}: {self.message}", *self.place.excerpt()]
        if self.hint:
            lines.append("  → " + self.hint)
        return lines
