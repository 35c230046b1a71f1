"""What will be done: steps that commit together, and what is only recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from fsapi_nb.model.history import HistoryEntry, RowChange, RowChangeKind
from fsapi_nb.model.migration import Check, Direction, Migration, Statement
from fsapi_nb.model.outcome import ChangedRows, StepWait
from fsapi_nb.model.schema_change import SchemaChanges


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
class StepPart:
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
        return script.parsed.checks if script and self.completes else ()

    @property
    def completes(self) -> bool:
        """Whether the migration is done when this part is."""
        return self.number == self.of - 1

    @property
    def is_parsed(self) -> bool:
        """Whether its statements are known; a text that the parser refused is sent as a whole."""
        script = self.migration.script(self.direction)
        return script is None or not script.parsed.unparsed


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
    of their statements that only set something in the session, such as SET, to be run again before it. `session_before`
    is what that session must have then.
    """

    mode: Mode
    reason: str
    parts: tuple[StepPart, ...]
    begin: str = "BEGIN"
    resumes: bool = False
    restore_session: tuple[Statement, ...] = ()
    session_before: SessionBefore | None = None


class Announcement(NamedTuple):
    """What the journal says of a plan before its first step.

    That a redo or a rollback is `started` or `abandoned`, or that a user says of a step in doubt that it did not happen
    (`resolve`).

    `names` are the migrations that a rollback of so many takes back, in order.
    """

    event: str
    name: str
    state: str = "started"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, in order: shown by `plan`, run by the runner, the same value.

    `notes` is what a reader should know before saying yes (late files, missing files, a stored DOWN). `to_record`
    are migrations that are only recorded (a baseline). `amends` are the applied ones, each with its entry, whose file
    has gained a DOWN: it is recorded, and nothing of it is run; `changes` are those of history rows. `drops` is what
    `fresh` takes away first, `announces` what is journalled before anything runs.
    """

    verb: str
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    to_record: tuple[Migration, ...] = ()
    amends: tuple[StepPart, ...] = ()
    drops: tuple[DatabaseObject, ...] = ()
    announces: tuple[Announcement, ...] = ()
    changes: tuple[RowChange, ...] = ()

    @property
    def place(self) -> int | None:
        """The place in the history of what is recorded instead of rows that are retired: that of the last of them."""
        ids = [each.entry.id for each in self.changes if each.kind is RowChangeKind.RETIRE]
        return max(ids) if ids and self.to_record else None

    @property
    def migrations(self) -> tuple[tuple[str, Direction], ...]:
        """The migrations that this plan completes, with their direction, in order."""
        return tuple(
            (part.migration.name, part.direction) for step in self.steps for part in step.parts if part.completes
        )

    def __bool__(self) -> bool:
        return bool(self.steps or self.to_record or self.amends or self.drops or self.announces or self.changes)


@dataclass(frozen=True, slots=True)
class CompletedMigration:
    """One migration that a run completed.

    `elapsed` is in seconds: those of the history if its answer was heard, else by a monotonic clock. `rows` are those
    that its statements have changed, `waits` what its steps have waited for. `schema_changes` is what it has changed in
    the schema, None if that was not asked for or is only known of the whole run.
    """

    name: str
    direction: Direction
    elapsed: float
    steps: int = 1
    notices: tuple[str, ...] = ()
    rows: tuple[ChangedRows, ...] = ()
    waits: tuple[StepWait, ...] = ()
    schema_changes: SchemaChanges | None = None
