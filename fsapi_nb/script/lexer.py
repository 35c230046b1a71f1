r"""A whole file's tokens, with what psql adds to SQL set aside: the inline data of `COPY ... FROM stdin`.

The data is no SQL and may hold anything (an apostrophe is enough to lead a scanner astray), so it is found
first, statement by statement, and blanked out; line numbers stay as they are. Knows nothing of sections.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from fsapi_nb.script.parser import CLOSE, COMMENTS, OPEN, SEMICOLON, SyntaxProblem, Token, scan

_STDIN = re.compile(rb"stdin", re.IGNORECASE)
_END_OF_DATA = re.compile(rb"^\\\.\r?$", re.MULTILINE)
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
    position = searched = 0
    problem: SyntaxProblem | None = None
    while problem is None and (candidate := _STDIN.search(masked, searched)):
        searched = _end_of_line(masked, masked.find(b";", candidate.end()))
        found, _ = scan(bytes(masked[position:searched]))
        last = _end_of_copy(found)
        if last is None:
            continue
        tokens += _shift(found[: last + 1], position)
        block, problem = _find_data(text, tokens[-1].start, found, last, position)
        copies.append(block)
        masked[block.start : block.after] = masked[block.start : block.after].translate(_BLANK)
        position = searched = block.after
    if problem is None:
        found, problem = scan(bytes(masked[position:]))
        tokens += _shift(found, position)
        if problem:
            problem = SyntaxProblem(problem.message, problem.offset + position)
    return Lexed(bytes(masked), tokens, tuple(copies), problem)


def _find_data(
    text: bytes, semicolon: int, found: list[Token], last: int, position: int
) -> tuple[CopyBlock, SyntaxProblem | None]:
    """The block of data after the COPY whose semicolon is there, and what is wrong with it."""
    start = min(_end_of_line(text, semicolon) + 1, len(text))
    end = _END_OF_DATA.search(text, start)
    block = CopyBlock(semicolon, start, *(end.span() if end else (len(text), len(text))))
    for token in found[last + 1 :]:
        if token.kind not in COMMENTS and token.start + position < start:
            return block, SyntaxProblem("SQL after COPY ... FROM stdin; on the same line", token.start + position)
    if end is None:
        return block, SyntaxProblem("the inline data of this COPY has no end: a line that is just \\.", semicolon)
    return block, None


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
        depth += (token.kind == OPEN) - (token.kind == CLOSE)
        if depth == 0:
            words.append(token.kind)
    return None


def _shift(tokens: list[Token], by: int) -> list[Token]:
    return [Token(token.kind, token.start + by, token.end + by) for token in tokens] if by else tokens


def _end_of_line(text: bytes | bytearray, offset: int) -> int:
    """The offset of the line end at or after `offset`; the text's end where `offset` is negative or none is left."""
    end = text.find(b"\n", offset) if offset >= 0 else -1
    return len(text) if end < 0 else end
