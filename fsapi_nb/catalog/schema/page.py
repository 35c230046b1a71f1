"""What is known of one object, as values: a table with all that belongs to it, a view, a routine, a type, a sequence."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from fsapi_nb.catalog.schema.overview import SchemaObject
from fsapi_nb.model.forecast import TableSize


@dataclass(frozen=True, slots=True)
class PageColumn:
    """A column of a relation, or an attribute of a composite type.

    `generated` is `stored` or `virtual`, and `default` then its expression; `identity` is `always` or `by default`.
    `primary` says that it is in the primary key.
    """

    name: str
    type: str
    not_null: bool = False
    default: str | None = None
    generated: str = ""
    identity: str = ""
    collation: str | None = None
    inherited: bool = False
    primary: bool = False
    comment: str | None = None

    @property
    def value(self) -> str:
        """Where its value comes from if none is given, in words: `default 0`, `generated: a + b`; empty if from nowhere."""
        if self.generated:
            return f"generated{' when read' if self.generated == 'virtual' else ''}: {self.default}"
        if self.identity:
            return f"identity, {self.identity}"
        return "" if self.default is None else f"default {self.default}"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A key, a check or an exclusion of a table; `kind` is as SQL says it: `PRIMARY KEY`, `UNIQUE`, `CHECK`, `EXCLUDE`.

    Of an invalid one not every row was checked.
    """

    name: str
    kind: str
    definition: str
    columns: tuple[str, ...] = ()
    valid: bool = True
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class PageKey:
    """A foreign key of `table` to `target`, both as SQL writes them; `actions` is what follows (`ON DELETE CASCADE`)."""

    name: str
    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    actions: str = ""
    valid: bool = True
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """An index of `table`. `bytes` is its size, `scans` how often it was used since statistics began.

    `last_scan` is known from PostgreSQL 16 on. `constraint` names the constraint that it belongs to. `ready` is False
    while it is built or after that failed, as is `valid`.
    """

    schema: str
    name: str
    table: str
    definition: str
    method: str
    unique: bool = False
    primary: bool = False
    valid: bool = True
    ready: bool = True
    constraint: str | None = None
    bytes: int | None = None
    scans: int | None = None
    last_scan: datetime.datetime | None = None
    comment: str | None = None

    @property
    def covers(self) -> str:
        """What it is built on, as its definition says after USING: `btree (a, b) WHERE c`."""
        return self.definition.partition(" USING ")[2] or self.definition


@dataclass(frozen=True, slots=True)
class NamedPart:
    """A trigger, a policy or a rule, with its definition; `state` is empty if it is as it is made (`disabled`)."""

    name: str
    definition: str
    state: str = ""
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """The rights of one role, on the object or on some of its columns; `grantable` are those that it may pass on."""

    role: str
    rights: tuple[str, ...]
    grantable: tuple[str, ...] = ()
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of a table, or a table that inherits from it: its name as SQL writes it, its bound, its size."""

    oid: int
    written: str
    bound: str = ""
    size: TableSize | None = None


@dataclass(frozen=True, slots=True)
class Dependent:
    """An object that another one needs, or that needs it, by the server's words: `view public.big_orders`."""

    kind: str
    identity: str


@dataclass(frozen=True, slots=True)
class SampleRows:
    """The first rows of a table, each value as text, cut; `order` are the columns that say which are the first.

    `left_out` counts the columns that are not shown.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    order: tuple[str, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """All that is shown of one object; what does not belong to its kind is empty.

    Attributes:
        item: The object, as an overview has it.
        traits: What is so of it, in words: `partitioned by RANGE (at)`, `row-level security is on`.
        definition: The SQL that makes it, as PostgreSQL or fsapi_nb writes it, secrets starred.
        values: An enum's labels, in order.
        overloads: The routines of this name, if there are several, this one the first.
        members: What an extension has brought.
        last_value: What a sequence gave last; None if it gave nothing yet.
        populated: Whether a materialized view has been filled; True for anything else.
        is_own: Whether it belongs to the role that looks.
        rows: The first rows, if they were wanted and could be read.
        notes: What could not be found out, and why.
    """

    item: SchemaObject
    traits: tuple[str, ...] = ()
    columns: tuple[PageColumn, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    references: tuple[PageKey, ...] = ()
    referenced_by: tuple[PageKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    triggers: tuple[NamedPart, ...] = ()
    policies: tuple[NamedPart, ...] = ()
    rules: tuple[NamedPart, ...] = ()
    grants: tuple[Grant, ...] = ()
    partition_of: str | None = None
    partitions: tuple[Partition, ...] = ()
    parents: tuple[str, ...] = ()
    children: tuple[Partition, ...] = ()
    values: tuple[str, ...] = ()
    overloads: tuple[SchemaObject, ...] = ()
    members: tuple[Dependent, ...] = ()
    last_value: int | None = None
    uses: tuple[Dependent, ...] = ()
    used_by: tuple[Dependent, ...] = ()
    definition: str = ""
    populated: bool = True
    is_own: bool = False
    rows: SampleRows | None = None
    notes: tuple[str, ...] = ()
