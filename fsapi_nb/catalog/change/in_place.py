"""The statements that change a table, a sequence or an enum where it is, so that what it holds stays. Pure.

They are made of two definitions of one object. What is not seen here (an identity's options, the type of a domain, a
partition's bounds) the comparison finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fsapi_nb.catalog.ddl.definition import Definition
from fsapi_nb.text.sql import name_parts, quote_name, unquoted

_COLUMN = re.compile(r'("(?:[^"]|"")*"|[^\s"]+) (.+)', re.DOTALL)
_SEPARATOR = ",\n    "
_NOT_NULL = re.compile(r"\bNOT NULL\b")
_NOT_NULL_NAME = re.compile(r'\bCONSTRAINT ("(?:[^"]|"")*"|[^\s"]+) NOT NULL\b')
_TABLE = re.compile(r"CREATE (UNLOGGED )?TABLE ")
_INHERITS = re.compile(r"\bINHERITS \((.+?)\)", re.DOTALL)
_PARAMETERS = re.compile(r"\bWITH \((.+?)\)(?:;| |$)", re.DOTALL)
_LABEL = re.compile(r"^    ('(?:[^']|'')*'),?$", re.MULTILINE)
_SEQUENCE = re.compile(r"CREATE (?:UNLOGGED )?SEQUENCE (.+);", re.DOTALL)
#: What a sequence is by itself, by the word that says otherwise.
_OF_SEQUENCE = {
    " AS ": " AS bigint",
    " INCREMENT ": " INCREMENT BY 1",
    " MINVALUE ": " NO MINVALUE",
    " MAXVALUE ": " NO MAXVALUE",
    " START ": " START WITH 1",
    " CACHE ": " CACHE 1",
    " CYCLE": " NO CYCLE",
}
#: What takes back a statement beside CREATE TABLE.
_BACK = (
    (re.compile(r" ENABLE ROW LEVEL SECURITY;$"), " DISABLE ROW LEVEL SECURITY;"),
    (re.compile(r" FORCE ROW LEVEL SECURITY;$"), " NO FORCE ROW LEVEL SECURITY;"),
    (re.compile(r" REPLICA IDENTITY (?!DEFAULT).+;$"), " REPLICA IDENTITY DEFAULT;"),
    (re.compile(r" SET STORAGE (?!DEFAULT)\w+;$"), " SET STORAGE DEFAULT;"),
    (re.compile(r" SET STATISTICS \d+;$"), " SET STATISTICS -1;"),
)


@dataclass(frozen=True, slots=True)
class WrittenColumn:
    """A column of a CREATE TABLE: its number, its type with the collation, and what is said of it behind that."""

    number: int
    type: str
    more: str


@dataclass(frozen=True, slots=True)
class TableChange:
    """How a table is changed: statements, and whether a column gets another type, which what reads it must not see.

    `new` are the numbers of new columns, which have their defaults with them; `gone` those of columns that go with them.
    """

    statements: tuple[str, ...] = ()
    retyped: bool = False
    new: frozenset[int] = field(default_factory=frozenset)
    gone: frozenset[int] = field(default_factory=frozenset)


def change_table(one: Definition, other: Definition, inline: Mapping[int, Sequence[str]]) -> TableChange:
    """Return what leads from one definition of a table to the other.

    `inline` are the default and the identity of each column of the other one, by its number, as CREATE TABLE has them.
    """
    old, new = columns_of(one), columns_of(other)
    table = f"ALTER TABLE {one.identity}"
    found: list[str] = []
    for name, column in new.items():
        if name not in old:
            words = [name, column.type, *inline.get(column.number, ()), *([column.more] if column.more else [])]
            found.append(f"{table} ADD COLUMN {' '.join(words)};")
    found += [f"{table} DROP COLUMN {name};" for name in old if name not in new]
    both = [(name, old[name], new[name]) for name in old if name in new]
    retyped = [(name, column) for name, before, column in both if before.type != column.type]
    found += [_retype(table, name, column) for name, column in retyped]
    for name, before, column in both:
        is_required, was_required = (bool(_NOT_NULL.search(each.more)) for each in (column, before))
        if is_required != was_required:
            found.append(f"{table} ALTER COLUMN {name} {'SET' if is_required else 'DROP'} NOT NULL;")
        elif is_required and (names := _renamed(one.identity, name, before, column)):
            found.append(f"{table} RENAME CONSTRAINT {names[0]} TO {names[1]};")
    found += _storage(table, one, other)
    added = frozenset(column.number for name, column in new.items() if name not in old)
    gone = frozenset(column.number for name, column in old.items() if name not in new)
    return TableChange(tuple(found), bool(retyped), added, gone)


def columns_of(table: Definition) -> dict[str, WrittenColumn]:
    """Return the columns of a CREATE TABLE by their names as SQL writes them, in their order."""
    text, found = table.create[0], dict[str, WrittenColumn]()
    places = sorted((place, number) for number, place in table.slots.items() if number)
    start = text.find("(\n    ") + len("(\n    ")
    for index, (place, number) in enumerate(places):
        end = places[index + 1][0] if index + 1 < len(places) else table.slots.get(0, len(text))
        behind = text[place:end]
        is_last = index + 1 == len(places)
        cut = behind.find(_SEPARATOR) if is_last else behind.rfind(_SEPARATOR)
        more = behind if cut < 0 else behind[:cut]
        if column := _COLUMN.fullmatch(text[start:place]):
            found[column[1]] = WrittenColumn(number, column[2], more.strip())
        start = place + cut + len(_SEPARATOR)
    return found


def _renamed(table: str, name: str, before: WrittenColumn, column: WrittenColumn) -> tuple[str, str] | None:
    """Return the name of a NOT NULL and its new one, if they differ; servers since 18 name it."""
    old, new = (_NOT_NULL_NAME.search(each.more) for each in (before, column))
    if (old and old[1]) == (new and new[1]):
        return None
    plain = [unquoted(name_parts(each)[-1]) for each in (table, name)]
    by_itself = quote_name(f"{plain[0]}_{plain[1]}_not_null")  # one that the server had to shorten is written out
    return old[1] if old else by_itself, new[1] if new else by_itself


def change_sequence(one: Definition, other: Definition) -> tuple[str, ...]:
    """Return what makes a sequence what another definition says; where it stands is not changed."""
    found = _SEQUENCE.fullmatch(other.create[0])
    if not found or not _SEQUENCE.fullmatch(one.create[0]):
        return ()
    return (f"ALTER SEQUENCE {found[1]}{''.join(own for word, own in _OF_SEQUENCE.items() if word not in found[0])};",)


def change_enum(one: Definition, other: Definition) -> tuple[str, ...]:
    """Return what adds the values of an enum that are new; nothing if one has to go."""
    old, new = _LABEL.findall(one.create[0]), _LABEL.findall(other.create[0])
    if [label for label in new if label in old] != old:
        return ()
    return tuple(
        f"ALTER TYPE {one.identity} ADD VALUE {label} " + (f"AFTER {new[place - 1]};" if place else f"BEFORE {old[0]};")
        for place, label in enumerate(new)
        if label not in old and (place or old)
    )


def take_back(statement: str) -> str | None:
    """Return what takes back a statement that stood beside a CREATE TABLE; None if nothing does."""
    return next((pattern.sub(back, statement) for pattern, back in _BACK if pattern.search(statement)), None)


def _retype(table: str, name: str, column: WrittenColumn) -> str:
    bare = column.type.partition(" COLLATE ")[0]
    return f"{table} ALTER COLUMN {name} TYPE {column.type} USING {name}::{bare};"


def _storage(table: str, one: Definition, other: Definition) -> Iterator[str]:
    """Yield what changes parents, storage parameters, and whether a table is logged."""
    old, new = ((each.create[0], each.create[0][each.slots.get(0, 0) :]) for each in (one, other))
    was, now = (_TABLE.match(head) for head, _ in (old, new))
    if was and now and was[1] != now[1]:
        yield f"{table} SET {'UNLOGGED' if now[1] else 'LOGGED'};"
    parents = [_listed(_INHERITS, tail) for _, tail in (old, new)]
    yield from (f"{table} NO INHERIT {each};" for each in parents[0] if each not in parents[1])
    yield from (f"{table} INHERIT {each};" for each in parents[1] if each not in parents[0])
    settings = [_listed(_PARAMETERS, tail) for _, tail in (old, new)]
    if gone := [each.partition("=")[0] for each in settings[0] if each not in settings[1]]:
        yield f"{table} RESET ({', '.join(gone)});"
    if added := [each for each in settings[1] if each not in settings[0]]:
        yield f"{table} SET ({', '.join(added)});"


def _listed(pattern: re.Pattern[str], tail: str) -> list[str]:
    found = pattern.search(tail)
    return found[1].split(", ") if found else []
