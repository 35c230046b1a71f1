"""Find text that `SET client_encoding = 'LATIN1'` would make the server misread in a UTF-8 file.

The server would take each character for two or three others and store those. Dumps of old databases begin with such a
line, and still have it when somebody has saved them as UTF-8.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from fsapi_nb.script.lexer import CopyBlock, Lexed
from fsapi_nb.script.tokens import COMMENTS, END, SyntaxProblem

_NAMED = re.compile(rb"client_encoding|\bnames\b|\bencoding\b", re.IGNORECASE)
_GIVES = frozenset({b"=", b"to", b","})
_SETS = frozenset({b"set", b"session", b"local"})
# SQL_ASCII converts nothing.
_SAME = frozenset({b"utf8", b"unicode", b"default", b"sqlascii"})


class _Named(NamedTuple):
    """An encoding that a script names: its place (`value`), its name, and the text that is read in it."""

    value: int
    name: bytes
    start: int
    end: int


def find_misread_text(lexed: Lexed, first: int, last: int, end: int) -> SyntaxProblem | None:
    """Return the first encoding other than UTF-8 that these tokens set for non-ASCII text; else None.

    Args:
        lexed: The file.
        first: The number of the first token.
        last: The number after the last token.
        end: Where their section ends.
    """
    left_out = [block.start for block in lexed.copies if not block.kept]
    if (lexed.text.isascii() and not left_out) or not _NAMED.search(lexed.code):
        return None
    for named in _named(lexed, first, last, end):
        is_ascii = lexed.text[named.start : named.end].isascii()
        if _plain(named.name) in _SAME:
            continue
        if not is_ascii or any(named.start <= start < named.end for start in left_out):
            name = named.name.decode(errors="replace").upper()
            hint = f"every migration file is UTF-8: write UTF8 instead of {name}, or remove this line."
            return SyntaxProblem(f"this would make PostgreSQL read text in UTF-8 as {name}", named.value, hint)
    return None


def _named(lexed: Lexed, first: int, last: int, end: int) -> Iterator[_Named]:
    """Yield the encodings that are named, each with the text that it is for."""
    tokens = lexed.tokens
    solid = [index for index in range(first, last) if tokens.sorts[index] not in COMMENTS]
    starts = [tokens.starts[index] for index in solid]
    blocks = {block.semicolon: block for block in lexed.copies}
    changes: list[tuple[int, bytes]] = []
    for match in _NAMED.finditer(lexed.code, starts[0] if starts else end, end):
        number = bisect.bisect_right(starts, match.start()) - 1
        words = [_word(lexed, index) for index in solid[max(number - 1, 0) : number + 3]]
        before, word, *after = words if number else [b"", *words]
        if word == b"client_encoding" and before == b"reset":
            changes.append((starts[number], b"default"))
        elif word == b"client_encoding" and len(after) == 2 and after[0] in _GIVES:
            changes.append((starts[number + 2], after[1]))
        elif word == b"names" and before in _SETS and after:
            changes.append((starts[number + 1], after[0]))
        elif word == b"encoding" and after and (block := _block_after(lexed, solid, number, blocks)):
            yield _Named(starts[number + 1], after[0], block.start, block.end)
    for (value, name), (until, _) in itertools.pairwise([*changes, (end, b"")]):
        yield _Named(value, name, value, until)


def _block_after(lexed: Lexed, solid: list[int], number: int, blocks: dict[int, CopyBlock]) -> CopyBlock | None:
    """Return the inline data of the statement that a token belongs to; None if it has none."""
    ends = (index for index in solid[number:] if lexed.tokens.sorts[index] == END[0])
    last = next(ends, None)
    return None if last is None else blocks.get(lexed.tokens.starts[last])


def _word(lexed: Lexed, index: int) -> bytes:
    return lexed.code[lexed.tokens.starts[index] : lexed.tokens.ends[index]].strip(b"'\"").lower()


def _plain(name: bytes) -> bytes:
    return re.sub(rb"[^a-z0-9]", b"", name)
