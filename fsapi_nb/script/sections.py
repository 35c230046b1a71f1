"""Where a file's `-- UP` and `-- DOWN` stand, by PostgreSQL's scanner: outside every string, comment and body.

Finds the sections and says what is wrong with the markers; what is in the sections is for `migration`.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fsapi_nb.errors import Place, Problem
from fsapi_nb.script.lexer import Lexed
from fsapi_nb.script.parser import COMMENTS, Token
from fsapi_nb.script.redact import Span, redact_line, star

__all__ = ["Section", "Sections", "Source", "find_sections", "redact_line"]

_MARKER = re.compile(rb"-- (UP|DOWN)[ \t]*")
_CHECK = re.compile(rb"-- CHECK(?::[ \t]*(?P<title>[^\r\n]*?))?[ \t]*")
_NEAR_MISS = re.compile(r"--[\W_]*(up|down)\b", re.IGNORECASE)
_IN_BLOCK = re.compile(r"/\*[\W_]*(up|down)[\W_]*\*/", re.IGNORECASE)
_FOREIGN = re.compile(r"--[ \t]*(?:migrate:|\+goose[ \t]|\+migrate[ \t])[ \t]*(up|down)\b", re.IGNORECASE)
# What a terminal would obey instead of showing it: control characters, and those that turn the direction of text.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_REACH = 200  # how far into a comment a marker is looked for, decorations included


class Source:
    """A file's text, able to say where in it a byte stands, as people count: lines and characters from one.

    `secrets` are the bytes that are starred wherever a line is shown.
    """

    __slots__ = ("_line_ends", "_secrets", "file", "text")

    def __init__(self, file: str, text: bytes, secrets: Sequence[Span] = ()) -> None:
        self.file = file
        self.text = text
        self._secrets = secrets
        self._line_ends = [match.start() for match in re.finditer(rb"\n", text)]

    def line(self, offset: int) -> int:
        """The line of that byte."""
        return bisect.bisect_left(self._line_ends, offset) + 1

    def column(self, offset: int) -> int:
        """The column of that byte, in characters of its line."""
        start = self.text.rfind(b"\n", 0, offset) + 1
        return len(self.text[start:offset].decode(errors="replace")) + 1

    def place(self, offset: int, *, column: bool = True) -> Place:
        """The place of that byte, with the text of its line."""
        start = self.text.rfind(b"\n", 0, offset) + 1
        end = self.text.find(b"\n", offset)
        line = self._shown(start, len(self.text) if end < 0 else end)
        # Counted in the line as it is shown, so that the caret is right where a password is starred out.
        before = len(self._shown(start, offset))
        return Place(self.file, self.line(offset), before + 1 if column else None, line)

    def problem(self, offset: int, message: str, hint: str | None = None, *, column: bool = True) -> Problem:
        """A fault that stands at that byte."""
        return Problem(message, self.place(offset, column=column), hint)

    def shown(self, start: int, end: int) -> str:
        """The text between two bytes of one line, as it may be shown."""
        line = self.text.rfind(b"\n", 0, start) + 1
        return self._shown(line, end)[len(self._shown(line, start)) :]

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
    markers: dict[bytes, Token] = {}
    problems: list[Problem] = []
    for name, token in _markers(lexed):
        if name in markers:
            first = source.line(markers[name].start)
            problems.append(source.problem(token.start, f"a second `-- {name.decode()}`; the first is in line {first}"))
        markers.setdefault(name, token)
    up, down = markers.get(b"UP"), markers.get(b"DOWN")
    if not lexed.problem:  # else the marker may stand where nothing was read any more
        problems += _near_misses(source, lexed, {"UP": up, "DOWN": down})
    if down and not up:
        hint = "put `-- UP` on a line of its own before the SQL that makes the change."
        problems.append(source.problem(down.start, "`-- DOWN` without an `-- UP`", hint))
    if up and down and down.start < up.start:
        problems.append(source.problem(down.start, "`-- DOWN` stands before `-- UP`", "put the UP section first."))
    if problems:
        return None, problems
    sections = _cut(lexed.text, up, down, _checks(lexed, after=up))
    stray = next((t for t in lexed.tokens if t.kind not in COMMENTS and t.start < sections.up.start), None)
    if stray:
        hint = "move it below the marker, or remove it."
        return None, [source.problem(stray.start, "SQL before `-- UP`", hint)]
    return sections, []


def _cut(text: bytes, up: Token | None, down: Token | None, checks: Sequence[tuple[str, Token]]) -> Sections:
    """Each section goes from below its marker to the next one."""
    if up is None:
        return Sections(Section(0, len(text)), None, Section(0, 0))
    starts = sorted(token.start for token in (up, down, *(token for _, token in checks)) if token)

    def below(marker: Token) -> Section:
        end = next((start for start in starts if start > marker.start), len(text))
        return Section(_next_line(text, marker.end), end)

    return Sections(
        below(up),
        below(down) if down else None,
        Section(0, up.start),
        tuple((title or f"check {number}", below(token)) for number, (title, token) in enumerate(checks, 1)),
    )


def _checks(lexed: Lexed, *, after: Token | None) -> list[tuple[str, Token]]:
    """The `-- CHECK` lines below `-- UP`, with their titles; without an `-- UP` they are comments."""
    found = []
    for token, text, whole in _comment_lines(lexed):
        match = _CHECK.fullmatch(text) if whole and after and token.start > after.start else None
        if match:
            found.append(((match["title"] or b"").decode(errors="replace").strip(), token))
    return found


def _next_line(text: bytes, offset: int) -> int:
    end = text.find(b"\n", offset)
    return len(text) if end < 0 else end + 1


def _comment_lines(lexed: Lexed) -> Iterator[tuple[Token, bytes, bool]]:
    """The comments that begin a line, with their text and whether they are not indented."""
    for token in lexed.tokens:
        if token.kind in COMMENTS:
            line_start = lexed.text.rfind(b"\n", 0, token.start) + 1
            before = lexed.text[line_start : token.start]
            if not before.strip(b" \t\r\f\v\xef\xbb\xbf"):
                yield token, lexed.text[token.start : token.end], not before


def _markers(lexed: Lexed) -> Iterator[tuple[bytes, Token]]:
    for token, text, whole in _comment_lines(lexed):
        match = _MARKER.fullmatch(text) if whole else None
        if match:
            yield match[1], token


def _near_misses(source: Source, lexed: Lexed, markers: dict[str, Token | None]) -> Iterator[Problem]:
    """Comments that begin like a marker which the file lacks: perhaps meant as one, so nothing is guessed."""
    if all(markers.values()):
        return
    for token, text, _ in _comment_lines(lexed):
        begins = text[:_REACH].decode(errors="ignore")
        match = _NEAR_MISS.match(begins) or _FOREIGN.match(begins) or _IN_BLOCK.fullmatch(begins)
        name = match[1].upper() if match else ""
        if match and name in markers and not markers[name]:
            marker = f"-- {name}"
            hint = f"if it is meant as the marker, write exactly `{marker}` at the line's start; if not, reword it."
            yield source.problem(token.start, f"this comment begins like the missing marker `{marker}`", hint)
