"""Where a file's `-- UP` and `-- DOWN` stand, by PostgreSQL's scanner: outside every string, comment and body.

Finds the sections and says what is wrong with the markers; what is in the sections is for `migration`.
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
# What a terminal would obey instead of showing it: control characters, and those that turn the direction of text.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Source:
    """A file's text, able to say where in it a byte stands, as people count: lines and characters from one.

    Passwords in it are starred wherever a line is shown.
    """

    def __init__(self, file: str, lexed: Lexed) -> None:
        self.file = file
        self.text = lexed.text
        self._lexed = lexed
        self._counted = (0, 1)  # a place, and its line: what is asked next mostly stands further on

    def line(self, offset: int) -> int:
        """The line of that byte."""
        place, line = self._counted if self._counted[0] <= offset else (0, 1)
        line += self.text.count(b"\n", place, offset)
        self._counted = (offset, line)
        return line

    def start_of(self, line: int) -> int:
        """The first byte of that line."""
        offset = 0
        for _ in range(line - 1):
            offset = self.text.index(b"\n", offset) + 1
        return offset

    def column(self, offset: int) -> int:
        """The column of that byte, in characters of its line."""
        start = self.text.rfind(b"\n", 0, offset) + 1
        return len(self.text[start:offset].decode(errors="replace")) + 1 if start < offset else 1

    def place(self, offset: int, *, column: bool = True) -> SourceLocation:
        """The place of that byte, with the text of its line."""
        start = self.text.rfind(b"\n", 0, offset) + 1
        end = self.text.find(b"\n", offset)
        line = self._shown(start, len(self.text) if end < 0 else end)
        # Counted in the line as it is shown, so that the caret is right where a password is starred out.
        before = len(self._shown(start, offset))
        return SourceLocation(self.file, self.line(offset), before + 1 if column else None, line)

    def problem(self, offset: int, message: str, hint: str | None = None, *, column: bool = True) -> Problem:
        """A fault that stands at that byte."""
        return Problem(message, self.place(offset, column=column), hint)

    def shown(self, start: int, end: int) -> str:
        """The text between two bytes of one line, as it may be shown."""
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
    """The sections of a file. `header` is what stands before the first marker; `down` None where there is none.

    `checks` are those of `-- CHECK` or `-- CHECK: title` lines, with their titles, in order.
    """

    up: Section
    down: Section | None
    header: Section
    checks: tuple[tuple[str, Section], ...] = ()


def find_sections(source: Source, lexed: Lexed) -> tuple[Sections | None, list[Problem]]:
    """The sections, or what is wrong with the markers."""
    markers: dict[bytes, Span] = {}
    problems: list[Problem] = []
    lines = list(_comment_lines(lexed))
    for name, span in _markers(lines):
        if name in markers:
            first = source.line(markers[name][0])
            problems.append(source.problem(span[0], f"a second `-- {name.decode()}`; the first is in line {first}"))
        markers.setdefault(name, span)
    up, down = markers.get(b"UP"), markers.get(b"DOWN")
    if not lexed.problem:  # else the marker may stand where nothing was read any more
        problems += _near_misses(source, lexed, lines, {Direction.UP: up, Direction.DOWN: down})
    if down and not up:
        hint = "put `-- UP` on a line of its own before the SQL that makes the change."
        problems.append(source.problem(down[0], "`-- DOWN` without an `-- UP`", hint))
    if up and down and down < up:
        problems.append(source.problem(down[0], "`-- DOWN` stands before `-- UP`", "put the UP section first."))
    if problems:
        return None, problems
    sections = _cut(lexed.text, up, down, _checks(lines, after=up))
    stray = _stray(lexed, sections.up.start)
    if stray is not None:
        hint = "move it below the marker, or remove it."
        return None, [source.problem(stray, "SQL before `-- UP`", hint)]
    return sections, []


def _stray(lexed: Lexed, before: int) -> int | None:
    """Where the first token that is no comment stands, if that is before that place."""
    above = lexed.tokens.sorts[: bisect.bisect_left(lexed.tokens.starts, before)]
    return lexed.tokens.starts[len(above) - len(above.lstrip(COMMENTS))] if above.strip(COMMENTS) else None


def _cut(text: bytes, up: Span | None, down: Span | None, checks: Sequence[tuple[str, Span]]) -> Sections:
    """Each section goes from below its marker to the next one."""
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
    """The section below that marker; the markers' `starts` are in order."""
    after = bisect.bisect_right(starts, marker[0])
    return Section(_next_line(text, marker[1]), starts[after] if after < len(starts) else len(text))


def _checks(lines: Iterable[_CommentLine], *, after: Span | None) -> list[tuple[str, Span]]:
    """The `-- CHECK` lines below `-- UP`, with their titles; without an `-- UP` they are comments."""
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
    """The comments that begin a line, with their text and whether they are not indented."""
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
    """Comments that may be meant as a marker which the file lacks: perhaps those of another tool, so nothing is guessed."""
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
    """The second of two comments that say both directions in the words of a tool that nobody knows."""
    pair = find_pair(text.decode(errors="ignore") for _, text, _ in lines)
    (start, end) = lines[pair[1]][0] if pair else (0, 0)
    if pair and _sql_follows(lexed, end):
        first = source.line(lines[pair[0]][0][0])
        message = f"this comment and the one in line {first} read like the two directions of a migration"
        hint = "if they are, write exactly `-- UP` and `-- DOWN` instead; if not, write `-- UP` above all of the SQL."
        yield source.problem(start, message, hint)


def _counts(mark: ForeignMark, markers: dict[Direction, Span | None], *, sql_follows: bool) -> bool:
    """Whether a mark stands for a marker that is missing."""
    if mark.heads_file:
        return not any(markers.values())
    return not markers[mark.direction] and (sql_follows or not mark.weak)


def _sql_follows(lexed: Lexed, offset: int) -> bool:
    """Whether a token that is not a comment stands after that place."""
    return bool(lexed.tokens.sorts[bisect.bisect_left(lexed.tokens.starts, offset) :].strip(COMMENTS))
