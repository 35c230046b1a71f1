r"""Compute the checksum of a migration over its tokens.

Comments, blanks and line ends between the tokens do not matter. Every literal, name and body matters. A line end inside
a literal counts as `\n`, so that a checkout with CRLF is not an edit; the SQL that runs is not normalised.
libpg_query's fingerprint cannot be used: it calls `varchar(10)` and `varchar(99)` equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from fsapi_nb.model.migration import Statement
from fsapi_nb.script.contents import read_copy_data
from fsapi_nb.script.parser import tokenize
from fsapi_nb.script.tokens import COMMENTS, Tokens

ALGORITHM = "tokens-sha256"
_AT_ONCE = 1 << 16  # tokens


def checksum(sections: Iterable[Iterable[bytes] | None]) -> str:
    """Return the checksum of sections, with its algorithm's name: `tokens-sha256:...`.

    Args:
        sections: Each one in pieces, as `tokens_between` and `as_token` make them; None for a section that is absent.
    """
    digest = hashlib.sha256()
    for pieces in sections:
        digest.update(b"-\x01" if pieces is None else b"+\x01")
        for piece in pieces or ():
            digest.update(piece)
    return f"{ALGORITHM}:{digest.hexdigest()}"


def tokens_between(text: bytes, tokens: Tokens, first: int, last: int) -> Iterator[bytes]:
    """Yield the tokens from `first` up to `last`, none of which is a comment, each followed by a NUL."""
    for start in range(first, last, _AT_ONCE):
        stop = min(start + _AT_ONCE, last)
        found = [text[begin:end] for begin, end in zip(tokens.starts[start:stop], tokens.ends[start:stop], strict=True)]
        found.append(b"")
        yield b"\x00".join(found).replace(b"\r\n", b"\n")


def as_token(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield bytes, such as a COPY's data, so that they are hashed as one token."""
    left = b""
    for piece in pieces:
        text = left + piece
        left = b"\r" if text.endswith(b"\r") else b""  # its line feed may be the first byte of the next piece
        yield (text[:-1] if left else text).replace(b"\r\n", b"\n")
    yield left + b"\x00"


def statements_checksum(statements: Iterable[Statement]) -> str:
    """Return the checksum of some of a script's statements, their COPY data included."""
    return checksum([_contents(statement) for statement in statements])


def text_checksum(text: str) -> str:
    """Return the checksum of a stored script: comments, blanks and line ends do not matter."""
    written = text.encode()
    _, problem = tokenize(written)
    # The text after the place that the scanner refuses, such as a COPY's data, counts as it is written.
    return checksum([_tokens_of(written), as_token([written[problem.offset :]]) if problem else None])


def _tokens_of(text: bytes) -> Iterator[bytes]:
    tokens, _ = tokenize(text)
    first = 0
    for last in [*(index for index, sort in enumerate(tokens.sorts) if sort in COMMENTS), len(tokens)]:
        yield from tokens_between(text, tokens, first, last)
        first = last + 1


def _contents(statement: Statement) -> Iterator[bytes]:
    yield from _tokens_of(statement.text.encode())
    if statement.copy:
        yield from as_token(read_copy_data(statement.copy))
