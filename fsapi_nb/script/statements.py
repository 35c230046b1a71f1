"""One section's statements: PostgreSQL's parser says what they are, its tokens where they begin and end.

Never looks for a semicolon by itself. Every token of the section belongs to a statement or is a semicolon.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fsapi_nb.errors import Problem
from fsapi_nb.model import CopyData, Statement
from fsapi_nb.script import classify
from fsapi_nb.script.effects import effect_of
from fsapi_nb.script.lexer import CopyBlock, Lexed
from fsapi_nb.script.losses import losses
from fsapi_nb.script.objects import creates, drops
from fsapi_nb.script.parser import (
    COMMENTS,
    SEMICOLON,
    STRINGS,
    RawStatement,
    SqlSyntaxError,
    SyntaxProblem,
    Token,
    parse,
)
from fsapi_nb.script.sections import Section, Source

_ENDS_TOO_EARLY = "at end of input"
_QUOTES = re.compile(r"(?:[ebxn]|u&)?'", re.IGNORECASE)


@dataclass(slots=True)
class Body:
    """A section with its tokens (`solid`: those that are no comment) and what the scanner refused in it."""

    source: Source
    lexed: Lexed
    section: Section
    tokens: list[Token] = field(init=False)
    solid: list[Token] = field(init=False)
    problem: SyntaxProblem | None = field(init=False)
    copies: dict[int, CopyBlock] = field(init=False)

    def __post_init__(self) -> None:
        start, end = self.section.start, self.section.end
        self.tokens = [token for token in self.lexed.tokens if start <= token.start < end]
        self.solid = [token for token in self.tokens if token.kind not in COMMENTS]
        self.copies = {block.semicolon: block for block in self.lexed.copies}
        problem = self.lexed.problem
        self.problem = problem if problem and start <= problem.offset <= end else None

    @property
    def text(self) -> str:
        """The section as it stands in the file."""
        return self.source.text[self.section.start : self.section.end].decode()

    def contents(self) -> Iterator[bytes]:
        """What the checksum is taken over: the tokens, the COPY data, and all that follows a scanner's error."""
        text = self.source.text
        for token in self.solid:
            yield text[token.start : token.end]
            block = self.copies.get(token.start)
            if block:
                yield text[block.start : block.end]
        if self.problem:
            yield text[self.problem.offset : self.section.end]


@dataclass(frozen=True, slots=True)
class _Extent:
    """Where one statement lies: its tree, its tokens, what follows the one before it, and its COPY data."""

    raw: RawStatement
    tokens: list[Token]
    after: int
    copy: CopyBlock | None


def read_statements(body: Body) -> tuple[tuple[Statement, ...], list[Problem]]:
    """The statements of a section, and which of them cannot stand in a migration.

    Raises SqlSyntaxError, with a place in the file, where PostgreSQL's parser refuses the section.
    """
    extents = _extents(body, _parse(body))
    wants_strings = any(classify.enum_value(extent.raw.tree) for extent in extents)
    statements = tuple(_statement(body.source, extent, wants_strings=wants_strings) for extent in extents)
    refusals = [(extent, _refusal(extent)) for extent in extents]
    problems = [body.source.problem(extent.tokens[0].start, *refusal) for extent, refusal in refusals if refusal]
    return statements, [*problems, *_uncovered(body, extents)]


def _parse(body: Body) -> list[RawStatement]:
    section = body.section
    try:
        return parse(body.lexed.text[section.start : section.end], body.solid, start=section.start)
    except SqlSyntaxError as error:
        offset = error.problem.offset + section.start
        if str(error).endswith(_ENDS_TOO_EARLY) and body.solid:
            offset = body.solid[-1].end  # and not after the blanks and comments that follow
        raise SqlSyntaxError(SyntaxProblem(str(error), offset)) from None


def _extents(body: Body, trees: Iterable[RawStatement]) -> list[_Extent]:
    extents: list[_Extent] = []
    position, index = body.section.start, 0
    solid = body.solid
    for raw in trees:
        while solid[index].kind == SEMICOLON:  # that of the statement before, and of empty ones
            block = body.copies.get(solid[index].start)
            position, index = block.after if block else solid[index].end, index + 1
        first = index
        while index < len(solid) and solid[index].end <= raw.end + body.section.start:
            index += 1
        copy = body.copies.get(solid[index].start) if index < len(solid) else None
        extents.append(_Extent(raw, solid[first:index], position, copy))
    return extents


def _uncovered(body: Body, extents: list[_Extent]) -> Iterator[Problem]:
    """What belongs to no statement. Never seen; but text that silently does not run would be the worst of faults."""
    covered = sum(len(extent.tokens) for extent in extents)
    semicolons = sum(token.kind == SEMICOLON for extent in extents for token in extent.tokens)
    if covered - semicolons != sum(token.kind != SEMICOLON for token in body.solid):
        last = extents[-1].tokens[-1].end if extents else body.section.start
        yield body.source.problem(last, "after this place, PostgreSQL's parser did not cover the text")


def _statement(source: Source, extent: _Extent, *, wants_strings: bool) -> Statement:
    text, tree, tokens = source.text, extent.raw.tree, extent.tokens
    between = text[extent.after : tokens[0].start]
    start = extent.after + len(between) - len(between.lstrip())
    copy = extent.copy
    return Statement(
        text=text[start : tokens[-1].end].decode(),
        text_line=source.line(start),
        line=source.line(tokens[0].start),
        kind=classify.kind_of(tree),
        rule=classify.rule_of(tree),
        text_column=source.column(start),
        effect=effect_of(tree),
        creates=creates(tree),
        drops=drops(tree),
        loses=losses(tree),
        copy=CopyData(text[copy.start : copy.end], source.line(copy.start)) if copy else None,
        adds_enum_value=classify.enum_value(tree),
        creates_schema=classify.created_schema(tree),
        begin_options=classify.begin_options(tree),
        changes_session=classify.changes_session(tree),
        strings=tuple(_constants(text, tokens)) if wants_strings else (),
    )


def _refusal(extent: _Extent) -> tuple[str, str] | None:
    """Why a statement cannot stand in a migration, and what to do instead."""
    refusal = classify.unsupported(extent.raw.tree)
    if refusal or extent.copy:
        return refusal
    return classify.lacks_data(extent.raw.tree)


def _constants(text: bytes, tokens: Iterable[Token]) -> Iterator[str]:
    """What the string constants among the tokens say, quoted bodies included; escapes are left as they are."""
    for token in tokens:
        if token.kind in STRINGS:
            written = text[token.start : token.end].decode()
            quotes = _QUOTES.match(written)
            if quotes:
                yield written[quotes.end() : -1].replace("''", "'")
            else:
                tag = written.index("$", 1) + 1
                yield written[tag:-tag]
