"""Cut a section into statements, by PostgreSQL's parser and the tokens of its scanner.

Never searches the text for a semicolon. Every token of the section belongs to a statement, or is a semicolon or a
comment.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from typing import NamedTuple

from fsapi_nb.model.migration import Statement, Traits
from fsapi_nb.model.place import Problem
from fsapi_nb.script.body import Body
from fsapi_nb.script.depth import refuse_depth
from fsapi_nb.script.lexer import CopyBlock
from fsapi_nb.script.parser import ends_of_statements
from fsapi_nb.script.tokens import COMMENTS, END, TEXT, SqlSyntaxError, SyntaxProblem
from fsapi_nb.script.traits import traits_of

_ENDS_TOO_EARLY = "at end of input"
_QUOTES = re.compile(r"(?:[ebxn]|u&)?'", re.IGNORECASE)
_BETWEEN = COMMENTS + END


class _Extent(NamedTuple):
    """The place of a statement: its tokens from `first` up to `last`, and its COPY data.

    `after` is where the statement before it ends.
    """

    first: int
    last: int
    after: int
    copy: CopyBlock | None


def read_statements(body: Body) -> tuple[tuple[Statement, ...], list[Problem]]:
    """Return the statements of a section, and a problem for each that is not allowed in a migration.

    Raises:
        SqlSyntaxError: PostgreSQL's parser refuses the section. Its place is an offset in the file.
    """
    code, tokens = body.lexed.code, body.lexed.tokens
    extents = _extents(body, _ends(body))
    read = [(extent, traits_of(code, tokens, extent.first, extent.last)) for extent in extents]
    wants_strings = any(traits.adds_enum_value for _, traits in read)
    statements = tuple(_statement(body, extent, traits, wants_strings=wants_strings) for extent, traits in read)
    problems = [
        body.source.problem(tokens.starts[extent.first], *refusal)
        for extent, traits in read
        if (refusal := traits.refusal or (None if extent.copy else traits.lacks_data))
    ]
    return statements, [*problems, *_uncovered(body, extents)]


def _ends(body: Body) -> list[int]:
    """Return where the statements end, by the parser."""
    lexed, section = body.lexed, body.section
    try:
        refuse_depth(lexed.tokens, body.first, body.last)
        return ends_of_statements(lexed.code, lexed.tokens, section.start, section.end)
    except SqlSyntaxError as error:
        offset, solid = error.problem.offset, body.solid()
        if str(error).endswith(_ENDS_TOO_EARLY) and solid:
            offset = lexed.tokens.ends[solid[1]]  # after the last token, not after the blanks and comments that follow
        raise SqlSyntaxError(SyntaxProblem(str(error), offset)) from None


def _extents(body: Body, ends: list[int]) -> list[_Extent]:
    """Return the tokens of each statement, from the first one after the statement before."""
    tokens, blocks = body.lexed.tokens, {block.semicolon: block for block in body.copies}
    extents: list[_Extent] = []
    position, index = body.section.start, body.first
    for end in ends:
        while tokens.sorts[index] in _BETWEEN:  # the semicolon of the statement before, those of empty ones, comments
            if tokens.sorts[index] == END[0]:
                block = blocks.get(tokens.starts[index])
                position = block.after if block else tokens.ends[index]
            index += 1
        first, index = index, bisect.bisect_right(tokens.ends, end, index, body.last)
        last = index
        while tokens.sorts[last - 1] in COMMENTS:
            last -= 1
        extents.append(_Extent(first, last, position, _block_after(body, blocks, index) if blocks else None))
    return extents


def _block_after(body: Body, blocks: dict[int, CopyBlock], index: int) -> CopyBlock | None:
    """Return the data of the statement that ends before a token; None if it has none."""
    tokens = body.lexed.tokens
    while index < body.last and tokens.sorts[index] in COMMENTS:
        index += 1
    return blocks.get(tokens.starts[index]) if index < body.last else None


def _uncovered(body: Body, extents: list[_Extent]) -> Iterator[Problem]:
    """Yield a problem if tokens at the end belong to no statement.

    This was never seen; but text that silently does not run would be the worst fault of all.
    """
    index = extents[-1].last if extents else body.first
    if body.lexed.tokens.sorts[index : body.last].strip(_BETWEEN):
        place = body.lexed.tokens.ends[index - 1] if extents else body.section.start
        yield body.source.problem(place, "after this place, PostgreSQL's parser did not cover the text")


def _statement(body: Body, extent: _Extent, traits: Traits, *, wants_strings: bool) -> Statement:
    first, last, after, copy = extent
    source, tokens = body.source, body.lexed.tokens
    text, begins = body.lexed.code, tokens.starts[first]  # `code` has no psql commands, which may be between statements
    start = begins - len(text[after:begins].lstrip())
    text_line = source.line(start)
    return Statement(
        text[start : tokens.ends[last - 1]].decode(),
        text_line,
        text_line if start == begins else source.line(begins),
        traits,
        source.column(start),
        body.data(copy) if copy else None,
        tuple(_constants(body, extent)) if wants_strings else (),
    )


def _constants(body: Body, extent: _Extent) -> Iterator[str]:
    """Yield the contents of a statement's string constants, quoted bodies included.

    Escapes are left as they are.
    """
    tokens = body.lexed.tokens
    for index in range(extent.first, extent.last):
        if tokens.sorts[index] != TEXT[0]:
            continue
        written = body.source.text[tokens.starts[index] : tokens.ends[index]].decode()
        quotes = _QUOTES.match(written)
        if quotes:
            yield written[quotes.end() : -1].replace("''", "'")
        else:
            tag = written.index("$", 1) + 1
            yield written[tag:-tag]
