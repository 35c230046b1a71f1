"""The tables of a database and how they refer to each other, as values for a diagram. Reads and draws nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from fsapi_nb.errors import UNCHANGED, UsageError


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: its type as PostgreSQL writes it, and what keys it is in.

    `unique` where a unique constraint or index has it alone; `references` are the columns (`table.column`, qualified)
    that foreign keys take it to.
    """

    name: str
    type: str
    not_null: bool = False
    default: str | None = None
    primary: bool = False
    unique: bool = False
    references: tuple[str, ...] = ()


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
        """Return what a table is called in this diagram."""
        return name.name if self.is_one_schema else str(name)


def select(diagram: Diagram, names: Collection[str]) -> Diagram:
    """Return the diagram of only these tables, by `name` or `schema.name`, with the foreign keys among them.

    Raises UsageError for a name that no table has.
    """
    unknown = [name for name in names if not any(name in (t.name.name, str(t.name)) for t in diagram.tables)]
    if unknown:
        there = ", ".join(diagram.label(table.name) for table in diagram.tables[:20])
        raise UsageError(
            f"there is no table {', '.join(unknown)}",
            state=UNCHANGED,
            hint=f"the tables are {there}{', …' if len(diagram.tables) > 20 else ''}." if there else None,
        )
    tables = tuple(table for table in diagram.tables if {table.name.name, str(table.name)} & set(names))
    return among(replace(diagram, tables=tables))


def among(diagram: Diagram) -> Diagram:
    """Return the diagram with those foreign keys only that end at one of its tables; the others are counted."""
    shown = {table.name for table in diagram.tables}
    own = [key for key in diagram.foreign_keys if key.table in shown]
    kept = tuple(key for key in own if key.target in shown)
    return replace(diagram, foreign_keys=kept, outside=diagram.outside + len(own) - len(kept))
