"""Call PostgreSQL's own scanner and parser: libpg_query, through `postgast`.

No other module imports `postgast`, and this one only when something is to be parsed: it takes time to load. Texts are
UTF-8 bytes here and offsets count bytes from zero, as libpg_query's token and statement offsets do; its error positions
count characters (tried with `'é' 1a`; postgast's documentation says bytes) and are converted.

postgast is pinned below 0.3 because this module uses private parts of it: `native.lib`, libpg_query itself, for the
places of statements (`split` returns only their texts) and for a tree that is too deep for protobuf's library (`parse`
decodes it at once); and `errors.check_error`, which raises an error for a result of `native.lib`.
"""

from __future__ import annotations

import bisect
import ctypes
import functools
import struct
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from fsapi_nb.script import tokens
from fsapi_nb.script.depth import refuse_depth
from fsapi_nb.script.tokens import SqlSyntaxError, SyntaxProblem, Tokens

if TYPE_CHECKING:
    import postgast

_UNNAMED = "OTHER"  # a character that has no meaning in SQL: a brace, a backtick, a control character

COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
SEMICOLON = "ASCII_59"
PARAMETER = "PARAM"
_SORTS = {
    tokens.LINE_COMMENT: {"SQL_COMMENT"},
    tokens.BLOCK_COMMENT: {"C_COMMENT"},
    tokens.END: {SEMICOLON},
    tokens.TEXT: {"SCONST", "USCONST", "XCONST", "BCONST"},
    tokens.BACKSLASH: {"ASCII_92"},
    tokens.EQUALS: {"ASCII_61"},
    tokens.OPEN: {"ASCII_40"},
    tokens.CLOSE: {"ASCII_41"},
    tokens.AS: {"AS"},
    tokens.SEPARATING: {"ASCII_44", "AND", "OR"},
    tokens.DEEPENING: {"Op", "TYPECAST", "IS", "ISNULL", "NOTNULL", "COLLATE", "AT", "OPERATOR"}
    | {f"ASCII_{ord(operator)}" for operator in "+-*/%^"},
    tokens.JOINING: {"UNION", "EXCEPT", "INTERSECT", "JOIN"},
}
_WINDOW = 1 << 20  # bytes that are scanned or parsed at once: this limits the memory that large texts take
_AT_ONCE = 1 << 7  # tokens that are Python objects at the same time: protobuf is slow if there are many
_POINTERS = ctypes.POINTER(ctypes.c_void_p)
_PAIR = struct.Struct("ii")


class Token(NamedTuple):
    """A token of PostgreSQL's scanner: its name in the grammar, and the place of its bytes."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RawStatement:
    """A statement as the parser found it: its tree (a protobuf `Node`), and the place of its text.

    A very deep tree is cut: the nodes some dozens of levels deep are empty.
    """

    tree: Any
    start: int
    end: int


# -- the scanner -----------------------------------------------------------------------------------------------


def scan(text: bytes) -> tuple[list[Token], SyntaxProblem | None]:
    """Return a query's tokens with their names, comments included, up to the first that is refused.

    The second value says what it refused; None if nothing. A file is scanned by `tokenize`.
    """
    found, problem = _scan(text)
    names = _names()
    return [Token(names.get(token.token, _UNNAMED), token.start, token.end) for token in found], problem


def tokenize(text: bytes, shift: int = 0) -> tuple[Tokens, SyntaxProblem | None]:
    """Return all tokens of a text up to the first that the scanner refuses, and what it refused.

    Comments are tokens, too. A large text is scanned in windows. Only the tokens up to a window's last semicolon count,
    because a semicolon ends a token whatever follows.

    Args:
        text: The text in UTF-8.
        shift: A number of bytes that is added to each offset.
    """
    found = Tokens()
    position, size = 0, _WINDOW
    while True:
        stop, before = _between_characters(text, position + size), len(found)
        problem = _add_tokens(found, text[position:stop], position + shift)
        if stop == len(text):
            return found, problem
        last = found.sorts.rfind(tokens.END, before) + 1
        found.cut(last or before)
        if last:
            position, size = found.ends[-1] - shift, _WINDOW
        else:
            size *= 2


def _add_tokens(found: Tokens, text: bytes, shift: int) -> SyntaxProblem | None:
    """Scan a text, add its tokens, their offsets greater by `shift`, and return what the scanner refused."""
    scanned, problem = _scan(text)
    sorts = _sorts()
    for first in range(0, len(scanned), _AT_ONCE):
        batch = scanned[first : first + _AT_ONCE]
        found.starts += array("i", [token.start + shift for token in batch])
        found.ends += array("i", [token.end + shift for token in batch])
        found.sorts += bytes([sorts[token.token] for token in batch])
    return SyntaxProblem(problem.message, problem.offset + shift) if problem else None


def _scan(text: bytes) -> tuple[Any, SyntaxProblem | None]:
    """Return libpg_query's tokens up to the first that it refuses, and what it refused.

    The tokens before it are reliable, because PostgreSQL scans from left to right.
    """
    import postgast

    message: str | None = None
    while True:
        try:
            found = postgast.scan(text.decode()).tokens
        except postgast.PgQueryError as error:
            # The first error may be inside a literal; the next round finds where the literal begins.
            message = message or error.message
            text = text[: _offset(error, text) if error.cursorpos else _blind_spot(text)]
        else:
            return found, None if message is None else SyntaxProblem(message, len(text))


@functools.cache
def _names() -> dict[int, str]:
    """Return the grammar's names of the tokens, by their numbers."""
    from postgast import pg_query_pb2

    return dict(zip(pg_query_pb2.Token.values(), pg_query_pb2.Token.keys(), strict=True))


@functools.cache
def _sorts() -> list[int]:
    """Return the sort of each token, by its number; a character without a meaning in SQL has its own."""
    sorts = [tokens.PLAIN[0]] * (max(255, *_names()) + 1)
    for number, name in _names().items():
        sorts[number] = next((sort[0] for sort, names in _SORTS.items() if name in names), tokens.PLAIN[0])
    return sorts


def _between_characters(text: bytes, offset: int) -> int:
    """Return the first offset from this one on at which a character begins; at most the text's end."""
    while offset < len(text) and text[offset] & 0xC0 == 0x80:
        offset += 1
    return min(offset, len(text))


# -- the parser ------------------------------------------------------------------------------------------------


def parse(text: bytes) -> list[RawStatement]:
    """Return the statements of a text without inline COPY data, in order.

    Raises:
        SqlSyntaxError: PostgreSQL 18's grammar does not accept the text, or its tree would be too deep.
    """
    found, _ = tokenize(text)
    refuse_depth(found, 0, len(found))
    return [
        RawStatement(raw.stmt, raw.stmt_location, raw.stmt_location + raw.stmt_len if raw.stmt_len else len(text))
        for raw in _parse(text)
    ]


def parse_one(text: bytes) -> Any:
    """Return the tree of a text that is one statement and known not to be too deep (see `depth`).

    Raises:
        SqlSyntaxError: PostgreSQL 18's grammar does not accept the text.
        ValueError: The text is not exactly one statement.
    """
    (raw,) = _parse(text)
    return raw.stmt


def deparse(statement: Any) -> str:
    """Return the SQL of a tree that `parse_one` returned."""
    import postgast
    from postgast import pg_query_pb2

    return str(postgast.deparse(pg_query_pb2.ParseResult(stmts=[pg_query_pb2.RawStmt(stmt=statement)])))


def parse_plpgsql(text: bytes) -> Any:
    """Return the bodies in a CREATE FUNCTION, CREATE PROCEDURE or DO in PL/pgSQL, as libpg_query's JSON.

    Raises:
        SqlSyntaxError: PostgreSQL 18's PL/pgSQL does not accept a body. Its offset is 0: libpg_query's would be one in
            the body.
    """
    import postgast

    try:
        return postgast.parse_plpgsql(text.decode())
    except (postgast.PgQueryError, ValueError) as error:  # ValueError: libpg_query's answer is not JSON
        raise SqlSyntaxError(SyntaxProblem(str(error), 0)) from None


def _parse(text: bytes) -> Any:
    import postgast

    try:
        return _tree(text).stmts
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(SyntaxProblem(error.message, _offset(error, text))) from None


def ends_of_statements(text: bytes, found: Tokens, start: int, end: int) -> list[int]:
    """Return where each statement of a part of a text ends: at its last token, or after it.

    This costs less than a tenth of a tree. A large part is parsed in pieces that end with a semicolon. If the grammar
    accepts a piece, a statement ends there, because it reads from left to right; else (BEGIN ATOMIC) a longer piece is
    tried.

    Args:
        text: The text in UTF-8, without inline COPY data.
        found: Its tokens.
        start: Where the part begins.
        end: Where the part ends.

    Raises:
        SqlSyntaxError: The grammar does not accept the part. Its place is an offset in the text.
    """
    ends: list[int] = []
    position, size = start, _WINDOW
    while position < end:
        stop = end if end - position <= size else min(_after_semicolon(found, position + size), end)
        try:
            ends += _split(text[position:stop], position)
        except SqlSyntaxError as error:
            if stop == end:
                raise SqlSyntaxError(SyntaxProblem(str(error), error.problem.offset + position)) from None
            size = 2 * (stop - position)
        else:
            position, size = stop, _WINDOW
    return ends


def _after_semicolon(found: Tokens, offset: int) -> int:
    """Return where the first semicolon at or after a place ends; a place after the text if there is none."""
    index = found.sorts.find(tokens.END, bisect.bisect_left(found.starts, offset))
    return found.ends[index] if index >= 0 else sys.maxsize


def _split(text: bytes, shift: int) -> list[int]:
    """Return where each statement of a text ends, plus `shift`.

    postgast's own `split` returns the texts of the statements, not their places, so the C function is called here.
    """
    import postgast

    result = postgast.native.lib.pg_query_split_with_parser(text)
    try:
        postgast.errors.check_error(result)
        pointers = ctypes.cast(result.stmts, _POINTERS)
        places = b"".join([ctypes.string_at(pointer, _PAIR.size) for pointer in pointers[: result.n_stmts]])
    except postgast.PgQueryError as error:
        raise SqlSyntaxError(SyntaxProblem(error.message, _offset(error, text))) from None
    finally:
        postgast.native.lib.pg_query_free_split_result(result)  # the C library's memory: it must also go after an error
    return [shift + location + length for location, length in _PAIR.iter_unpack(places)]


def _tree(text: bytes) -> Any:
    """Return the parse tree of a text, cut if it is too deep for protobuf.

    protobuf's Python library reads at most 100 messages within one another (`'a' || 'b' || ...` has more).
    """
    import postgast
    from google.protobuf.message import DecodeError
    from postgast import pg_query_pb2

    from fsapi_nb.script.nesting import without_depth

    try:
        return postgast.parse(text.decode())
    except DecodeError:
        return pg_query_pb2.ParseResult.FromString(
            without_depth(_serialized_tree(text), pg_query_pb2.ParseResult.DESCRIPTOR)
        )


def _serialized_tree(text: bytes) -> bytes:
    """Return the parse tree as libpg_query serializes it. postgast has no public function for that."""
    from postgast import native
    from postgast.errors import check_error

    result = native.lib.pg_query_parse_protobuf(text)
    try:
        check_error(result)
        return ctypes.string_at(result.parse_tree.data, result.parse_tree.len)
    finally:
        native.lib.pg_query_free_protobuf_parse_result(result)


# -- libpg_query's errors --------------------------------------------------------------------------------------


def _offset(error: postgast.PgQueryError, text: bytes) -> int:
    """Return an error's position, in characters from one, as an offset in bytes within the text."""
    characters = text.decode()
    position = min(max(error.cursorpos - 1, 0), max(len(characters) - 1, 0))
    return len(characters[:position].encode())


def _blind_spot(text: bytes) -> int:
    r"""Return where a token ends that the scanner refuses without a position, less its last character.

    Such a token is `E'\xff'`. Halves the text repeatedly: a text that ends before that place has no such error.
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
    import postgast

    try:
        postgast.scan(characters)
    except postgast.PgQueryError as error:
        return not error.cursorpos
    return False
