"""Renames: said by the user, never guessed. What only may be one is asked for. Pure but for the questions of names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fsapi_nb.catalog.difference import Change, ChangeKind
from fsapi_nb.errors import UsageError
from fsapi_nb.postgres.session import Connection
from fsapi_nb.text.sql import name_parts, unquoted

_ALIKE = 0.6  # of 1: how much of two tables' columns must be the same
_COLUMN = re.compile(r'    ("(?:[^"]|"")*"|[^\s"]+) (.+)')
_RENAME = re.compile(r"(ALTER (?:TABLE|INDEX|SEQUENCE)) (.+?) RENAME (?:(COLUMN|CONSTRAINT) (.+) )?TO (.+);", re.DOTALL)
_FIND = """
    SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = pg_catalog.to_regclass(%s)
"""
_HAS = """
    SELECT pg_catalog.quote_ident(attname) FROM pg_catalog.pg_attribute
    WHERE attrelid = pg_catalog.to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attname = %s
"""


@dataclass(frozen=True, slots=True)
class MaybeRename:
    """A pair of which one is gone and one is new, and which may be one: both as `--rename` takes them."""

    old: str
    new: str


def rename_statements(connection: Connection, renames: Sequence[str]) -> list[str]:
    """Return the statements of these renames, each `old=new`: of a table, or of a column `table.old=new`.

    Raises UsageError if one is not of that form, or there is no such table or column.
    """
    connection.execute(b"SET search_path TO public")
    return [_statement(connection, *_cut(each)) for each in renames]


def _cut(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise UsageError(f"--rename {text}: this is not OLD=NEW", hint="such as --rename orders.note=remark.")
    return old, new


def _statement(connection: Connection, old: str, new: str) -> str:
    name = name_parts(new)[-1]
    if (table := _first(connection, _FIND, [old])) is not None:
        return f"ALTER TABLE {table} RENAME TO {name};"
    *parts, column = name_parts(old)
    if parts and (table := _first(connection, _FIND, [".".join(parts)])) is not None:
        plain = unquoted(column) if column.startswith('"') else column.lower()
        if (found := _first(connection, _HAS, [table, plain])) is not None:
            return f"ALTER TABLE {table} RENAME COLUMN {found} TO {name};"
    hint = "write a table as schema.table and a column as schema.table.column, quoted as SQL does."
    raise UsageError(f"--rename {old}={new}: there is neither a table nor a column {old}", hint=hint)


def _first(connection: Connection, query: str, values: list[str]) -> str | None:
    found = connection.execute(query.encode(), values).fetchone()
    return None if found is None else str(found[0])


def rename_back(statement: str) -> str:
    """Return the statement that takes back a rename, for when those behind it have been taken back."""
    found = _RENAME.fullmatch(statement)
    assert found is not None
    alter, name, what, old, new = found.groups()
    if what:
        return f"{alter} {name} RENAME {what} {new} TO {old};"
    *schema, own = name_parts(name)
    return f"{alter} {'.'.join([*schema, new])} RENAME TO {own};"


def parts_of_renamed(changes: Iterable[Change]) -> Iterator[str]:
    """Yield the statements that rename what was named after a renamed table: its keys, indexes and sequences.

    They are the same but for their names, which the difference says.
    """
    every = [*changes]
    gone = [each for each in every if each.change is ChangeKind.REMOVED]
    new = [each for each in every if each.change is ChangeKind.ADDED]
    for old in gone:
        name, table = _named(old)
        for other in new:
            name_there, table_there = _named(other)
            if (old.kind, table) != (other.kind, table_there) or not name or not name_there:
                continue
            if (old.before or "").replace(name, name_there) != other.after:
                continue
            if old.kind == "table constraint":
                yield f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO {name_there};"
            else:
                yield f"ALTER {old.kind.upper()} {old.identity} RENAME TO {name_there};"
            break


def _named(change: Change) -> tuple[str, str]:
    """Return the name of a part without its schema, and its table or schema; empty ones of other kinds."""
    if change.kind == "table constraint":
        name, _, table = change.identity.partition(" on ")
        return name, table
    if change.kind in {"index", "sequence"}:
        parts = name_parts(change.identity)
        return parts[-1], ".".join(parts[:-1])
    return "", ""


def maybe_renames(changes: Sequence[Change]) -> tuple[MaybeRename, ...]:
    """Return the pairs of tables, and of columns of one table, that are so alike that one may be the other renamed."""
    gone = [each for each in changes if each.change is ChangeKind.REMOVED and each.kind == "table"]
    new = [each for each in changes if each.change is ChangeKind.ADDED and each.kind == "table"]
    tables = [
        MaybeRename(old.identity, other.identity)
        for old in gone
        for other in new
        if _likeness(old.before or "", other.after or "") >= _ALIKE
    ]
    columns = [pair for each in changes if each.change is ChangeKind.CHANGED for pair in _columns(each)]
    return (*tables, *columns)


def _likeness(one: str, other: str) -> float:
    columns = [sorted(_of(text).items()) for text in (one, other)]
    return difflib.SequenceMatcher(None, columns[0], columns[1]).ratio()


def _columns(change: Change) -> Iterator[MaybeRename]:
    if change.kind != "table":
        return
    old, new = _of(change.before or ""), _of(change.after or "")
    for name in old.keys() - new.keys():
        for other in new.keys() - old.keys():
            if old[name] == new[other]:
                yield MaybeRename(f"{change.identity}.{name}", other)


def _of(definition: str) -> dict[str, str]:
    """Return the columns of a table's definition, with all that is said of each."""
    return {found[1]: found[2] for line in definition.split("\n") if (found := _COLUMN.fullmatch(line))}
