"""What a catalog says of the tables that a plan is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Flag
from typing import NamedTuple

from fsapi_nb.model.action import TableSet
from fsapi_nb.model.forecast import TableSize


class RowEvent(Flag):
    """What happens to the rows of a table, as triggers see it; the numbers are those of `tgtype`."""

    INSERT = 4
    DELETE = 8
    UPDATE = 16
    TRUNCATE = 32


class UserTrigger(NamedTuple):
    """An enabled trigger whose function is not PostgreSQL's own: what it is for; `columns` if only for updates of these."""

    name: str
    events: RowEvent
    columns: frozenset[str] = frozenset()


class FoundTable(NamedTuple):
    """A relation of the catalog: its name as a reader would write it, its kind (`relkind`), and how large it is.

    `heap` is the size of its rows alone, in bytes, `indexes` how many it has, `has_toast` whether it has a table for
    large values. `parent` is the number of the table that it is a partition of. The size of a partitioned table is that
    of its partitions.
    """

    name: str
    kind: str
    size: TableSize | None = None
    heap: int = 0
    indexes: int = 0
    parent: int | None = None
    has_toast: bool = False
    triggers: tuple[UserTrigger, ...] = ()


class ColumnShape(NamedTuple):
    """A column: the number of its type and of its collation, its modifier, whether it is NOT NULL, how it is generated."""

    type: int
    modifier: int
    collation: int
    not_null: bool
    generated: str = ""


class ConstraintShape(NamedTuple):
    """A constraint by its kind (`contype`), its columns, whether it is valid, and the definition of a CHECK.

    The definition is empty if it could not be read because another session had locked the table. A foreign key has the
    number of the table that it refers to, the columns there, and what it does when rows there are updated and deleted
    (`confupdtype`, `confdeltype`).
    """

    kind: str
    columns: frozenset[str]
    valid: bool
    definition: str = ""
    referenced: int | None = None
    referenced_columns: frozenset[str] = frozenset()
    on_update: str = ""
    on_delete: str = ""


class IndexShape(NamedTuple):
    """An index by its columns; `is_computed` says that expressions or a predicate may use others."""

    columns: frozenset[str]
    is_computed: bool = False


@dataclass(frozen=True, slots=True)
class TableShape:
    """What a table is made of, by names: `parts` are its triggers, rules and policies (`trigger audit`)."""

    columns: Mapping[str, ColumnShape] = field(default_factory=dict)
    constraints: Mapping[str, ConstraintShape] = field(default_factory=dict)
    indexes: Mapping[str, IndexShape] = field(default_factory=dict)
    parts: frozenset[str] = frozenset()


class TypeShape(NamedTuple):
    """A type by its kind (`typtype`); a domain has the number of its base type, the modifier, and perhaps a constraint."""

    name: str
    kind: str
    base: int = 0
    modifier: int = -1
    is_constrained: bool = False


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What was found: relations by their numbers (OIDs), and those of each set of tables that was asked about.

    A set that is not in `sets` could not be looked up; an empty one has no tables. Sets of the kinds `type` and
    `function` have the numbers of these. `types` are the types that were asked about and those of domains, `casts` the
    pairs of types that are binary coercible, `volatile` the functions that are volatile. `notes` say what could not be
    found out, and why.
    """

    tables: Mapping[int, FoundTable] = field(default_factory=dict)
    sets: Mapping[TableSet, tuple[int, ...]] = field(default_factory=dict)
    shapes: Mapping[int, TableShape] = field(default_factory=dict)
    types: Mapping[int, TypeShape] = field(default_factory=dict)
    casts: frozenset[tuple[int, int]] = frozenset()
    volatile: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()


class Needed(NamedTuple):
    """What must be looked up: sets of tables, those of them whose shapes count, types and functions among them."""

    sets: frozenset[TableSet] = frozenset()
    shaped: frozenset[TableSet] = frozenset()
