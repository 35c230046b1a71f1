"""PostgreSQL's own scanner and parser (libpg_query through `postgast`), and nothing of ours.

The one module that imports `postgast`. Texts are UTF-8 bytes here and offsets count bytes from zero, as
libpg_query's token and statement offsets do; its error positions count characters (tried with `'é' 1a`,
postgast's documentation says bytes) and are converted.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import postgast
from google.protobuf.message import DecodeError
from postgast import native, pg_query_pb2
from postgast.errors import check_error

from fsapi_nb.script.shallow import without_depth

_NAMES: dict[int, str] = dict(zip(pg_query_pb2.Token.values(), pg_query_pb2.Token.keys(), strict=True))

_UNNAMED = "OTHER"  # a character that means nothing in SQL: a brace, a backtick, a control character

COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
SEMICOLON = "ASCII_59"
BACKSLASH = "ASCII_92"
COMMA, EQUALS = "ASCII_44", "ASCII_61"
OPEN, CLOSE = "ASCII_40", "ASCII_41"
PARAMETER = "PARAM"
STRING = "SCONST"
STRINGS = frozenset({STRING, "USCONST", "XCONST", "BCONST"})


# What makes a tree one level deeper each time it stands in a row (`1 + 1 + 1`), and what begins a new row.
_DEEPENING = frozenset({"Op", "TYPECAST", "IS", "ISNULL", "NOTNULL", "COLLATE", "AT", "OPERATOR"}) | {
    f"ASCII_{ord(operator)}" for operator in "+-*/%^"
}
_JOINING = frozenset({"UNION", "EXCEPT", "INTERSECT", "JOIN"})
_SEPARATING = frozenset({COMMA, "AND", "OR"})
_DEEPEST = 5000


class Token(NamedTuple):
    """A token of PostgreSQL's scanner: its name in the grammar, and where its bytes are."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """What the scanner or the parser refused: its message, the byte offset where it stood, and what helps."""

    message: str
    offset: int
    hint: str | None = None


class SqlSyntaxError(ValueError):
    """The parser refused the text; `problem` says where."""

    def __init__(self, problem: SyntaxProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class RawStatement:
    """A statement as the parser found it: its tree (a protobuf `Node`), and where its text lies.

    What is nested some dozens of levels deep in a very deep tree is left out.
    """

    tree: Any
    start: int
    end: int


def scan(text: bytes) -> tuple[list[Token], SyntaxProblem | None]:
    """All tokens, comments included; up to the first that the scanner refuses, which is returned too.

    What stands before that token is reliable: PostgreSQL scans from left to right.
    """
    message: str | None = None
    while True:
        try:
            tokens = postgast.scan(text.decode()).tokens
        except postgast.PgQueryError as error:
            # What is bad inside a literal is named first; the next round finds where the literal begins.
            message = message or error.message
            text = text[: _offset(error, text) if error.cursorpos else _blind_spot(text)]
        else:
            found = [Token(_NAMES.get(token.token, _UNNAMED), token.start, token.end) for token in tokens]
            return found, None if message is None else SyntaxProblem(message, len(text))


def parse(text: bytes, tokens: Iterable[Token], *, start: int = 0) -> list[RawStatement]:
    """The statements of a text without inline COPY data, in order. Its tokens count from `start` before it.

    Raises SqlSyntaxError where PostgreSQL 18's grammar does not take it.
    """
    if len(text) > _DEEPEST:
        _refuse_depth(tokens, start)
    try:
        statements = _tree(text).stmts
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(SyntaxProblem(error.message, _offset(error, text))) from None
    return [
        RawStatement(raw.stmt, raw.stmt_location, raw.stmt_location + raw.stmt_len if raw.stmt_len else len(text))
        for raw in statements
    ]


def _tree(text: bytes) -> Any:
    """The parse tree; protobuf's Python library takes none deeper than 100 messages (`'a' || 'b' || ...`)."""
    try:
        return postgast.parse(text.decode())
    except DecodeError:
        return pg_query_pb2.ParseResult.FromString(
            without_depth(_serialized_tree(text), pg_query_pb2.ParseResult.DESCRIPTOR)
        )


def _serialized_tree(text: bytes) -> bytes:
    """What libpg_query gives, not yet decoded: postgast has no public way to it."""
    result = native.lib.pg_query_parse_protobuf(text)
    try:
        check_error(result)
        return ctypes.string_at(result.parse_tree.data, result.parse_tree.len)
    finally:
        native.lib.pg_query_free_protobuf_parse_result(result)


@dataclass(slots=True)
class _Level:
    """Between two parentheses: the depth of the expression being read, of the deepest before it, and of joins."""

    depth: int = 0
    deepest: int = 0
    joins: int = 0

    def total(self) -> int:
        return max(self.depth, self.deepest) + self.joins


def _refuse_depth(tokens: Iterable[Token], start: int) -> None:
    """Raise SqlSyntaxError for a tree so deep that libpg_query overruns the C stack and takes Python with it.

    An estimate from above. PostgreSQL's own limit (`max_stack_depth`) is near where this refuses.
    """
    levels = [_Level()]
    for token in tokens:
        level = levels[-1]
        if token.kind == OPEN:
            levels.append(_Level())
        elif token.kind == CLOSE and len(levels) > 1:
            inner = levels.pop().total()
            levels[-1].depth = max(levels[-1].depth, inner + 1)
        elif token.kind == SEMICOLON:
            levels = [_Level()]
        elif token.kind in _SEPARATING:
            level.depth, level.deepest = 0, max(level.depth, level.deepest)
        else:
            level.depth += token.kind in _DEEPENING
            level.joins += token.kind in _JOINING
        if levels[-1].total() > _DEEPEST:
            message = f"more than {_DEEPEST} operators, joins or parentheses build on one another"
            raise SqlSyntaxError(SyntaxProblem(message, token.start - start))


def _offset(error: postgast.PgQueryError, text: bytes) -> int:
    """The error's position, counted in characters from one, as an offset in bytes; at most the last character's."""
    characters = text.decode()
    position = min(max(error.cursorpos - 1, 0), max(len(characters) - 1, 0))
    return len(characters[:position].encode())


def _blind_spot(text: bytes) -> int:
    r"""Where the token ends that the scanner refuses without saying where (`E'\xff'`), less its last character.

    Found by halving: a text that ends before that place has no such error.
    """
    characters = text.decode()
    sound, bad = 0, len(characters)
    while bad - sound > 1:
        middle = (sound + bad) // 2
        if _fails_blindly(characters[:middle]):
            bad = middle
        else:
            sound = middle
    return len(characters[: bad - 1].encode())


def _fails_blindly(characters: str) -> bool:
    try:
        postgast.scan(characters)
    except postgast.PgQueryError as error:
        return not error.cursorpos
    return False
