"""PostgreSQL's own scanner and parser (libpg_query through `postgast`), and nothing of ours.

The one module that imports `postgast`. Texts are UTF-8 bytes here and offsets count bytes from zero, as
libpg_query's token and statement offsets do; its error positions count characters (tried with `'é' 1a`,
postgast's documentation says bytes) and are converted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import postgast
from postgast import pg_query_pb2

_NAMES: dict[int, str] = dict(zip(pg_query_pb2.Token.values(), pg_query_pb2.Token.keys(), strict=True))

COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
SEMICOLON = "ASCII_59"
BACKSLASH = "ASCII_92"
OPEN, CLOSE = "ASCII_40", "ASCII_41"
STRING = "SCONST"
STRINGS = frozenset({STRING, "USCONST", "XCONST", "BCONST"})

#: PostgreSQL's major version whose grammar this is.
GRAMMAR_VERSION = 18


class Token(NamedTuple):
    """A token of PostgreSQL's scanner: its name in the grammar, and where its bytes are."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """What the scanner or the parser refused: its message, and the byte offset where it stood."""

    message: str
    offset: int


class SqlSyntaxError(ValueError):
    """The parser refused the text; `problem` says where."""

    def __init__(self, problem: SyntaxProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class RawStatement:
    """A statement as the parser found it: its tree (a protobuf `Node`), and where its text lies."""

    tree: Any
    start: int
    end: int


def scan(text: bytes) -> tuple[list[Token], SyntaxProblem | None]:
    """All tokens, comments included; up to the first thing that the scanner refuses, which is returned too.

    What stands before that place is reliable: PostgreSQL scans from left to right.
    """
    problem: SyntaxProblem | None = None
    while True:
        try:
            tokens = postgast.scan(text.decode()).tokens
        except postgast.PgQueryError as error:
            problem = _problem(error, text)
            text = text[: problem.offset]
        else:
            return [Token(_NAMES[token.token], token.start, token.end) for token in tokens], problem


def parse(text: bytes) -> list[RawStatement]:
    """The statements of a text without inline COPY data, in order.

    Raises SqlSyntaxError where PostgreSQL 18's grammar does not take it.
    """
    try:
        statements = postgast.parse(text.decode()).stmts
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(_problem(error, text)) from None
    return [
        RawStatement(raw.stmt, raw.stmt_location, raw.stmt_location + raw.stmt_len if raw.stmt_len else len(text))
        for raw in statements
    ]


def _problem(error: postgast.PgQueryError, text: bytes) -> SyntaxProblem:
    """The error with its position, counted in characters from one, as an offset in bytes; at worst the end."""
    before = text.decode()[: max(error.cursorpos - 1, 0)]
    return SyntaxProblem(error.message, min(len(before.encode()), max(len(text) - 1, 0)))
