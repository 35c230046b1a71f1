"""Cut long lists and texts to what one output of a notebook may hold.

Notebooks are kept in version control, sent around and opened in browsers. However many migrations there are, and
whatever a server says of them, one output takes less than `OUTPUT` bytes of a notebook's file. This module knows
neither values nor markup; DataFrames, JSON and the terminal are not cut.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

#: Bytes of the notebook's file for one output: text, HTML and metadata, or an error's value and traceback.
OUTPUT = 64 * 1024
# The difference between their sum and OUTPUT is for JSON's own marks.
TEXT = 16 * 1024
HTML = 40 * 1024
METADATA = 4 * 1024
#: Characters of a line, and of a text in a list, such as a notice, that is not shortened.
LINE = 400
_as_json = json.JSONEncoder(ensure_ascii=False).encode
_PER_LINE = 12  # what a notebook adds to each line of a text: indentation, quotes, a comma

Item = TypeVar("Item")
Shown = TypeVar("Shown")


@dataclass(frozen=True, slots=True)
class Fold:
    """How many items of a list are shown: the `first` and the `last` ones.

    A line between them counts the others.
    """

    first: int
    last: int = 0

    def apply(
        self,
        items: Sequence[Item],
        shown: Callable[[Item], Iterable[Shown]],
        left_out: Callable[[Sequence[Item]], Shown],
    ) -> list[Shown]:
        """Return what `shown` gives for each item that is shown, and `left_out` of the items between them.

        A single item is never left out: the line that counts it would take as much room.
        """
        if len(items) <= self.first + self.last + 1:
            return [each for item in items for each in shown(item)]
        end = len(items) - self.last
        head = [each for item in items[: self.first] for each in shown(item)]
        return [*head, left_out(items[self.first : end]), *(each for item in items[end:] for each in shown(item))]


#: Show every item: for terminals.
WHOLE = Fold(sys.maxsize)
_TEXT_OF_AN_ITEM = Fold(6, 2)


def clip(line: str) -> str:
    """Return a line, or the beginning and the end of one that is longer than `LINE` characters."""
    if len(line) <= LINE:
        return line
    return f"{line[: LINE * 3 // 4]} … {len(line) - LINE} characters … {line[-LINE // 4 :]}"


def shorten(text: str) -> str:
    """Return a text of several lines, such as a notice, cut to its first and last lines."""
    if len(text) <= LINE and text.count("\n") <= _TEXT_OF_AN_ITEM.first:
        return text
    lines = text.split("\n")
    return "\n".join(_TEXT_OF_AN_ITEM.apply(lines, lambda line: [clip(line)], lambda gap: f"… {len(gap)} lines more"))


def bounded(lines: Iterable[str]) -> list[str]:
    """Return the lines, split at line ends and cut so that they take at most `TEXT` bytes of a notebook."""
    return fit([clip(line) for line in one_by_one(lines)], TEXT, lambda count: f"… {count} lines more")


def one_by_one(lines: Iterable[str]) -> list[str]:
    """Return the lines, each one that holds line ends as several."""
    return [part for line in lines for part in line.split("\n")]


def fit(pieces: Sequence[str], room: int, left_out: Callable[[int], str]) -> list[str]:
    """Return the pieces that fit into `room` bytes of a notebook.

    Two thirds are for the first ones, one third for the last ones. `left_out` makes the piece that replaces the others,
    of their number.
    """
    # Only pieces that may be kept are measured: there may be a million others.
    if _how_many(pieces, room) == len(pieces):
        return list(pieces)
    head = _how_many(pieces, room * 2 // 3)
    end = len(pieces) - _how_many(reversed(pieces[head:]), room // 3)
    return [*pieces[:head], left_out(end - head), *pieces[end:]]


def stored_size(text: str) -> int:
    """Return how many bytes a text takes in a notebook's file: as JSON, one string a line."""
    written = _as_json(text).encode(errors="backslashreplace")
    return len(written) + _PER_LINE * (1 + text.count("\n"))


def _how_many(pieces: Iterable[str], room: int) -> int:
    count = 0
    for piece in pieces:
        room -= stored_size(piece)
        if room < 0:
            break
        count += 1
    return count
