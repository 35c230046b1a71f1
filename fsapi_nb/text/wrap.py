"""Break long texts into lines between words, and indent the lines after the first."""

from __future__ import annotations

import re

from fsapi_nb.text.width import text_width

#: Columns of a text that a notebook stores. Its readers have windows of any width.
COLUMNS = 100

# A line of SQL and the caret below it, as `SourceLocation.excerpt` draws them: the caret must stay under its column.
_EXCERPT = re.compile(r" +(?:\d+ )?\| ")
# A command between backticks (one or more) is one word: it must stay whole so that it can be pasted.
_WORD = re.compile(r" *(?:(?P<marks>`+).*?(?<!`)(?P=marks)(?!`)|[^ ])+| +")


def hang(text: str, before: str = "") -> list[str]:
    """Return the lines of a text, the first one after `before`, the others indented two columns more."""
    if "\n" not in text:
        return [before + text]
    first, *rest = text.split("\n")
    return [before + first, *(" " * (len(before) + 2) + line if line else "" for line in rest)]


def wrap(line: str, columns: int) -> list[str]:
    """Break a line between words into lines of at most `columns` columns.

    A longer word stays whole. A line of an excerpt (SQL, or the caret below it) is not broken.
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
