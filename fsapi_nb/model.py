"""The frozen values that everything else speaks of: migrations, their scripts, and what the database remembers.

Nothing here reads, connects or renders; see `script` for how a text becomes a `Migration`, `plan` for what is
decided over them and `views` for how they are shown.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from fsapi_nb.errors import Problem


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


@dataclass(frozen=True, slots=True)
class CopyData:
    """Inline data of a `COPY ... FROM stdin`, up to but without the `\\.` line; `line` is its first line."""

    data: bytes
    line: int


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
    """The trace that a statement leaves: its kind, and the names to look for, quoted where they are relations."""

    kind: EffectKind
    name: str | None = None
    relation: str | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a script.

    `text` is what is sent, byte for byte as written, comments before it included, without the semicolon; it begins
    in line `text_line` and column `text_column` of the file, its first word in `line`. `kind` is its command in upper
    case (`CREATE TABLE`), `effect` the trace that it leaves in the catalog. `strings` holds its string constants, quoted
    bodies included, when the script adds enum values (only then does anyone ask).
    """

    text: str
    text_line: int
    line: int
    kind: str
    rule: TransactionRule = TransactionRule.ALLOWED
    text_column: int = 1
    effect: Effect = Effect(EffectKind.UNKNOWN)
    copy: CopyData | None = None
    adds_enum_value: EnumValue | None = None
    creates_schema: str | None = None
    begin_options: bool = False
    changes_session: bool = False
    strings: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()

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
class Script:
    """One direction's text, its statements, and what is wrong with it.

    `text` is the section as it stands in the file, `first_line` the line of the file it begins at. A script with
    `problems` can be shown and stored, but not run; `unparsed` says that PostgreSQL's parser refused it, so that
    it has no statements. `options` are those of its `-- fsapi:` lines, `checks` what must hold before it is committed.
    """

    direction: Direction
    text: str
    first_line: int
    statements: tuple[Statement, ...] = ()
    problems: tuple[Problem, ...] = ()
    unparsed: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration: a file's name (with `.sql`), its scripts, its checksum and its whole text.

    `down` is None where the migration is irreversible. `stored` says that it was made again of what the database
    keeps: its lines are not those of the file.
    """

    name: str
    up: Script
    down: Script | None
    checksum: str
    source: str = ""
    stored: bool = False

    @property
    def label(self) -> str:
        """The name as errors give it: with a word where the text is not the file's."""
        return f"{self.name} (as stored)" if self.stored else self.name

    def script(self, direction: Direction) -> Script | None:
        """The script of that direction."""
        return self.up if direction is Direction.UP else self.down


@dataclass(frozen=True, slots=True)
class Folder:
    """What a migrations folder holds: the sound files in order, and the files that cannot be used.

    `broken` maps the name of an unusable file to its problems.
    """

    migrations: tuple[Migration, ...] = ()
    broken: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)

    def get(self, name: str) -> Migration | None:
        """The migration of exactly that file name."""
        return next((migration for migration in self.migrations if migration.name == name), None)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One migration that is completely applied, as the database remembers it.

    `checksum`, `up` and `down` are None for what fsapi itself applied; `has_down` is False where the migration
    was recorded as irreversible. `applied_at` is the server's local time without zone, as fsapi stores it;
    `duration_ms` milliseconds.
    """

    id: int
    name: str
    applied_at: datetime.datetime | None = None
    duration_ms: int | None = None
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class StoredScripts:
    """The text of an applied migration as it ran. `down` is None where it was irreversible.

    `recorded` is False for rows that fsapi made: then nothing is known of their text. `redacted` says that a
    password was taken out, so that the text cannot be run any more.
    """

    up: str | None = None
    down: str | None = None
    recorded: bool = False
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What the journal holds of one step: its number (from zero) `of` so many, the checksum and the text it ran."""

    number: int
    checksum: str | None = None
    text: str | None = None
    of: int = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a migration came in its last attempt that did not end.

    `done` are the steps of `direction` that are committed, from the first; `applied_before` those of the UP that a
    rollback of a part began with. `attempted` is the step outside a
    transaction that was sent last, with what the catalog said before it (`witness`, JSON); `in_flight` where
    nothing is known of how it ended, False where PostgreSQL refused it.
    """

    name: str
    direction: Direction
    done: tuple[StepRecord, ...] = ()
    attempted: StepRecord | None = None
    in_flight: bool = False
    witness: str | None = None
    applied_before: tuple[StepRecord, ...] = ()

    @property
    def begun(self) -> bool:
        """Whether something of it may be in the database."""
        return bool(self.done or self.applied_before) or self.in_flight


@dataclass(frozen=True, slots=True)
class History:
    """All that the database remembers, in the order in which it was applied.

    `exists` is False where the tables are not there yet.
    """

    entries: tuple[HistoryEntry, ...] = ()
    unfinished: tuple[Progress, ...] = ()
    exists: bool = False

    def get(self, name: str) -> HistoryEntry | None:
        """The entry of exactly that name."""
        return next((entry for entry in self.entries if entry.name == name), None)

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
class Step:
    """What commits together, how, and why so. A redo that can be one transaction is a step of two parts.

    `begin` is the statement that opens the transaction: the file's own where it asks for an isolation level.
    A step that `resumes` a migration comes after some that an earlier run has done; `restore_session` are their
    SET statements, to be set again before it.
    """

    mode: Mode
    reason: str
    parts: tuple[Part, ...]
    begin: str = "BEGIN"
    resumes: bool = False
    restore_session: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in order: shown by `plan`, run by the runner, the same value.

    `notes` is what a reader should know before saying yes (late files, missing files, a stored DOWN). `marks`
    are migrations that are only recorded (a baseline). `drops` is what `fresh` takes away first.
    """

    verb: str
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    marks: tuple[Migration, ...] = ()
    drops: tuple[DatabaseObject, ...] = ()

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
        return bool(self.steps or self.marks or self.drops)


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
    """One migration that a run completed. `elapsed` is in seconds, by a monotonic clock."""

    name: str
    direction: Direction
    elapsed: float
    steps: int = 1
    notices: tuple[str, ...] = ()


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
    """Which database a run is on. Never holds a password. `place` is where the address came from."""

    database: str
    name: str | None = None
    protected: bool = False
    place: str = ""


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
