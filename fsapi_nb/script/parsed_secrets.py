"""Find the secrets for which a parser is needed: parse the statements that may hold one.

Few statements do, so a text costs little more than a look at its tokens. A piece that does not parse may be PL/pgSQL,
in which an SQL statement begins after other words; a statement that is too large is parsed by its rows.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from fsapi_nb.script.depth import refuse_depth
from fsapi_nb.script.literal_owner import assigned_before, opening_of
from fsapi_nb.script.parser import parse_one, tokenize
from fsapi_nb.script.secret_places import KEYED_FUNCTIONS, Tables, columns_created, secret_places
from fsapi_nb.script.tokens import CLOSE, COMMENTS, END, OPEN, TEXT, SqlSyntaxError, Tokens
from fsapi_nb.text.secrets import ends_in_secret_name, is_no_secret, is_secret_name, may_hold_secret

_LARGEST = 20_000  # tokens of a statement that is parsed as a whole
_LONGEST_SHAPE = 300  # tokens of a statement that is compared with others
_ROWS = 2_000  # tokens of the rows of a larger statement that are parsed at once
_TOO_EARLY = "at end of input"
_LONGEST_NAME = 200  # bytes of a literal that may be, or end in, the name of a secret
_MOST_TRIES = 6  # places in a piece of PL/pgSQL at which a statement may begin
_PARAMETER = re.compile(rb"\$(\d+)")
_STATEMENTS = frozenset(
    {b"insert", b"update", b"delete", b"select", b"with", b"merge", b"values", b"set", b"alter", b"create"}
)
# After these, PL/pgSQL has an expression, or the rest of a query.
_EXPRESSIONS = frozenset({b"perform", b"execute", b"return", b"query", b":=", b"="})
_DECLARED = frozenset({b":=", b"=", b"default"})
# Words that PL/pgSQL adds after a statement or an expression.
_ENDS = frozenset({b"into", b"using", b"loop", b"then"})
# Those of them that belong to a statement that begins with a word.
_OWN = {
    b"insert": frozenset({b"into"}),
    b"merge": frozenset({b"into", b"using", b"then"}),
    b"delete": frozenset({b"using"}),
}
# The beginning of a CREATE TABLE, and of an INSERT that does not name its columns.
_CREATED = re.compile(rb"\bcreate\s+(?:(?:global|local|temp|temporary|unlogged)\s+)*table\b", re.IGNORECASE)
_BARE_INSERT = re.compile(
    rb"\binsert\s+into\s+(?:[\w\"]+\s*\.\s*)?\"?(?P<table>\w+)\"?\s+(?:as\s+\w+\s+)?"
    rb"(?:overriding\s+\w+\s+value\s+)?(?=values|select|with|\()",
    re.IGNORECASE,
)
_NO_TABLES: Tables = {}
_SETTING = frozenset({b"set", b"alter"})


class Literal(NamedTuple):
    """The place of a secret in a text: between its quotes, or a word without quotes."""

    start: int
    end: int
    quoted: bool = True


class _TokenRange(NamedTuple):
    """The tokens of a statement: from `first` up to `last`."""

    first: int
    last: int


_Alike: TypeAlias = dict[bytes, list[int]]
"""The tokens that are secrets in statements of a shape, counted from the statement's first token."""


def find_parsed(
    text: bytes, tokens: Tokens, places: Iterable[int], tables: Callable[[], Tables] = dict
) -> Iterator[Literal]:
    """Yield the secrets of the statements in which the name of a secret is the name of something.

    Args:
        text: SQL, or a body in PL/pgSQL.
        tokens: The tokens of the text, up to the first that the scanner refuses.
        places: Where words for a secret begin in the text.
        tables: Returns the columns of tables, for an INSERT that names none.
    """
    pieces: dict[_TokenRange, set[int]] = {}
    for index in {bisect.bisect_right(tokens.starts, place) - 1 for place in places}:
        if index >= 0 and _is_name(text, tokens, index):
            pieces.setdefault(_piece_around(tokens, index), set()).add(index)
    alike: _Alike = {}
    for piece, named in pieces.items():
        if TEXT in tokens.sorts[piece.first : piece.last] or _word(text, tokens, piece.first).lower() in _SETTING:
            yield from _literals(text, tokens, _in_known(text, tokens, piece, named, alike))
    yield from _in_bare_inserts(text, tokens, tables)


def created_tables(text: bytes, tokens: Tokens) -> dict[str, Sequence[str]]:
    """Return the columns of each table that a text creates with a column that is a secret by its name."""
    found: dict[str, Sequence[str]] = {}
    for match in _CREATED.finditer(text):
        index = bisect.bisect_left(tokens.starts, match.start())
        if index == len(tokens) or tokens.starts[index] != match.start():
            continue  # in a comment or a literal
        piece = _TokenRange(index, _piece_around(tokens, index).last)
        statement = text[tokens.starts[index] : tokens.ends[piece.last - 1]]
        if may_hold_secret(statement) and (tree := _tree(tokens, piece, statement)) is not None:
            name, columns = columns_created(tree)
            if any(map(is_secret_name, columns)):
                found[name] = columns
    return found


def _in_bare_inserts(text: bytes, tokens: Tokens, tables: Callable[[], Tables]) -> Iterator[Literal]:
    """Yield the secrets of each `INSERT INTO users VALUES (...)` into a table whose columns are known."""
    known: Tables | None = None
    alike: _Alike = {}
    for match in _BARE_INSERT.finditer(text):
        known = tables() if known is None else known
        index = bisect.bisect_left(tokens.starts, match.start())
        if match["table"].decode().lower() in known and index < len(tokens) and tokens.starts[index] == match.start():
            piece = _piece_around(tokens, index)
            if may_hold_secret(text[tokens.starts[piece.first] : tokens.ends[piece.last - 1]]):  # a row may name one
                found = _in_piece(text, tokens, piece, {index}, known)
            else:
                found = _in_known(text, tokens, piece, {index}, alike, known)
            yield from _literals(text, tokens, found)


def statement_before(text: bytes, tokens: Tokens, semicolon: int) -> Any:
    """Return the tree of the statement that ends at a semicolon; None if it does not parse.

    The semicolon is the number of a token.
    """
    piece = _TokenRange(_piece_around(tokens, semicolon).first, semicolon)
    if piece.last - piece.first > _LARGEST or piece.last <= piece.first:
        return None
    return _tree(tokens, piece, text[tokens.starts[piece.first] : tokens.ends[semicolon - 1]])


def secret_parameters(statement: bytes) -> set[int]:
    """Return the numbers of a statement's parameters (`$1`) that are secrets; none if it does not parse."""
    tokens, _ = tokenize(statement)
    tree = _tree(tokens, _TokenRange(0, len(tokens)), statement)
    places = [] if tree is None else secret_places(tree)
    found = (_PARAMETER.match(statement, place) for place in places)
    return {int(match[1]) for match in found if match}


def _is_name(text: bytes, tokens: Tokens, index: int) -> bool:
    """Return whether a token is the name of a secret, or of a function that takes one."""
    if tokens.sorts[index] in COMMENTS:
        return False
    if tokens.sorts[index] != TEXT[0]:
        name = _word(text, tokens, index).decode(errors="replace").strip('"')
        return is_secret_name(name) or name.lower() in KEYED_FUNCTIONS
    inside = opening_of(text, tokens.starts[index], tokens.ends[index])
    if inside is None:
        return False
    content = text[max(inside[0], inside[1] - _LONGEST_NAME) : inside[1]].decode(errors="replace")
    return ends_in_secret_name(content) or (inside[1] - inside[0] <= _LONGEST_NAME and is_secret_name(content))


def _piece_around(tokens: Tokens, index: int) -> _TokenRange:
    first = tokens.sorts.rfind(END, 0, index) + 1
    last = tokens.sorts.find(END, index)
    last = len(tokens) if last < 0 else last
    while tokens.sorts[first] in COMMENTS:
        first += 1
    return _TokenRange(first, last)


def _in_known(
    text: bytes, tokens: Tokens, piece: _TokenRange, named: set[int], alike: _Alike, tables: Tables = _NO_TABLES
) -> Iterator[int]:
    """Yield the secrets of a statement.

    Statements that differ only in their values are parsed once: a seed has many.
    """
    shape = _shape(text, tokens, piece, named)
    if shape is None:
        yield from _in_piece(text, tokens, piece, named, tables)
        return
    if shape not in alike:
        alike[shape] = [index - piece.first for index in _in_piece(text, tokens, piece, named, tables)]
    for number in alike[shape]:
        yield piece.first + number


def _shape(text: bytes, tokens: Tokens, piece: _TokenRange, named: set[int]) -> bytes | None:
    """Return a statement without its values; None if its values decide what is a secret, or if it is long."""
    first, last = piece
    if last - first > _LONGEST_SHAPE or any(tokens.sorts[index] == TEXT[0] for index in named):
        return None
    words = [_word(text, tokens, index) for index in range(first, last)]
    return b" ".join(
        b"'" if sort == TEXT[0] else b"0" if word[:1].isdigit() else word
        for word, sort in zip(words, tokens.sorts[first:last], strict=True)
    )


def _in_piece(
    text: bytes, tokens: Tokens, piece: _TokenRange, named: set[int], tables: Tables = _NO_TABLES
) -> Iterator[int]:
    if piece.last - piece.first > _LARGEST:
        yield from _in_rows(text, tokens, piece, named, tables)
        return
    found = _parsed(text, tokens, piece, tables=tables)
    yield from found if found is not None else _in_refused(text, tokens, piece)


def _in_refused(text: bytes, tokens: Tokens, piece: _TokenRange) -> Iterator[int]:
    """Yield the secrets in a piece that does not parse as a whole: PL/pgSQL, or a statement with a fault."""
    begun: list[_TokenRange] = []
    parsed = False
    for begin, opening, owner in _beginnings(text, tokens, piece):
        inner = _TokenRange(begin, _end_of_statement(text, tokens, begin, piece.last))
        if not opening:
            begun.append(inner)
        found = _parsed(text, tokens, inner, opening, owner) if inner.last > begin else None
        parsed = parsed or found is not None
        yield from found or ()
    if begun and (begun[0].first == piece.first or not parsed):
        yield from _parsed_in_part(text, tokens, piece if begun[0].first == piece.first else begun[0])


def _parsed_in_part(text: bytes, tokens: Tokens, piece: _TokenRange) -> list[int]:
    """Return the secrets in a statement with faults: tokens that the parser refuses are blanked.

    It tries a few times, with one more token blanked each time.
    """
    start = tokens.starts[piece.first]
    statement = bytearray(text[start : tokens.ends[piece.last - 1]])
    for _ in range(_MOST_TRIES):
        try:
            refuse_depth(tokens, *piece)
            places = secret_places(parse_one(bytes(statement)))
        except (ValueError, RecursionError) as error:
            offset = error.problem.offset if isinstance(error, SqlSyntaxError) else len(statement)
            index = bisect.bisect_left(tokens.starts, start + offset)
            if index < piece.last and tokens.starts[index] == start + offset and not str(error).endswith(_TOO_EARLY):
                length = tokens.ends[index] - tokens.starts[index]
                statement[offset : offset + length] = b" " * length
            elif statement.endswith(b")"):
                return []
            else:
                sorts = tokens.sorts[piece.first : piece.last]
                statement += b")" * max(sorts.count(OPEN) - sorts.count(CLOSE), 1)
        else:
            return _indexes(tokens, (place + start for place in places))
    return []


def _parsed(
    text: bytes, tokens: Tokens, piece: _TokenRange, opening: bytes = b"", owner: str = "", tables: Tables = _NO_TABLES
) -> list[int] | None:
    """Return the secrets in the text of `opening` and a piece; None if that does not parse."""
    first, last = piece
    start = tokens.starts[first]
    tree = _tree(tokens, piece, opening + text[start : tokens.ends[last - 1]])
    if tree is None:
        return None
    places = secret_places(tree, owner, tables)
    shift = len(opening)
    return _indexes(tokens, (place + start - shift for place in places if place >= shift))


def _tree(tokens: Tokens, piece: _TokenRange, statement: bytes) -> Any:
    try:
        refuse_depth(tokens, *piece)
        return parse_one(statement)
    except (SqlSyntaxError, ValueError, RecursionError):  # ValueError: the text is more than one statement
        return None


def _indexes(tokens: Tokens, places: Iterable[int]) -> list[int]:
    """Return the tokens that begin at these places."""
    found = ((bisect.bisect_left(tokens.starts, place), place) for place in sorted(places))
    return [index for index, place in found if index < len(tokens) and tokens.starts[index] == place]


def _literals(text: bytes, tokens: Tokens, indexes: Iterable[int]) -> Iterator[Literal]:
    """Yield the secrets that these tokens hold: literals, and words without quotes, which SET allows."""
    for index in indexes:
        start, end, word = tokens.starts[index], tokens.ends[index], _word(text, tokens, index)
        inside: tuple[int, int] | None = None
        if tokens.sorts[index] == TEXT[0]:
            inside = opening_of(text, start, end)
        elif word.startswith(b'"'):
            inside = start + 1, end - 1
        elif word[:1].isalpha() or word[:1] == b"_":
            inside = start, end
        if inside is not None and not is_no_secret(text[slice(*inside)].decode(errors="replace")):
            yield Literal(*inside, quoted=inside != (start, end))


# -- PL/pgSQL --------------------------------------------------------------------------------------------------


def _beginnings(text: bytes, tokens: Tokens, piece: _TokenRange) -> Iterator[tuple[int, bytes, str]]:
    """Yield where statements and expressions may begin in a piece of PL/pgSQL.

    With each: the text that makes a query of it (`SELECT `), and the name of the variable whose value it is.
    """
    depth = tries = 0
    for index in range(*piece):
        sort = tokens.sorts[index : index + 1]
        depth = max(depth + (sort == OPEN) - (sort == CLOSE), 0)
        word = b"" if depth or sort in COMMENTS else _word(text, tokens, index).lower()
        if word in _STATEMENTS:
            yield index, b"", ""
        elif (word in _EXPRESSIONS or word == b"default") and index + 1 < piece.last:
            yield index + 1, b"SELECT ", assigned_before(text, tokens, index + 1) if word in _DECLARED else ""
        else:
            continue
        tries += 1
        if tries == _MOST_TRIES:
            return


def _end_of_statement(text: bytes, tokens: Tokens, first: int, last: int) -> int:
    """Return where a statement ends at the latest: before what PL/pgSQL adds (`RETURNING id INTO v`)."""
    depth = cases = 0
    own: set[bytes] = set()  # words that belong to the statement
    for index in range(first, last):
        sort = tokens.sorts[index : index + 1]
        depth = max(depth + (sort == OPEN) - (sort == CLOSE), 0)
        word = b"" if depth else _word(text, tokens, index).lower()
        cases += (word == b"case") - (word == b"end" and cases > 0)
        if word in own:
            own -= {b"into"}
        elif word in _ENDS and not cases:
            return index
        own |= _OWN.get(word, frozenset())
    return last


# -- large statements ------------------------------------------------------------------------------------------


def _in_rows(text: bytes, tokens: Tokens, piece: _TokenRange, named: set[int], tables: Tables) -> Iterator[int]:
    """Yield the secrets of an `INSERT ... VALUES` with very many rows.

    Only the rows that may hold one are parsed, in groups.
    """
    rows = _first_row(text, tokens, piece)
    if rows is None:
        return
    head = text[tokens.starts[piece.first] : tokens.starts[rows]]
    of_all = any(index < rows for index in named)
    for first, last in pairwise(_between_rows(tokens, rows, piece.last)):
        if of_all or any(first <= index < last for index in named):
            stop = last if last == piece.last else last - 1  # without the comma
            yield from _parsed(text, tokens, _TokenRange(first, stop), head, tables=tables) or ()


def _first_row(text: bytes, tokens: Tokens, piece: _TokenRange) -> int | None:
    index = tokens.sorts.find(OPEN, piece.first, piece.last)
    while index > 0:
        if _word(text, tokens, index - 1).lower() == b"values":
            return index
        index = tokens.sorts.find(OPEN, index + 1, piece.last)
    return None


def _between_rows(tokens: Tokens, first: int, last: int) -> Iterator[int]:
    """Yield where groups of rows begin, and at last where the last one ends."""
    yield first
    begun, depth = first, 0
    for index in range(first, last):
        sort = tokens.sorts[index : index + 1]
        depth += (sort == OPEN) - (sort == CLOSE)
        if not depth and sort == CLOSE and index - begun >= _ROWS and index + 2 < last:
            begun = index + 2
            yield begun
    yield last


def _word(text: bytes, tokens: Tokens, index: int) -> bytes:
    return text[tokens.starts[index] : tokens.ends[index]]
