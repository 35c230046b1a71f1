"""What is read of indexes, foreign keys and sequences to find what is spare, as values."""

from __future__ import annotations

from dataclasses import dataclass

_BTREE = "btree"


@dataclass(frozen=True, slots=True)
class IndexRow:
    """An index, that of a partitioned table with its parts: `scans` and `size` are their sums.

    `keys` are the columns that it sorts by, each as it is sorted: its number, or its expression, with operator class,
    collation and direction. `included` are the numbers of the columns that it only holds. `constraint` says that it
    belongs to one, or that a foreign key refers to it, `identity` that replication goes by it.
    """

    name: str
    table: str
    oid: int
    table_oid: int
    keys: tuple[str, ...]
    columns: tuple[int, ...]
    included: frozenset[int]
    method: str
    predicate: str | None
    has_expressions: bool
    unique: bool
    primary: bool
    exclusion: bool
    constraint: bool
    identity: bool
    valid: bool
    partitioned: bool
    is_built: bool
    nulls_not_distinct: bool
    scans: int
    size: int

    @property
    def guards(self) -> bool:
        """Whether it does more than to find rows: it keeps them unique, apart, or known to replication."""
        return self.unique or self.primary or self.exclusion or self.constraint or self.identity

    def is_same_as(self, other: IndexRow) -> bool:
        """Return whether both find the same rows in the same way."""
        return self._tells() == other._tells() and self.keys == other.keys and self.included == other.included

    def is_beginning_of(self, other: IndexRow) -> bool:
        """Return whether the other one finds rows by these columns, too: they are its first ones."""
        return (
            self.method == _BTREE
            and self._tells() == other._tells()
            and len(self.keys) < len(other.keys)
            and other.keys[: len(self.keys)] == self.keys
            and self.included <= other.included | frozenset(other.columns)
        )

    def _tells(self) -> tuple[object, ...]:
        return self.table_oid, self.method, self.predicate


@dataclass(frozen=True, slots=True)
class ForeignKeyRow:
    """A foreign key of `table` to `target`; `columns` are numbers, `written` their names as SQL writes them."""

    name: str
    table: str
    table_oid: int
    target: str
    columns: tuple[int, ...]
    written: str
    partitioned: bool
    size: int


@dataclass(frozen=True, slots=True)
class SequenceRow:
    """A sequence that counts up and does not begin again; `last` is None if the role may not see it or it is unused.

    `limit` is what its column holds, or its own end if that comes first; `column` is what it feeds, as SQL writes it.
    """

    name: str
    table: str
    column: str
    type: str
    last: int | None
    limit: int
    readable: bool


@dataclass(frozen=True, slots=True)
class KeylessRow:
    """A table without a primary key; `candidate` is a unique index that could be one."""

    table: str
    size: int
    candidate: str | None
