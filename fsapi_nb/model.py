"""The frozen values that everything else speaks of: migrations, their scripts, and what the database remembers.

Nothing here reads, connects or renders; see `script` for how a text becomes a `Migration`, `plan` for what is
decided over them and `views` for how they are shown.
"""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import NamedTuple, Protocol

from fsapi_nb.errors import MigrationFileError, Place, Problem
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


class Contents(Protocol):
    """Where a migration's bytes are read from: memory or a file, `name` being the file's."""

    @property
    def name(self) -> str:
        """The file's name, for errors."""

    def chunks(self, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """The `size` bytes from `start`, or all that follow, a piece at a time; OSError where they cannot be read."""


@dataclass(frozen=True, slots=True)
class CopyData:
    """Inline data of a `COPY ... FROM stdin`, up to but without the `\\.` line; `line` is its first line in the file.

    Not the bytes, which may be many, but how many (`size`), their SHA-256 (`digest`), and where they are: in
    `contents`, from `start`.
    """

    line: int
    size: int
    digest: str
    contents: Contents = field(compare=False, repr=False)
    start: int = field(compare=False)

    def chunks(self) -> Iterator[bytes]:
        """The data in pieces, to be sent. Raises MigrationFileError where they turn out not to be what was read before.

        That is known at the end only: whoever sends them must take back what was sent.
        """
        digest, size = hashlib.sha256(), 0
        try:
            for piece in self.contents.chunks(self.start, self.size):
                digest.update(piece)
                size += len(piece)
                yield piece
        except OSError as error:
            raise self._changed(f"the file cannot be read any more: {error.strerror}") from None
        if (size, digest.hexdigest()) != (self.size, self.digest):
            raise self._changed("the file was changed after it was read: this COPY's data is not what it was")

    def _changed(self, message: str) -> MigrationFileError:
        return MigrationFileError(Problem(message, Place(self.contents.name, self.line), "run it again."))


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
class Meaning:
    """What a statement is, whatever its text: thousands of INSERTs share one.

    `kind` is its command in upper case (`CREATE TABLE`), `effect` the trace that it leaves in the catalog, where that
    is asked for: of what may run outside of a transaction. `refusal` says why it cannot stand in a migration, and what to
    do; `lacks_data` the same where no COPY data follows it.
    """

    kind: str
    rule: TransactionRule = TransactionRule.ALLOWED
    effect: Effect = Effect(EffectKind.UNKNOWN)
    loses: tuple[str, ...] = ()
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
    meaning: Meaning
    text_column: int = 1
    copy: CopyData | None = None
    strings: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Its command in upper case (`CREATE TABLE`)."""
        return self.meaning.kind

    @property
    def rule(self) -> TransactionRule:
        """How it and a transaction block get on."""
        return self.meaning.rule

    @property
    def effect(self) -> Effect:
        """The trace that it leaves in the catalog; asked for of what may run outside of a transaction only."""
        return self.meaning.effect

    @property
    def loses(self) -> tuple[str, ...]:
        """What data it takes away."""
        return self.meaning.loses

    @property
    def adds_enum_value(self) -> EnumValue | None:
        """The value that it adds to an enum."""
        return self.meaning.adds_enum_value

    @property
    def creates_schema(self) -> str | None:
        """The schema that it creates."""
        return self.meaning.creates_schema

    @property
    def begin_options(self) -> bool:
        """Whether it is a BEGIN that asks for more than a transaction."""
        return self.meaning.begin_options

    @property
    def changes_session(self) -> bool:
        """Whether it sets something for the rest of the session."""
        return self.meaning.changes_session

    @property
    def procedure(self) -> Procedure | None:
        """What it does to a transaction, where it is a DO block, a CREATE PROCEDURE or a CALL."""
        return self.meaning.procedure

    @property
    def leaves_a_trace(self) -> bool:
        """Whether the catalog tells whether it has happened, or it is safe to repeat."""
        return self.effect.kind is not EffectKind.UNKNOWN

    @property
    def builds_index(self) -> bool:
        """Whether it is a CREATE INDEX CONCURRENTLY, which may leave an invalid index behind."""
        return self.effect.kind is EffectKind.INDEX_CREATED and self.rule is TransactionRule.REFUSED


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


class Written(Protocol):
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
        """What the text says."""


@dataclass(frozen=True, eq=False)
class Script:
    """One direction's script: its text, and, parsed when somebody first asks, its statements and what is wrong with it.

    `first_line` is the line of the file that it begins at.
    """

    direction: Direction
    first_line: int
    written: Written = field(repr=False)

    @once
    def parsed(self) -> ParsedScript:
        """What its text says."""
        return self.written.parse()

    @property
    def text(self) -> str:
        """The section as it stands in the file, but for large data of a COPY: a line says how much there is."""
        return self.written.text

    @property
    def complete(self) -> bool:
        """Whether `text` is all that runs; where it is not, the script cannot be made again of its text."""
        return self.written.complete

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Its statements in order; none where it is `unparsed`."""
        return self.parsed.statements

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What keeps it from being run."""
        return self.parsed.problems

    @property
    def unparsed(self) -> bool:
        """Whether PostgreSQL's parser refused it."""
        return self.parsed.unparsed

    @property
    def options(self) -> Mapping[str, str]:
        """Those of its `-- fsapi:` lines."""
        return self.parsed.options

    @property
    def checks(self) -> tuple[Check, ...]:
        """What must hold before it is committed."""
        return self.parsed.checks

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Script):
            return NotImplemented
        mine, others = (self.direction, self.first_line, self.text), (other.direction, other.first_line, other.text)
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
        """The checksum of its scripts, with the algorithm's name."""
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

    @property
    def source(self) -> str:
        """The file's text; large data of a COPY is empty lines in it, so that all others have their numbers."""
        return self.up.written.source

    def script(self, direction: Direction) -> Script | None:
        """The script of that direction."""
        return self.up if direction is Direction.UP else self.down


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file was read as: a migration, or what is wrong with the file."""

    migration: Migration | None
    problems: tuple[Problem, ...] = ()


def _no_file(name: str) -> Reading:
    """The reading of a folder without files."""
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Folder:
    """What a migrations folder holds. A file is parsed when it is asked for, and not before.

    `digests` maps each file of sound name to the digest of its bytes (`sha256:<hex>`), in the order of the names' bytes;
    `unusable` the others, which could not be read or have no name of a migration, to their problems. `read` gives the
    reading of one of the former. `label` is what the user calls the folder; `nested` are the SQL files in its subfolders,
    which are not read.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    unusable: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    read: Callable[[str], Reading] = _no_file
    label: str = ""
    nested: int = 0

    @property
    def lack(self) -> str | None:
        """Why there is nothing to apply, where the folder has no file at all: nothing is up to date then."""
        if self.digests or self.unusable or not self.label:
            return None
        return f"no migration files in {self.label}" + (f" ({self.nested} in subfolders)" if self.nested else "")

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of a folder that has files."""
        if not self.nested or self.lack:
            return ()
        are = "SQL file in a subfolder is" if self.nested == 1 else "SQL files in subfolders are"
        return (f"{self.nested} {are} not read",)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all files, in the order of their bytes."""
        return tuple(sorted((*self.digests, *self.unusable), key=os.fsencode)) if self.unusable else tuple(self.digests)

    def has(self, name: str) -> bool:
        """Whether there is a file of exactly that name, usable or not."""
        return name in self.digests or name in self.unusable

    def digest(self, name: str) -> str | None:
        """The digest of that file's bytes; None where there is no such file, or it cannot be used."""
        return self.digests.get(name)

    def reading(self, name: str) -> Reading:
        """What that file is read as; neither a migration nor problems where there is none."""
        return self.read(name) if name in self.digests else Reading(None, self.unusable.get(name, ()))

    def get(self, name: str) -> Migration | None:
        """The migration of exactly that file name; None where there is none, or its file cannot be used."""
        return self.reading(name).migration

    def problems(self, name: str) -> tuple[Problem, ...]:
        """What keeps that file from being used; nothing for a sound one, or where there is none."""
        return self.reading(name).problems

    def up_to(self, last: str) -> Folder:
        """The folder as if it ended with that file."""
        end = os.fsencode(last)
        digests = {name: digest for name, digest in self.digests.items() if os.fsencode(name) <= end}
        unusable = {name: problems for name, problems in self.unusable.items() if os.fsencode(name) <= end}
        return Folder(digests, unusable, self.read)

    def with_draft(self, draft: Migration) -> Folder:
        """The folder as if the file of that name held the draft, which has the digest of its bytes."""
        digests = {**self.digests, draft.name: draft.digest or ""}
        unusable = {name: problems for name, problems in self.unusable.items() if name != draft.name}

        def read(name: str) -> Reading:
            return Reading(draft) if name == draft.name else self.read(name)

        return Folder({name: digests[name] for name in sorted(digests, key=os.fsencode)}, unusable, read)


class HistoryEntry(NamedTuple):
    """One migration that is completely applied, as the database remembers it. A named tuple: thousands are made at once.

    `checksum` is None for what fsapi itself applied; `digest`, that of the bytes of the file that it was applied from, for
    what an earlier build did as well. `down_fault` is what would keep its DOWN from being run, found when it was applied.
    `applied_at` is the server's local time without zone, as fsapi stores it; `duration_ms` milliseconds.
    """

    id: int
    name: str
    applied_at: datetime.datetime | None = None
    duration_ms: int | None = None
    checksum: str | None = None
    digest: str | None = None
    down_fault: str | None = None


@dataclass(frozen=True, slots=True)
class StoredScripts:
    """The text of an applied migration as it ran. `down` is None where it was irreversible.

    `recorded` is False for rows that fsapi made: then nothing is known of their text. `redacted` says that a
    password was taken out, so that the text cannot be run any more. Of who stored it, `by` is the role and `at` the moment,
    `journalled` is the checksum and `kept` the digest of what was stored: as far as the journal says so.
    """

    up: str | None = None
    down: str | None = None
    recorded: bool = False
    redacted: bool = False
    by: str | None = None
    at: datetime.datetime | None = None
    journalled: str | None = None
    kept: str | None = None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What the journal holds of one step: its number (from zero) `of` so many, the checksum and the text it ran."""

    number: int
    checksum: str | None = None
    text: str | None = None
    of: int = 1


#: How the journal begins to say that a step failed of which a part may be committed.
COMMITTED_ITSELF = "it had committed by itself and failed then: "


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a migration came in its last attempt that did not end.

    `done` are the steps of `direction` that are committed, from the first; `applied_before` those of the UP that a
    rollback of a part began with. `attempted` is the step outside a
    transaction that was sent last, with what the catalog said before it (`witness`, JSON); `in_flight` where
    nothing is known of how it ended, False where PostgreSQL refused it. `doubt` is how it failed after it had committed
    by itself. `session` is what the session of the last one had, as far as it is known: names of settings with values. Unless
    `outlived`, that was said inside of its transaction, and some of it may have ended with that.
    """

    name: str
    direction: Direction
    done: tuple[StepRecord, ...] = ()
    attempted: StepRecord | None = None
    in_flight: bool = False
    witness: str | None = None
    applied_before: tuple[StepRecord, ...] = ()
    doubt: str | None = None
    session: Mapping[str, str] = field(default_factory=dict)
    outlived: bool = False

    @property
    def begun(self) -> bool:
        """Whether something of it may be in the database."""
        return bool(self.done or self.applied_before) or self.in_flight


@dataclass(frozen=True, slots=True)
class Retired:
    """A migration that has run, whose row was retired.

    `checksum` is that of the row, if it had one. `represented_by` is the applied migration that was recorded in its place,
    `stands_for` are those that it was recorded in the place of.
    """

    name: str
    checksum: str | None = None
    represented_by: str | None = None
    stands_for: tuple[str, ...] = ()


class RowChangeKind(Enum):
    """How a history row is changed without running anything; the value is the journal's event."""

    RENAME = "rename"
    RETIRE = "retire"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class RowChange:
    """One change of a history row that runs nothing.

    `entry` is the row as it is; of one that is restored, only its name is known. `other` is the name that a renamed row
    gets, or the migration that is recorded in a retired row's place.
    """

    kind: RowChangeKind
    entry: HistoryEntry
    other: str | None = None


@dataclass(frozen=True)
class History:
    """All that the database remembers, in the order in which it was applied.

    `exists` is False where the tables are not there yet. `redone` are the migrations of which a redo in several steps
    was begun and not given up, oldest first; those that are in `entries` are applied again, or not rolled back yet.
    `retired` are the migrations that have run, but whose rows were retired. `journal` is its table's name, as SQL writes it.
    """

    entries: tuple[HistoryEntry, ...] = ()
    unfinished: tuple[Progress, ...] = ()
    exists: bool = False
    redone: tuple[str, ...] = ()
    rolled_back: tuple[str, ...] = ()
    retired: tuple[Retired, ...] = ()
    journal: str = "migrations_journal"

    @cached_property
    def by_name(self) -> Mapping[str, HistoryEntry]:
        """The entries by their names."""
        return {entry.name: entry for entry in self.entries}

    def get(self, name: str) -> HistoryEntry | None:
        """The entry of exactly that name."""
        return self.by_name.get(name)

    def progress(self, name: str) -> Progress | None:
        """How far that migration came, if it ended half-way."""
        return next((progress for progress in self.unfinished if progress.name == name and progress.begun), None)


class State(Enum):
    """Where one migration stands."""

    APPLIED = "applied"
    PENDING = "pending"
    LATE = "late"
    DRIFTED = "drifted"
    MISSING = "missing"
    PARTLY_APPLIED = "partly applied"
    IN_DOUBT = "in doubt"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """One line of a status: a name, where it stands, and what the file and the database say of it.

    `migration` is None where there is no sound file, and where nobody had to read it: of what is applied and as it was.
    `by` is the role that applied it, where the journal tells.
    """

    name: str
    state: State
    entry: HistoryEntry | None = None
    migration: Migration | None = None
    problems: tuple[Problem, ...] = ()
    note: str | None = None
    rolling_back: bool = False
    by: str | None = None


@dataclass(frozen=True, slots=True)
class DatabaseObject:
    """An object of the catalog, by its kind (`table`, `function`) and its quoted, qualified identity.

    `name` is the bare name of what has one that is unique in the database (a schema, an extension).
    """

    kind: str
    identity: str
    name: str | None = None


class Mode(Enum):
    """How a step commits: as one transaction, or statement by statement where PostgreSQL refuses one."""

    TRANSACTION = "transaction"
    AUTOCOMMIT = "no transaction"


@dataclass(frozen=True, slots=True)
class Part:
    """What a step runs of one migration in one direction; `completes` it where it is the last of it.

    `number` counts the migration's steps from zero, `of` says how many there are. `entry` is the history entry
    that a DOWN takes away.
    """

    migration: Migration
    direction: Direction
    statements: tuple[Statement, ...]
    number: int = 0
    of: int = 1
    entry: HistoryEntry | None = None

    @property
    def checks(self) -> tuple[Check, ...]:
        """What must hold before this part is committed: the script's checks, where it is the last of it."""
        script = self.migration.script(self.direction)
        return script.checks if script and self.completes else ()

    @property
    def completes(self) -> bool:
        """Whether the migration is done when this part is."""
        return self.number == self.of - 1

    @property
    def is_parsed(self) -> bool:
        """Whether its statements are known; a text that the parser refused is sent as a whole."""
        script = self.migration.script(self.direction)
        return script is None or not script.unparsed


@dataclass(frozen=True, slots=True)
class SessionBefore:
    """What the session of the steps that an earlier run has done had, and the `own` settings that the rest makes itself."""

    state: Mapping[str, str]
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """What commits together, how, and why so. A redo that can be one transaction is a step of two parts.

    `begin` is the statement that opens the transaction: the file's own where it asks for an isolation level.
    A step that `resumes` a migration comes after some that an earlier run has done; `restore_session` are those
    of their statements that only set something in the session, such as SET, to be run again before it. `session_before` is
    what that session must have then.
    """

    mode: Mode
    reason: str
    parts: tuple[Part, ...]
    begin: str = "BEGIN"
    resumes: bool = False
    restore_session: tuple[Statement, ...] = ()
    session_before: SessionBefore | None = None


class Announcement(NamedTuple):
    """What the journal says of a plan before its first step: that a redo is `started` or `abandoned`, that a rollback is,
    that somebody says of a step in doubt that it did not happen (`resolve`).

    `names` are the migrations that a rollback of so many takes back, in order.
    """

    event: str
    name: str
    state: str = "started"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in order: shown by `plan`, run by the runner, the same value.

    `notes` is what a reader should know before saying yes (late files, missing files, a stored DOWN). `marks`
    are migrations that are only recorded (a baseline). `amends` are the applied ones, each with its entry, whose file has
    gained a DOWN: it is recorded, and nothing of it is run; `changes` are those of history rows. `drops` is what `fresh` takes away first, `announces` what is
    journalled before anything runs.
    """

    verb: str
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    marks: tuple[Migration, ...] = ()
    amends: tuple[Part, ...] = ()
    drops: tuple[DatabaseObject, ...] = ()
    announces: tuple[Announcement, ...] = ()
    changes: tuple[RowChange, ...] = ()

    @property
    def place(self) -> int | None:
        """The place in the history of what is recorded instead of rows that are retired: that of the last of them."""
        ids = [each.entry.id for each in self.changes if each.kind is RowChangeKind.RETIRE]
        return max(ids) if ids and self.marks else None

    @property
    def migrations(self) -> tuple[tuple[str, Direction], ...]:
        """The migrations that this plan completes, with their direction, in order."""
        return tuple(
            (part.migration.name, part.direction) for step in self.steps for part in step.parts if part.completes
        )

    @property
    def losses(self) -> tuple[str, ...]:
        """What data it takes away, as far as its statements tell; each thing once."""
        statements = (statement for step in self.steps for part in step.parts for statement in part.statements)
        found = [loss for statement in statements for loss in statement.loses]
        return tuple(dict.fromkeys([*(f"the {drop.kind} {drop.identity}" for drop in self.drops), *found]))

    def __bool__(self) -> bool:
        return bool(self.steps or self.marks or self.amends or self.drops or self.announces or self.changes)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What there is to know of one migration: its scripts (without passwords), and what would run of it next.

    `plan` is its UP where it is not applied, its DOWN where it is; empty with the reason in `refusal` where it cannot
    run. `difference` is what its file says differently from what ran.
    """

    up: str | None
    down: str | None
    plan: Plan
    refusal: str | None = None
    difference: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """One migration that a run completed. `elapsed` is in seconds: those of the history, where that was heard, else by a monotonic clock."""

    name: str
    direction: Direction
    elapsed: float
    steps: int = 1
    notices: tuple[str, ...] = ()


#: What the journal's message of a renamed migration begins with.
NAME_BEFORE = "was "


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One event of the journal, as it stands there."""

    id: int
    at: datetime.datetime
    run_id: str
    migration: str | None
    event: str
    state: str
    step: int | None = None
    steps: int | None = None
    duration_ms: int | None = None
    server_pid: int | None = None
    role: str | None = None
    host: str | None = None
    application: str | None = None
    notebook: str | None = None
    message: str | None = None
    cell: str | None = None
    runbook: str | None = None

    @property
    def name_before(self) -> str | None:
        """The name that a renamed migration had before; None for every other event."""
        message = self.message or ""
        return message.removeprefix(NAME_BEFORE) if self.event == "rename" else None


@dataclass(frozen=True, slots=True)
class ServerProgress:
    """How far a long command is, as the server tells it (`pg_stat_progress_*`).

    `done` of `total` blocks, bytes, tuples or sessions waited for, by `unit`; `total` is 0 where it is not known.
    """

    command: str
    phase: str
    relation: str | None = None
    done: int = 0
    total: int = 0
    unit: str = ""

    @property
    def fraction(self) -> float | None:
        """From 0 to 1; None where the server does not know how much there is."""
        return min(self.done / self.total, 1.0) if self.total else None


class QueuePart(Enum):
    """What a session does in a queue for a lock, as seen from the one that is looked at."""

    BLOCKS = "blocks"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class LockSession:
    """One session in a queue for a lock: who it is, what it does there, and which lock it is about.

    `transaction_age` and `waited` are in seconds, as of the look; `query` is cut short; `lock` is what is locked
    (`table public.users`), `mode` the mode that it holds or, where it is not `granted`, wants. `pid` is 0 for a
    prepared transaction, which has no session.
    """

    part: QueuePart
    pid: int
    user: str | None = None
    application: str | None = None
    state: str | None = None
    transaction_age: float | None = None
    waited: float | None = None
    query: str | None = None
    lock: str | None = None
    mode: str | None = None
    granted: bool = False
    blocked_by: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Blockage:
    """Who blocks whom: first those who block, the first cause on top, then those who wait behind.

    Seen from the session `waiter`; None where all queues of the database are shown.
    """

    sessions: tuple[LockSession, ...] = ()
    waiter: int | None = None

    def __bool__(self) -> bool:
        return bool(self.sessions)

    @property
    def blockers(self) -> tuple[LockSession, ...]:
        """Those who block."""
        return tuple(session for session in self.sessions if session.part is QueuePart.BLOCKS)


#: Nobody waits.
NO_BLOCKAGE = Blockage()


@dataclass(frozen=True, slots=True)
class Identity:
    """Which database a run is on. Never holds a password. `place` is where the address came from.

    `server` is where the connection went: `host:port`, `embedded`, or `socket, port 5432` without the socket's folder,
    which differs from machine to machine. `schema` is the one that the run is confined to, if one was chosen.
    """

    database: str
    name: str | None = None
    protected: bool = False
    place: str = ""
    server: str = ""
    schema: str | None = None

    @property
    def label(self) -> str:
        """The database in a few words, the same for each run: `shop at db.example:5432`, `fsapi (embedded, protected)`."""
        at = f" at {self.server}" if ":" in self.server else ""
        words = [self.server] if self.server and not at else []
        words += [f"schema {self.schema}"] if self.schema else []
        words += ["protected"] if self.protected else []
        return f"{self.database}{at}" + (f" ({', '.join(words)})" if words else "")


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What a record says of a database, so that it can be told from every other. Never holds a password.

    `address` is where the connection went; `system` is the cluster's own number, where the role may read it.
    """

    identity: Identity
    server: str
    address: str
    role: str
    system: str | None = None
