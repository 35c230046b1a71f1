"""A migration as its file says it: scripts, statements, and what each statement means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from fsapi_nb.model.place import Problem
from fsapi_nb.text.once import once


class Direction(Enum):
    """Which way a script leads."""

    UP = "up"
    DOWN = "down"


class TransactionRule(Enum):
    """How a kind of statement and a transaction block get on (PostgreSQL's `PreventInTransactionBlock`)."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    BEGIN = "begin"
    COMMIT = "commit"
    CHAIN = "commit and chain"


class ByteSource(Protocol):
    """Where a migration's bytes are read from: memory or a file, `name` being the file's."""

    @property
    def name(self) -> str:
        """The file's name, for errors."""

    def chunks(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """Yield the `size` bytes from `start`, or all that follow, a piece at a time.

        Raises:
            OSError: They cannot be read.
        """


@dataclass(frozen=True, slots=True)
class CopyData:
    r"""Inline data of a `COPY ... FROM stdin`, up to but without the `\.` line; `line` is its first line in the file.

    Not the bytes, which may be many, but how many (`size`), their SHA-256 (`digest`), and where they are: in
    `contents`, from `start`.
    """

    line: int
    size: int
    digest: str
    contents: ByteSource = field(compare=False, repr=False)
    start: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class EnumValue:
    """A value that `ALTER TYPE ... ADD VALUE` adds, with the type as the script names it."""

    type_name: str
    value: str


class EffectKind(Enum):
    """What kind of trace a statement leaves in the catalog."""

    INDEX_CREATED = "index created"
    INDEX_DROPPED = "index dropped"
    REINDEXED = "reindexed"
    PARTITION_DETACHED = "partition detached"
    DATABASE_CREATED = "database created"
    DATABASE_DROPPED = "database dropped"
    TABLESPACE_CREATED = "tablespace created"
    TABLESPACE_DROPPED = "tablespace dropped"
    SUBSCRIPTION_CREATED = "subscription created"
    SUBSCRIPTION_DROPPED = "subscription dropped"
    PUBLICATIONS_ADDED = "publications added"
    PUBLICATIONS_DROPPED = "publications dropped"
    REPEATABLE = "repeatable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Effect:
    """The trace that a statement leaves: its kind, and the names to look for, quoted where they are relations.

    `owner` is the role that it names as the owner of what it creates.
    """

    kind: EffectKind
    name: str | None = None
    relation: str | None = None
    names: tuple[str, ...] = ()
    owner: str | None = None


class TableGrant(NamedTuple):
    """Rights to write a history table, of a role that is neither its owner nor a superuser; names as SQL writes them."""

    table: str
    role: str
    rights: tuple[str, ...]

    def __str__(self) -> str:
        rights, who = ", ".join(self.rights), "every role" if self.role == "PUBLIC" else f"the role {self.role}"
        return (
            f"{who} may write {self.table} ({rights}). If not meant: REVOKE {rights} ON {self.table} FROM {self.role};"
        )


@dataclass(frozen=True, slots=True)
class Procedure:
    """What a DO block, a procedure or a CALL does to the transaction that it runs in.

    `name` is that of a procedure which the statement defines, without its schema; None for the others. `ends` says that
    its body commits or rolls back, `calls` has the procedures that it calls.
    """

    name: str | None
    ends: bool = False
    calls: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Traits:
    """What a statement is, whatever its text: thousands of INSERTs share one.

    `kind` is its command in upper case (`CREATE TABLE`), `effect` the trace that it leaves in the catalog, where that
    is asked for: of what may run outside of a transaction. `refusal` says why it cannot stand in a migration, and what
    to do; `lacks_data` the same where no COPY data follows it.
    """

    kind: str
    rule: TransactionRule = TransactionRule.ALLOWED
    effect: Effect = Effect(EffectKind.UNKNOWN)
    adds_enum_value: EnumValue | None = None
    creates_schema: str | None = None
    begin_options: bool = False
    changes_session: bool = False
    refusal: tuple[str, str] | None = None
    lacks_data: tuple[str, str] | None = None
    procedure: Procedure | None = None


class Statement(NamedTuple):
    """One statement of a script. A named tuple: a seed may have a hundred thousand of them.

    `text` is what is sent, byte for byte as written, comments before it included, without the semicolon; it begins
    in line `text_line` and column `text_column` of the file, its first word in `line`. `strings` holds its string
    constants, quoted bodies included, when the script adds enum values (only then does anyone ask).
    """

    text: str
    text_line: int
    line: int
    traits: Traits
    text_column: int = 1
    copy: CopyData | None = None
    strings: tuple[str, ...] = ()

    @property
    def leaves_a_trace(self) -> bool:
        """Whether the catalog tells whether it has happened, or it is safe to repeat."""
        return self.traits.effect.kind is not EffectKind.UNKNOWN

    @property
    def builds_index(self) -> bool:
        """Whether it is a CREATE INDEX CONCURRENTLY, which may leave an invalid index behind."""
        return self.traits.effect.kind is EffectKind.INDEX_CREATED and self.traits.rule is TransactionRule.REFUSED


@dataclass(frozen=True, slots=True)
class Check:
    """A query that must hold: it gives no rows, or only booleans that are all true. `title` says what is promised."""

    title: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class ParsedScript:
    """What a script's text says: its statements, and what is wrong with it.

    One with `problems` can be shown and stored, but not run; `unparsed` says that PostgreSQL's parser refused it, so
    that it has no statements. `options` are those of its `-- fsapi:` lines, `checks` what must hold before it is
    committed.
    """

    statements: tuple[Statement, ...] = ()
    problems: tuple[Problem, ...] = ()
    unparsed: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()


class ScriptSource(Protocol):
    """A script as it stands in its file."""

    @property
    def text(self) -> str:
        """The section, without the large data of a COPY: a line says how much there is."""

    @property
    def source(self) -> str:
        """The whole file; large data is empty lines, so that all others have their numbers."""

    @property
    def complete(self) -> bool:
        """Whether `text` is all of it."""

    def parse(self) -> ParsedScript:
        """Return what the text says."""


@dataclass(frozen=True, eq=False)
class Script:
    """One direction's script: its text, and, parsed when somebody first asks, its statements and what is wrong with it.

    `first_line` is the line of the file that it begins at.
    """

    direction: Direction
    first_line: int
    written: ScriptSource = field(repr=False)

    @once
    def parsed(self) -> ParsedScript:
        """Parse its text, once."""
        return self.written.parse()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Script):
            return NotImplemented
        mine, others = (
            (self.direction, self.first_line, self.written.text),
            (other.direction, other.first_line, other.written.text),
        )
        return mine == others and self.parsed == other.parsed

    __hash__ = None  # type: ignore[assignment]  # as of any value that holds a mapping


@dataclass(frozen=True, eq=False)
class Migration:
    """One migration: a file's name (with `.sql`), its scripts and its checksum, which is taken when somebody first asks.

    `down` is None where the migration is irreversible. `stored` says that it was made again of what the database
    keeps: its lines are not those of the file. `digest` is that of the file's bytes (`sha256:` and hexadecimal digits);
    None where no file was read.
    """

    name: str
    up: Script
    down: Script | None
    hashed: Callable[[], str] = field(repr=False)
    stored: bool = False
    digest: str | None = None

    @once
    def checksum(self) -> str:
        """Take the checksum of its scripts, once; with the algorithm's name."""
        return self.hashed()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Migration):
            return NotImplemented
        mine, others = ((each.name, each.stored, each.digest, each.up, each.down) for each in (self, other))
        return mine == others and self.checksum == other.checksum

    __hash__ = None  # type: ignore[assignment]  # as of its scripts

    @property
    def label(self) -> str:
        """The name as errors give it: with a word where the text is not the file's."""
        return f"{self.name} (as stored)" if self.stored else self.name

    def script(self, direction: Direction) -> Script | None:
        """Return the script of that direction."""
        return self.up if direction is Direction.UP else self.down
