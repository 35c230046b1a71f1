"""Read SQL that is still being typed: which tables it names, and what is expected at the cursor. Pure.

PostgreSQL's parser refuses unfinished SQL, so this goes by the words alone. It tolerates everything: what it does not
understand it passes over. It decides only what completion offers, never what runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

#: A name with its parts, without quotes and folded as PostgreSQL folds it.
Parts = tuple[str, ...]

# The marks of a dollar-quoted text count as ends of statements: its body is most often SQL, too.
_TOKEN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*\n|/\*.*?\*/)
    | (?P<open>--[^\n]*\Z|/\*.*\Z|'(?:[^']|'')*\Z)
    | (?P<text>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*')
    | (?P<end>;|\$(?:[^\W\d]\w*)?\$)
    | (?P<name>"(?:[^"]|"")*(?:"|\Z)|[^\W\d][\w$]*)
    | (?P<other>\d[\w.]*|.)""",
    re.VERBOSE | re.DOTALL,
)
# After these words the name of a relation comes, and after a comma in its list the next one.
_BEFORE_RELATION = frozenset({"from", "join", "into", "update", "table", "references", "truncate", "view", "using"})
_PASSED_OVER = frozenset({"only", "if", "exists", "not", "lateral", "concurrently", "materialized"})
#: What a statement that begins so has ON before: `CREATE INDEX … ON table`, `GRANT … ON table`.
_ON_RELATION = frozenset({"create", "grant", "revoke", "comment", "drop", "alter"})
# Words that follow a relation and are not its alias.
_NO_ALIAS = frozenset(
    re.findall(
        r"\w+",
        """
        where on using join inner left right full cross natural group order having limit offset fetch for union except
        intersect set values select returning window add drop alter rename with as default tablesample when then
        cascade restrict do start owner to enable disable attach detach validate
        """,
    )
)


class Expected(Enum):
    """What can stand at the cursor."""

    RELATION = "the name of a relation"
    ANYTHING = "an expression"


@dataclass(frozen=True, slots=True)
class Cursor:
    """What is typed at the cursor, and what the SQL around it names.

    `fragment` is the part of a name before the cursor as it is typed, `quoted` says that it has begun with a double
    quote, `before` are the parts in front of it (`shop.` of `shop.ord`). `tables` are the relations of the statement and
    then those of the others, `aliases` what the statement calls its own.
    """

    fragment: str
    quoted: bool
    before: Parts
    expected: Expected
    tables: tuple[Parts, ...]
    own_tables: tuple[Parts, ...]
    aliases: dict[str, Parts]


@dataclass(frozen=True, slots=True)
class _SqlWord:
    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The word in small letters if it is one without quotes."""
        return self.text.lower() if self.kind == "name" and not self.text.startswith('"') else ""

    @property
    def name(self) -> str:
        """The name that it is, folded as PostgreSQL folds it."""
        if self.text.startswith('"'):
            return self.text.removeprefix('"').removesuffix('"').replace('""', '"')
        return self.text.lower()


@dataclass(slots=True)
class _TablesNamed:
    """The relations of one statement as they are found, with their aliases."""

    tables: list[Parts]
    aliases: dict[str, Parts]


def read_cursor(text: str, position: int) -> Cursor | None:
    """Return what is at a position of SQL; None inside of a string or a comment."""
    before = list(_tokens(text[:position]))
    if before and before[-1].kind in ("open", "text") and before[-1].end == position:
        return None
    if before and before[-1].kind == "blank" and before[-1].text.startswith("--") and position == before[-1].end - 1:
        return None
    significant = [token for token in before if token.kind != "blank"]
    typed, parts = _typed(significant, position)
    start = typed.start if typed else position
    kept = [token for token in significant if token.end <= start]
    for _ in parts:
        kept = kept[:-2]
    statements = _statements([*kept, *_rest(text, position)])
    own_number = sum(token.kind == "end" for token in kept)
    named = [_named(statement) for statement in statements]
    own = named[own_number]
    others = [table for number, each in enumerate(named) if number != own_number for table in each.tables]
    return Cursor(
        typed.text if typed else "",
        quoted=bool(typed) and typed is not None and typed.text.startswith('"'),
        before=parts,
        expected=_expected(_statements(kept)[-1]),
        tables=tuple(dict.fromkeys([*own.tables, *others])),
        own_tables=tuple(dict.fromkeys(own.tables)),
        aliases=own.aliases,
    )


def _tokens(text: str) -> Iterator[_SqlWord]:
    for match in _TOKEN.finditer(text):
        yield _SqlWord(match.lastgroup or "other", match[0], match.start(), match.end())


def _rest(text: str, position: int) -> list[_SqlWord]:
    """Return the tokens after the cursor, without the rest of the name that it stands in."""
    rest = re.sub(r'\A[\w$]*"?', "", text[position:])
    return [token for token in _tokens(rest) if token.kind != "blank"]


def _typed(tokens: Sequence[_SqlWord], position: int) -> tuple[_SqlWord | None, Parts]:
    """Return the unfinished name that ends at the cursor, and the parts before it."""
    left = list(tokens)
    typed = left.pop() if left and left[-1].kind == "name" and left[-1].end == position else None
    if typed and re.fullmatch(r'"(?:[^"]|"")*"', typed.text) and len(typed.text) > 1:
        typed = None  # its quotes are closed
        left = []
    parts: list[str] = []
    end = typed.start if typed else position
    while len(left) > 1 and left[-1].text == "." and left[-1].end == end and left[-2].kind == "name":
        parts.insert(0, left[-2].name)
        end = left[-2].start
        left = left[:-2]
    return typed, tuple(parts)


def _statements(tokens: Sequence[_SqlWord]) -> list[list[_SqlWord]]:
    """Return the tokens of each statement; the last one may be empty."""
    statements: list[list[_SqlWord]] = [[]]
    for token in tokens:
        if token.kind == "end":
            statements.append([])
        else:
            statements[-1].append(token)
    return statements


def _opens_relation(statement: Sequence[_SqlWord], number: int) -> bool:
    """Return whether the token is a word before a relation's name."""
    word = statement[number].word
    if word == "on":
        return statement[0].word in _ON_RELATION
    if word == "from" and number > 1 and statement[number - 1].word == "distinct":  # IS DISTINCT FROM
        return False
    return word in _BEFORE_RELATION


def _expected(statement: Sequence[_SqlWord]) -> Expected:
    """Return what comes after the tokens of a statement."""
    end = len(statement)
    while end and statement[end - 1].word in _PASSED_OVER:
        end -= 1
    if end and _opens_relation(statement, end - 1):
        return Expected.RELATION
    if (
        end
        and statement[end - 1].text == ","
        and _named(statement[: end - 1], in_list=True).aliases.get("") is not None
    ):
        return Expected.RELATION
    return Expected.ANYTHING


def _named(statement: Sequence[_SqlWord], *, in_list: bool = False) -> _TablesNamed:
    """Return the relations that a statement names, and their aliases.

    With `in_list`, the alias "" stands for a list of relations that is still open at the end.
    """
    found = _TablesNamed([], {})
    number = 0
    while number < len(statement):
        if _opens_relation(statement, number):
            number, is_open = _read_list(statement, number + 1, found)
            if in_list and is_open and number == len(statement):
                found.aliases[""] = ()
        else:
            number += 1
    return found


def _read_list(statement: Sequence[_SqlWord], number: int, found: _TablesNamed) -> tuple[int, bool]:
    """Read relations with commas between them; return where they end, and whether there was one."""
    is_open = False
    while True:
        while number < len(statement) and statement[number].word in _PASSED_OVER:
            number += 1
        parts, number = _read_name(statement, number)
        if not parts:
            return number, is_open
        is_open = True
        found.tables.append(parts)
        found.aliases.setdefault(parts[-1], parts)
        if number < len(statement) and statement[number].text == "*":  # with its descendants
            number += 1
        if number < len(statement) and statement[number].word == "as":
            number += 1
        if number < len(statement) and statement[number].kind == "name" and statement[number].word not in _NO_ALIAS:
            found.aliases[statement[number].name] = parts
            number += 1
        if number >= len(statement) or statement[number].text != ",":
            return number, is_open
        number += 1


def _read_name(statement: Sequence[_SqlWord], number: int) -> tuple[Parts, int]:
    """Read a name with its parts; return it, and the number of the token after it."""
    if number >= len(statement) or statement[number].kind != "name" or statement[number].word in _NO_ALIAS:
        return (), number
    parts = [statement[number].name]
    number += 1
    while number + 1 < len(statement) and statement[number].text == "." and statement[number + 1].kind == "name":
        parts.append(statement[number + 1].name)
        number += 2
    return tuple(parts), number
