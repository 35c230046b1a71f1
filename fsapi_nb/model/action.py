"""What one statement does, as far as its text tells: what it locks, rewrites, scans and builds, and what is lost by it.

A fact about a table that the text does not name says by `Kin` how to find it (`the tables that refer to users`):
whoever has a connection looks it up. A fact that the text cannot settle says by `Condition` what it depends on. Nothing
here is a guess: where nothing is known, `Action.unknown` says of what.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from typing import NamedTuple


class Blocks(StrEnum):
    """What other sessions cannot do while a lock is held."""

    NOTHING = "nothing"
    WRITES = "writes"
    READS_AND_WRITES = "reads and writes"


class LockMode(IntEnum):
    """PostgreSQL's modes of table locks, the weakest first."""

    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @property
    def blocks(self) -> Blocks:
        """What it blocks; SHARE UPDATE EXCLUSIVE blocks other schema changes and VACUUM, hence nothing."""
        if self is LockMode.ACCESS_EXCLUSIVE:
            return Blocks.READS_AND_WRITES
        return Blocks.WRITES if self >= LockMode.SHARE else Blocks.NOTHING


class Kin(Enum):
    """Which tables are meant by a name: the one of that name, or others that have to do with it."""

    SELF = "{}"
    TABLE = "the table of {}"
    TABLE_AND_PARTITIONS = "the table of {} and its partitions"
    PARTITIONS = "the partitions of {}"
    HEIRS = "the heirs of {}"
    DESCENDANTS = "the partitions and heirs of {}"
    PARENT = "the table that {} is a partition of"
    DEFAULT_PARTITION = "the default partition of {}"
    BELOW_DEFAULT = "the partitions of the default partition of {}"
    SIBLING_DEFAULT = "the default partition beside {}"
    REFERENCED = "the tables that {} refers to, as a partition too"
    OWN_REFERENCED = "the tables that {} refers to"
    PARTITIONS_REFERENCED = "the tables that partitions of {} refer to"
    REFERRING = "the tables that refer to {}, as partitions too"
    OWN_REFERRING = "the tables that refer to {}"
    ALL_REFERRING = "the tables that refer to {}, or to such tables"
    DEPENDENT = "what depends on {}"
    USERS = "the tables with a column of type {}"
    TYPED = "the tables of type {}"
    READ_BY = "the tables that {} reads"
    PUBLISHED = "the tables of {}"
    CONTENTS = "what is in {}"
    EVERYTHING = "every table of the database"


class Condition(StrEnum):
    """What a fact depends on that the text of a statement does not tell."""

    IF_INHERITED = "if they inherit it"
    IF_MERGED = "if a partition has the same foreign key already"
    UNLESS_ITSELF = "unless it refers to itself"
    IF_VOLATILE = "if its default calls a volatile function"
    IF_CONSTRAINED_DOMAIN = "if its type is a domain with a constraint"
    UNLESS_COERCIBLE = "unless the new type is binary coercible from the old one"
    IF_REWRITTEN_OR_INDEXED = "if the table is rewritten, or an index covers the column"
    IF_COLUMN_IS_CHECKED = "if a constraint covers the column"
    IF_COLUMN_REFERS = "if the column has a foreign key"
    IF_COLUMN_IS_IN_KEY = "if a foreign key covers the column"
    IF_STORED = "if the column is stored"
    UNLESS_PROVEN = "unless a valid CHECK or NOT NULL proves it"
    UNLESS_NOT_NULL = "unless the columns are NOT NULL already"
    IF_NOT_NULL = "if the column is NOT NULL"
    UNLESS_VALID = "unless it is valid already"
    IF_FOREIGN_KEY = "if it is a foreign key"
    IF_EXISTS = "if it exists"
    UNLESS_EXISTS = "unless it exists already"
    IF_DEPENDED_ON = "if something depends on it"
    IF_PARENT_HAS_INDEXES = "if the partitioned table has an index that it lacks"
    IF_CHANGED = "unless it is so already"
    IF_CASCADES = "if their foreign key says CASCADE, SET NULL or SET DEFAULT"
    IF_ROWS = "if there are rows to check"
    UNLESS_PARTITIONED = "unless the table is partitioned"
    IF_INDEXED = "if it has an index"
    IF_CLUSTERED = "if it has been clustered before"
    IF_CHANGED_SINCE = "if its rows have changed since the last VACUUM"


class TableSet(NamedTuple):
    """One table by its name as written, or several by what they have to do with something of that name.

    `kind` is that of the object (`type`, `schema`) where it is not a relation, `path` the search_path along which the name
    is looked up, if it is not the session's own.
    """

    name: str
    kin: Kin = Kin.SELF
    kind: str = ""
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.kin.value.format(self.name)


class TableLock(NamedTuple):
    """The strongest lock that a statement takes on tables, held until the transaction ends."""

    tables: TableSet
    mode: LockMode
    condition: Condition | None = None


class Amount(Enum):
    """Which rows work is done on."""

    ALL = "all rows of the tables"
    SOME = "those that a condition chooses"
    WRITTEN = "those that the statement's text has"
    QUERIED = "those that a query gives"


class Work(NamedTuple):
    """Work that takes the longer the more rows there are; certain if it has no condition."""

    tables: TableSet
    condition: Condition | None = None
    amount: Amount = Amount.ALL


class LossKind(Enum):
    """What kind of data is lost."""

    TABLE = "table"
    COLUMN = "column"
    ROWS = "rows"
    PRECISION = "precision"
    SEQUENCE = "sequence"
    MATERIALIZED_VIEW = "materialized view"
    LARGER = "schema, extension or database"


class Loss(NamedTuple):
    """Data that is lost for good, unless the script has put it somewhere else before: `copied_to` says where.

    `partly` says of rows that only some of their columns are known to have been copied.

    `words` is a phrase (`column users.bio with its values`), `name` that of the table, column or other object.
    """

    kind: LossKind
    name: str
    words: str
    copied_to: tuple[str, ...] = ()
    partly: bool = False


class ActionObject(NamedTuple):
    """The object that a statement is about: its kind (`table`, `column`), and its name as written, quoted where it must be.

    A part of a table (a column, a constraint, a trigger) has the table's name before its own; one without a name of its
    own (CREATE INDEX ON orders) is named by its table. `name` is empty where there is none, as of a DO block.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Action:
    """What a statement does, or one subcommand of an ALTER TABLE.

    `words` says it to a reader. `locks` holds the strongest lock on each table that was there before; those that block
    nothing (ACCESS SHARE, ROW SHARE, ROW EXCLUSIVE) only of tables that the text names. Empty `rewrites`, `scans` (to
    check or copy what is there), `builds_index` and `changes_rows` say that it does nothing of the kind. `unknown`
    names what it runs that its text does not tell, and which may do anything beside what is said here.

    What a catalog must know to settle conditions: `column_type` is the type of a column that is added or changed, as SQL
    writes it; `functions` are those of its default which are not PostgreSQL's own; `keys` are the columns of a
    primary key, a unique constraint or a foreign key, or those that an UPDATE sets.
    """

    words: str
    object: ActionObject
    locks: tuple[TableLock, ...] = ()
    rewrites: tuple[Work, ...] = ()
    scans: tuple[Work, ...] = ()
    builds_index: tuple[Work, ...] = ()
    changes_rows: tuple[Work, ...] = ()
    destroys: tuple[Loss, ...] = ()
    unknown: str | None = None
    column_type: str | None = None
    functions: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def work(self) -> Iterator[Work]:
        """All that takes the longer the more rows there are."""
        yield from (*self.rewrites, *self.scans, *self.builds_index, *self.changes_rows)
