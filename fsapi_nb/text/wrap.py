"""Long texts as lines: broken between words, with what follows the first line further in. Pure."""

from __future__ import annotations

import re

from fsapi_nb.text.width import text_width

#: Columns of a text that a notebook stores, whoever reads it in which window.
COLUMNS = 100

# A line of SQL and the caret below it, as `Place.excerpt` draws them: the caret must stay under its column.
_EXCERPT = re.compile(r" +(?:\d+ )?\| ")
# A command between backticks, one or more, is one word, so that it can be pasted.
_WORD = re.compile(r" *(?:(?P<marks>`+).*?(?<!`)(?P=marks)(?!`)|[^ ])+| +")


def hang(text: str, before: str = "") -> list[str]:
    """Return the lines of a text, the first one behind `before`, the others two columns further in."""
    first, *rest = text.split("\n")
    return [before + first, *(" " * (len(before) + 2) + line if line else "" for line in rest)]


def wrap(line: str, columns: int) -> list[str]:
    """Return the line as lines of at most so many columns, broken between words; a word that is longer stays whole.

    A line of SQL with its caret stays as it is.
    """
    if text_width(line) <= columns or _EXCERPT.match(line):
        return [line]
    indent = " " * (len(line) - len(line.lstrip(" ")) + 2)
    lines = [""]
    for word in (found[0] for found in _WORD.finditer(line)):
        if lines[-1].strip() and text_width(lines[-1] + word) > columns:
            lines.append(indent + word.lstrip(" "))
        else:
            lines[-1] += word
    return lines
