r"""Scan a text, with psql's commands (`\set`, `\restrict`) set aside.

A command is not SQL: it goes to the end of its line, and an apostrophe in it (`\echo Don't stop`) does not open a
string. So the tokens after a command are reliable only after the command has been taken out.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable

from fsapi_nb.script.parser import tokenize
from fsapi_nb.script.tokens import BACKSLASH, SyntaxProblem, Tokens

Span = tuple[int, int]
_BLANK = bytes(10 if byte == 10 else 32 for byte in range(256))


def scan(text: bytes, shift: int = 0) -> tuple[Tokens, list[Span], SyntaxProblem | None]:
    """Return the tokens of a text, the places of psql's commands in it, and what the scanner refused.

    The tokens end at the first that the scanner refused.

    Args:
        text: The text in UTF-8.
        shift: A number of bytes that is added to each offset.
    """
    found = Tokens()
    commands: list[Span] = []
    position = 0
    while True:
        tokens, problem = tokenize(text[position:] if position else text, position + shift)
        again = _set_aside(text, shift, tokens, problem, commands)
        if not position and again is None:
            return tokens, commands, problem
        found.extend(tokens)
        if again is None:
            return found, commands, problem
        position = again


def _set_aside(
    text: bytes, shift: int, tokens: Tokens, problem: SyntaxProblem | None, commands: list[Span]
) -> int | None:
    """Remove the commands from the tokens; return where to scan again, if text was misread."""
    index = 0
    while (index := tokens.sorts.find(BACKSLASH, index)) >= 0:
        start = tokens.starts[index]
        line_end = text.find(b"\n", start - shift)
        end = (line_end if line_end >= 0 else len(text)) + shift
        commands.append((start, end))
        last = bisect.bisect_left(tokens.starts, end)
        # A token over the line's end, or an error in the line: an apostrophe of the command was taken for a string's.
        if tokens.ends[last - 1] > end or (problem and problem.offset < end):
            tokens.cut(index)
            return end - shift
        tokens.remove(index, last)
    return None


def blanked(text: bytes, spans: Iterable[Span]) -> bytes:
    """Return the text with these parts blanked, except for their line ends."""
    changed = bytearray(text)
    for start, end in spans:
        changed[start:end] = changed[start:end].translate(_BLANK)
    return bytes(changed)
