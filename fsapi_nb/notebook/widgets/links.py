"""The migrations that a text names, so that a page can make each a link to that migration's details.

A link only selects a migration of the list, so a text that imitates a name is harmless.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.text.command import Face, typed
from fsapi_nb.text.safe import visible, visible_line

_END = ".sql"
_LINE = re.compile(r":([1-9][0-9]{0,8})(?::[0-9]+)?")
_LINE_OF_ONE = re.compile(r"\bline ([1-9][0-9]{0,8})\b")
_PART_OF_NAME = re.compile(r"[\w-]")

#: Plain text, or a link: an object with its `text`, the `name` of the migration, and a `line` of its file (0: none).
Piece = str | dict[str, str | int]


class _Mention(NamedTuple):
    """A part of a text that is to be a link."""

    start: int
    end: int
    name: str
    line: int


class Links:
    """The known migrations, each by its name as a text shows it."""

    def __init__(self, statuses: Iterable[MigrationStatus] = ()) -> None:
        found = sorted(statuses, key=lambda status: -len(status.name))
        self._names = {visible_line(status.name): status.name for status in found}
        # What runs of an edited file is what was stored, whose lines are not those of the file.
        self._edited = {status.name for status in found if status.state is State.DRIFTED}

    def pieces(self, text: str, *, of: str = "") -> list[Piece]:
        """Return a text in pieces, in order, its control characters written out.

        Args:
            text: What is shown; commands in it are typed as in a notebook.
            of: The migration that `line 3` is a line of, if it is about one.
        """
        shown = typed(visible(text), Face.NOTEBOOK)
        found = [*self._named(shown), *(_lines_of(shown, of) if of and of not in self._edited else ())]
        pieces: list[Piece] = []
        position = 0
        for start, end, name, line in sorted(found):
            if start < position:
                continue
            pieces += [shown[position:start]] if start > position else []
            pieces.append({"text": shown[start:end], "name": name, "line": 0 if name in self._edited else line})
            position = end
        return [*pieces, shown[position:]] if position < len(shown) else pieces

    def line(self, text: str, name: str) -> list[Piece]:
        """Return a line's number, or the first and the last (`3-9`), as a link to the first."""
        first = text.partition("-")[0]
        if not name or name in self._edited or not first.isdecimal():
            return self.pieces(text)
        return [{"text": text, "name": name, "line": int(first)}]

    def _named(self, text: str) -> list[_Mention]:
        """Return the names in a text, with the line behind each; a longer name goes before one that is a part of it."""
        if _END not in text:
            return []
        taken: list[_Mention] = []
        for shown, name in self._names.items():
            start = text.find(shown)
            while start >= 0:
                end = start + len(shown)
                if _is_whole(text, start, end) and not any(each.start < end and start < each.end for each in taken):
                    line = _LINE.match(text, end)
                    taken.append(_Mention(start, line.end() if line else end, name, int(line[1]) if line else 0))
                start = text.find(shown, end)
        return taken


def _lines_of(text: str, name: str) -> list[_Mention]:
    return [_Mention(*each.span(), name, int(each[1])) for each in _LINE_OF_ONE.finditer(text)]


def _is_whole(text: str, start: int, end: int) -> bool:
    """Return whether a name that was found is not a part of a longer word."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not _PART_OF_NAME.fullmatch(before) and not _PART_OF_NAME.fullmatch(after)
