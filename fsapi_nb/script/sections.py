"""Cut a file at its `-- UP`, `-- DOWN` and `-- CHECK` lines, outside of strings and bodies.

Finds the sections and says what is wrong with the markers; `migration` reads what is in the sections.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from fsapi_nb.model.migration import Direction
from fsapi_nb.model.place import Problem, SourceLocation
from fsapi_nb.script.foreign_marks import ForeignMark, find_mark, find_pair
from fsapi_nb.script.lexer import Lexed
from fsapi_nb.script.parsed_secrets import Literal
from fsapi_nb.script.redact import find_secrets, redact_line, star
from fsapi_nb.script.tokens import COMMENTS

Span = tuple[int, int]
_CommentLine = tuple[Span, bytes, bool]

_MARKER = re.compile(rb"-- (UP|DOWN)[ \t]*")
_CHECK = re.compile(rb"-- CHECK(?::[ \t]*(?P<title>[^\r\n]*?))?[ \t]*")
# Characters that a terminal obeys instead of showing them: control characters, and those that change the direction of
# text.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Source:
    """A file's text that turns offsets in bytes into lines and columns.

    People count both from one, and columns in characters. Passwords are starred in every line that it shows.
    """

    def __init__(self, file: str, lexed: Lexed) -> None:
        self.file = file
        self.text = lexed.text
        self._lexed = lexed
        self._counted = (0, 1)  # a byte and its line: the next question is mostly about a place after it

    def line(self, offset: int) -> int:
        """Return the line of a byte."""
        place, line = self._counted if self._counted[0] <= offset else (0, 1)
        line += self.text.count(b"\n", place, offset)
        self._counted = (offset, line)
        return line

    def start_of(self, line: int) -> int:
        """Return the first byte of a line."""
        offset = 0
        for _ in range(line - 1):
            offset = self.text.index(b"\n", offset) + 1
        return offset

    def column(self, offset: int) -> int:
        """Return the column of a byte, in characters of its line."""
        start = self.text.rfind(b"\n", 0, offset) + 1
        return len(self.text[start:offset].decode(errors="replace")) + 1 if start < offset else 1

    def place(self, offset: int, *, column: bool = True) -> SourceLocation:
        """Return the place of a byte, with the text of its line."""
        start = self.text.rfind(b"\n", 0, offset) + 1
        end = self.text.find(b"\n", offset)
        line = self._shown(start, len(self.text) if end < 0 else end)
        # Counted in the line as it is shown, so that the caret is right even after a starred password.
        before = len(self._shown(start, offset))
        return SourceLocation(self.file, self.line(offset), before + 1 if column else None, line)

    def problem(self, offset: int, message: str, hint: str | None = None, *, column: bool = True) -> Problem:
        """Return a problem whose place is a byte."""
        return Problem(message, self.place(offset, column=column), hint)

    def shown(self, start: int, end: int) -> str:
        """Return the text between two bytes of one line, with secrets starred."""
        line = self.text.rfind(b"\n", 0, start) + 1
        return self._shown(line, end)[len(self._shown(line, start)) :]

    @cached_property
    def _secrets(self) -> list[Literal]:
        return find_secrets(self.text, self._lexed)

    def _shown(self, start: int, end: int) -> str:
        shown = redact_line(star(self.text, self._secrets, start, end))
        return _UNSHOWN.sub("\ufffd", shown.removesuffix("\r"))


@dataclass(frozen=True, slots=True)
class Section:
    """The bytes of one section in the file: from after its marker's line to the next marker, or the end."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sections:
    """The sections of a file. `header` is the text before the first marker; `down` may be None.

    `checks` are the sections of `-- CHECK` or `-- CHECK: title` lines with their titles, in order.
    """

    up: Section
    down: Section | None
    header: Section
    checks: tuple[tuple[str, Section], ...] = ()


def find_sections(source: Source, lexed: Lexed) -> tuple[Sections | None, list[Problem]]:
    """Return the sections of a file; or None, and what is wrong with its markers.

    Args:
        source: The file.
        lexed: Its tokens. If the scanner stopped early, later markers are not found.
    """
    markers: dict[bytes, Span] = {}
    problems: list[Problem] = []
    lines = list(_comment_lines(lexed))
    for name, span in _markers(lines):
        if name in markers:
            first = source.line(markers[name][0])
            problems.append(source.problem(span[0], f"a second `-- {name.decode()}`; the first is in line {first}"))
        markers.setdefault(name, span)
    up, down = markers.get(b"UP"), markers.get(b"DOWN")
    if not lexed.problem:  # else a missing marker may be after the place where the scanner stopped
        problems += _near_misses(source, lexed, lines, {Direction.UP: up, Direction.DOWN: down})
    if down and not up:
        hint = "put `-- UP` on a line of its own before the SQL that makes the change."
        problems.append(source.problem(down[0], "`-- DOWN` without an `-- UP`", hint))
    if up and down and down < up:
        problems.append(source.problem(down[0], "`-- DOWN` is before `-- UP`", "put the UP section first."))
    if problems:
        return None, problems
    sections = _cut(lexed.text, up, down, _checks(lines, after=up))
    stray = _stray(lexed, sections.up.start)
    if stray is not None:
        hint = "move it below the marker, or remove it."
        return None, [source.problem(stray, "SQL before `-- UP`", hint)]
    return sections, []


def _stray(lexed: Lexed, before: int) -> int | None:
    """Return where the first token that is not a comment begins, if that is before a place; else None."""
    above = lexed.tokens.sorts[: bisect.bisect_left(lexed.tokens.starts, before)]
    return lexed.tokens.starts[len(above) - len(above.lstrip(COMMENTS))] if above.strip(COMMENTS) else None


def _cut(text: bytes, up: Span | None, down: Span | None, checks: Sequence[tuple[str, Span]]) -> Sections:
    """Return the sections: each goes from the line below its marker to the next marker."""
    if up is None:
        return Sections(Section(0, len(text)), None, Section(0, 0))
    starts = sorted(span[0] for span in (up, down, *(span for _, span in checks)) if span)
    return Sections(
        _below(text, up, starts),
        _below(text, down, starts) if down else None,
        Section(0, up[0]),
        tuple((title or f"check {n}", _below(text, span, starts)) for n, (title, span) in enumerate(checks, 1)),
    )


def _below(text: bytes, marker: Span, starts: Sequence[int]) -> Section:
    """Return the section below a marker; the markers' `starts` are in order."""
    after = bisect.bisect_right(starts, marker[0])
    return Section(_next_line(text, marker[1]), starts[after] if after < len(starts) else len(text))


def _checks(lines: Iterable[_CommentLine], *, after: Span | None) -> list[tuple[str, Span]]:
    """Return the `-- CHECK` lines below `-- UP`, with their titles; without an `-- UP` they are comments."""
    found = []
    for span, text, whole in lines:
        match = _CHECK.fullmatch(text) if whole and after and span > after else None
        if match:
            found.append(((match["title"] or b"").decode(errors="replace").strip(), span))
    return found


def _next_line(text: bytes, offset: int) -> int:
    end = text.find(b"\n", offset)
    return len(text) if end < 0 else end + 1


def _comment_lines(lexed: Lexed) -> Iterator[_CommentLine]:
    """Yield the comments that begin a line, with their text and whether they are not indented."""
    code = lexed.code
    for index in lexed.comments:
        start, end = lexed.tokens.starts[index], lexed.tokens.ends[index]
        before = code[code.rfind(b"\n", 0, start) + 1 : start]
        if not before.strip(b" \t\r\f\v\xef\xbb\xbf"):
            yield (start, end), code[start:end], not before


def _markers(lines: Iterable[_CommentLine]) -> Iterator[tuple[bytes, Span]]:
    for span, text, whole in lines:
        match = _MARKER.fullmatch(text) if whole else None
        if match:
            yield match[1], span


def _near_misses(
    source: Source, lexed: Lexed, lines: Sequence[_CommentLine], markers: dict[Direction, Span | None]
) -> Iterator[Problem]:
    """Yield a problem for each comment that may be meant as a marker that the file lacks.

    fsapi_nb does not guess: a wrong guess would run a DOWN as part of the UP.
    """
    if all(markers.values()):
        return
    found = False
    for (start, end), text, _ in lines:
        mark = find_mark(text.decode(errors="ignore"))
        if mark and _counts(mark, markers, sql_follows=_sql_follows(lexed, end)):
            found = True
            yield source.problem(start, mark.message, mark.hint)
    if not found and not any(markers.values()):
        yield from _pairs(source, lexed, lines)


def _pairs(source: Source, lexed: Lexed, lines: Sequence[_CommentLine]) -> Iterator[Problem]:
    """Yield a problem for the second of two comments that name both directions in an unknown tool's words."""
    pair = find_pair(text.decode(errors="ignore") for _, text, _ in lines)
    (start, end) = lines[pair[1]][0] if pair else (0, 0)
    if pair and _sql_follows(lexed, end):
        first = source.line(lines[pair[0]][0][0])
        message = f"this comment and the one in line {first} read like the two directions of a migration"
        hint = "if they are, write exactly `-- UP` and `-- DOWN` instead; if not, write `-- UP` above all of the SQL."
        yield source.problem(start, message, hint)


def _counts(mark: ForeignMark, markers: dict[Direction, Span | None], *, sql_follows: bool) -> bool:
    """Return whether a mark is a problem, because the marker that it seems to be is missing."""
    if mark.heads_file:
        return not any(markers.values())
    return not markers[mark.direction] and (sql_follows or not mark.weak)


def _sql_follows(lexed: Lexed, offset: int) -> bool:
    """Return whether a token that is not a comment follows a place."""
    return bool(lexed.tokens.sorts[bisect.bisect_left(lexed.tokens.starts, offset) :].strip(COMMENTS))
