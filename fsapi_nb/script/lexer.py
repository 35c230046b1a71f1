r"""A whole file's tokens, with what psql adds to SQL set aside: the inline data of `COPY ... FROM stdin`.

The data is no SQL and may hold anything (an apostrophe is enough to lead a scanner astray), so it is found
first, statement by statement, and blanked out; line numbers stay as they are. Knows nothing of sections.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from itertools import pairwise

from fsapi_nb.script.parser import CLOSE, COMMENTS, OPEN, SEMICOLON, SyntaxProblem, Token, scan

_STDIN = re.compile(rb"stdin", re.IGNORECASE)
_END_OF_DATA = re.compile(rb"^\\\.\r?$", re.MULTILINE)
_LONE_RETURN = re.compile(rb"\r(?=[^\r\n])")
_BLANK = bytes(10 if byte == 10 else 32 for byte in range(256))


@dataclass(frozen=True, slots=True)
class CopyBlock:
    """Where the data of one COPY lies: from `start` to `end`, and SQL goes on at `after`; its `semicolon` is before."""

    semicolon: int
    start: int
    end: int
    after: int


@dataclass(frozen=True, slots=True)
class Lexed:
    """A file's tokens and COPY blocks; `text` is the file with the data blanked; `problem` where it ended early."""

    text: bytes
    tokens: list[Token]
    copies: tuple[CopyBlock, ...]
    problem: SyntaxProblem | None


def lex(text: bytes) -> Lexed:
    """Scan a whole file. Linear in its length: COPY is only looked for where `stdin` stands."""
    masked = bytearray(text)
    tokens: list[Token] = []
    copies: list[CopyBlock] = []
    position = 0
    problem: SyntaxProblem | None = None
    while problem is None and (found := _next_copy(masked, position)):
        tokens += _shift(found, position)
        block, problem = _find_data(text, tokens[-1].start)
        copies.append(block)
        masked[block.start : block.after] = masked[block.start : block.after].translate(_BLANK)
        position = block.after
    if problem is None:
        found, fault = scan(bytes(masked[position:]))
        tokens += _shift(found, position)
        problem = SyntaxProblem(fault.message, fault.offset + position) if fault else None
    lone = _lone_return(masked, tokens, problem)
    if lone:
        problem, tokens = lone, [token for token in tokens if token.start < lone.offset]
    return Lexed(bytes(masked), tokens, tuple(copies), problem)


def _next_copy(text: bytearray, position: int) -> list[Token] | None:
    """The tokens from there to the semicolon of the next `COPY ... FROM stdin`; None where none is left."""
    end = position
    while candidate := _STDIN.search(text, end):
        # Each look is twice as long as the one before, so that `stdin` in many comments costs no more than in one.
        end = _end_of_line(text, text.find(b";", max(candidate.end(), 2 * end - position)))
        tokens, _ = scan(bytes(text[position:end]))
        last = _end_of_copy(tokens)
        if last is not None:
            return tokens[: last + 1]
    return None


def _end_of_copy(tokens: list[Token]) -> int | None:
    """The index of the semicolon that ends the first `COPY ... FROM stdin`, if there is one."""
    words: list[str] = []
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind in COMMENTS:
            continue
        if token.kind == SEMICOLON and depth == 0:
            if words[:1] == ["COPY"] and ("FROM", "STDIN") in pairwise(words):
                return index
            words = []
            continue
        depth = max(depth + (token.kind == OPEN) - (token.kind == CLOSE), 0)
        if depth == 0:
            words.append(token.kind)
    return None


def _find_data(text: bytes, semicolon: int) -> tuple[CopyBlock, SyntaxProblem | None]:
    """The block of data after the COPY whose semicolon is there, and what is wrong with it."""
    start = min(_end_of_line(text, semicolon) + 1, len(text))
    end = _END_OF_DATA.search(text, start)
    block = CopyBlock(semicolon, start, *(end.span() if end else (len(text), len(text))))
    beside, fault = scan(text[semicolon + 1 : start])
    for offset in [token.start for token in beside if token.kind not in COMMENTS] + [fault.offset if fault else -1]:
        if offset >= 0:
            hint = "the data begins in the next line, so nothing but a comment may stand here."
            message = "SQL after COPY ... FROM stdin; on the same line"
            return block, SyntaxProblem(message, semicolon + 1 + offset, hint)
    if end is None:
        return block, SyntaxProblem("the inline data of this COPY has no end: a line that is just \\.", semicolon)
    return block, None


def _lone_return(text: bytearray, tokens: list[Token], problem: SyntaxProblem | None) -> SyntaxProblem | None:
    r"""The first `\r` without `\n` between tokens: PostgreSQL ends the line there, most editors and we do not.

    So what looks like the rest of a comment would run, and a marker after it would be none.
    """
    end = problem.offset if problem else len(text)
    for match in _LONE_RETURN.finditer(text, 0, end):
        index = bisect.bisect_right(tokens, match.start(), key=_start) - 1
        if index < 0 or tokens[index].end <= match.start():
            hint = "save the file with line feeds (LF or CRLF) as line ends."
            return SyntaxProblem("a carriage return without a line feed", match.start(), hint)
    return None


def _start(token: Token) -> int:
    return token.start


def _shift(tokens: list[Token], by: int) -> list[Token]:
    return [Token(token.kind, token.start + by, token.end + by) for token in tokens] if by else tokens


def _end_of_line(text: bytes | bytearray, offset: int) -> int:
    """The offset of the line end at or after `offset`; the text's end where `offset` is negative or none is left."""
    end = text.find(b"\n", offset) if offset >= 0 else -1
    return len(text) if end < 0 else end
