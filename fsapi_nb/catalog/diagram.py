"""The tables of a database and how they refer to each other, as values for a diagram. Reads and draws nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from fsapi_nb.errors import UNCHANGED, UsageError
from fsapi_nb.text.near import did_you_mean, near
from fsapi_nb.text.safe import visible_line


class Mark(Enum):
    """What became of a table or a column, as the sign that a diagram has for it."""

    ADDED = "+"
    CHANGED = "~"
    DROPPED = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: its type as PostgreSQL writes it, and what keys it is in.

    `unique` where a unique constraint or index has it alone; `references` are the columns (`table.column`, qualified)
    that foreign keys take it to. `mark` says what a migration made of it, if the diagram is about one.
    """

    name: str
    type: str
    not_null: bool = False
    default: str | None = None
    primary: bool = False
    unique: bool = False
    references: tuple[str, ...] = ()
    mark: Mark | None = None


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A table by its schema and its name, as they are, unquoted."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its columns in order; `partitions` are folded into it, and are counted."""

    name: TableName
    columns: tuple[TableColumn, ...] = ()
    partitions: int = 0
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key from a table to a target, which may be itself.

    `mandatory` where none of its columns may be NULL; `single` where its columns are unique, so that at most one row
    refers to each.
    """

    name: str
    table: TableName
    columns: tuple[str, ...]
    target: TableName
    target_columns: tuple[str, ...]
    mandatory: bool = False
    single: bool = False


@dataclass(frozen=True, slots=True)
class Diagram:
    """Tables and the foreign keys among them, both sorted; `outside` counts the foreign keys to tables not shown."""

    tables: tuple[Table, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    outside: int = 0

    @property
    def is_one_schema(self) -> bool:
        """Whether names without a schema say enough."""
        return len({table.name.schema for table in self.tables}) < 2

    def label(self, name: TableName) -> str:
        """Return what a table is called in this diagram; one of the schema public needs no schema before its name."""
        return name.name if self.is_one_schema or name.schema == "public" else str(name)


@dataclass(frozen=True, slots=True)
class DiagramSubject:
    """What a diagram is of: the tables around some, the changes of a migration, and what is to be said of these."""

    centre: tuple[str, ...] = ()
    migration: str | None = None
    notes: tuple[str, ...] = ()


def select(diagram: Diagram, names: Collection[str]) -> Diagram:
    """Return the diagram of only these tables, by `name` or `schema.name`, with the foreign keys among them.

    Raises UsageError for a name that no table has.
    """
    return _only(diagram, find_tables(diagram, names))


def around(diagram: Diagram, names: Collection[str]) -> Diagram:
    """Return the diagram of these tables, those that they refer to and those that refer to them.

    Raises UsageError for a name that no table has.
    """
    return neighbourhood(diagram, find_tables(diagram, names))


def neighbourhood(diagram: Diagram, tables: Collection[TableName]) -> Diagram:
    """Return the diagram of these tables and of those that a foreign key connects with them."""
    found = set(tables)
    for key in diagram.foreign_keys:
        if key.table in tables or key.target in tables:
            found |= {key.table, key.target}
    return _only(diagram, found)


def most_connected(diagram: Diagram, count: int) -> Diagram:
    """Return the diagram of `count` tables: those with the most foreign keys from them and to them."""
    keys: dict[TableName, int] = {}
    for key in diagram.foreign_keys:
        for name in {key.table, key.target}:
            keys[name] = keys.get(name, 0) + 1
    order = sorted(diagram.tables, key=lambda table: (-keys.get(table.name, 0), table.name))
    return _only(diagram, {table.name for table in order[:count]})


def find_tables(diagram: Diagram, names: Collection[str]) -> set[TableName]:
    """Return the tables that are meant by `name`, in any schema, or by `schema.name`.

    Raises UsageError for a name that no table has, with those that may have been meant.
    """
    unknown = [name for name in names if not any(name in {t.name.name, str(t.name)} for t in diagram.tables)]
    if unknown:
        raise UsageError(
            f"there is no table {', '.join(map(visible_line, unknown))}", state=UNCHANGED, hint=_hint(diagram, unknown)
        )
    return {table.name for table in diagram.tables if {table.name.name, str(table.name)} & set(names)}


def _hint(diagram: Diagram, unknown: Sequence[str]) -> str | None:
    """Return the names that may have been meant, or else the first that there are."""
    by_name = {name: table.name for table in diagram.tables for name in (table.name.name, str(table.name))}
    meant = dict.fromkeys(diagram.label(by_name[each]) for name in unknown for each in near(name, by_name))
    if meant:
        return did_you_mean(map(visible_line, meant))
    there = ", ".join(visible_line(diagram.label(table.name)) for table in diagram.tables[:20])
    return f"the tables are {there}{', …' if len(diagram.tables) > 20 else ''}." if there else None


def _only(diagram: Diagram, names: Collection[TableName]) -> Diagram:
    return among(replace(diagram, tables=tuple(table for table in diagram.tables if table.name in names)))


def among(diagram: Diagram) -> Diagram:
    """Return the diagram with those foreign keys only that end at one of its tables; the others are counted."""
    shown = {table.name for table in diagram.tables}
    own = [key for key in diagram.foreign_keys if key.table in shown]
    kept = tuple(key for key in own if key.target in shown)
    return replace(diagram, foreign_keys=kept, outside=diagram.outside + len(own) - len(kept))
