"""Lay out rows of short texts in columns, as lines of text."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fsapi_nb.text.width import text_width

#: Columns of a line: a window of half a screen has them.
WIDTH = 100
_GAP = "  "
#: A longer cell pushes only its own line.
WIDEST = 36


def aligned(
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[int] = (),
    indent: int = 2,
    width: int | None = WIDTH,
    widest: int = WIDEST,
) -> list[str]:
    """Return a line for each row: cells below each other, those of the columns `right` at their right end.

    Columns without any text are left out. The last cell is cut where the line would be longer than `width`.
    """
    count = max((len(row) for row in rows), default=0)
    padded = [[*row, *([""] * (count - len(row)))] for row in rows]
    kept = [place for place in range(count) if any(row[place] for row in padded)]
    widths = {place: max(min(text_width(row[place]), widest) for row in padded) for place in kept}
    return [_line([(row[place], widths[place], place in right) for place in kept], indent, width) for row in padded]


def _line(cells: Sequence[tuple[str, int, bool]], indent: int, width: int | None) -> str:
    line = " " * indent
    for number, (text, places, is_right) in enumerate(cells):
        blank = " " * (places - text_width(text))
        if number == len(cells) - 1:
            line += blank + text if is_right else cut(text, width - text_width(line)) if width else text
        else:
            line += (blank + text if is_right else text + blank) + _GAP
    return line.rstrip()


def cut(text: str, width: int) -> str:
    """Return a text, or its beginning with `…` if it takes more columns; some of it stays in any case."""
    width = max(width, 16)
    if text_width(text) <= width:
        return text
    while text_width(text) >= width:
        text = text[: len(text) - max(1, (text_width(text) - width) // 2)]
    return text.rstrip() + "…"
