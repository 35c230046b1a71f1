"""What the database remembers: applied migrations, attempts that did not end, and the journal."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from fsapi_nb.model.migration import Direction


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
    password was taken out, so that the text cannot be run any more. Of who stored it, `by` is the role and `at` the
    moment, `journalled` is the checksum and `kept` the digest of what was stored: as far as the journal says so.
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
class PartialMigration:
    """How far a migration came in its last attempt that did not end.

    `done` are the steps of `direction` that are committed, from the first; `applied_before` those of the UP that a
    rollback of a part began with. `attempted` is the step outside a
    transaction that was sent last, with what the catalog said before it (`catalog_before`, JSON); `in_flight` where
    nothing is known of how it ended, False where PostgreSQL refused it. `doubt` is how it failed after it had committed
    by itself. `session` is what the session of the last one had, as far as it is known: names of settings with values.
    Unless `outlived`, that was said inside of its transaction, and some of it may have ended with that.
    """

    name: str
    direction: Direction
    done: tuple[StepRecord, ...] = ()
    attempted: StepRecord | None = None
    in_flight: bool = False
    catalog_before: str | None = None
    applied_before: tuple[StepRecord, ...] = ()
    doubt: str | None = None
    session: Mapping[str, str] = field(default_factory=dict)
    outlived: bool = False

    @property
    def begun(self) -> bool:
        """Whether something of it may be in the database."""
        return bool(self.done or self.applied_before) or self.in_flight


@dataclass(frozen=True, slots=True)
class RetiredMigration:
    """A migration that has run, whose row was retired.

    `checksum` is that of the row, if it had one. `represented_by` is the applied migration that was recorded in its
    place, `stands_for` are those that it was recorded in the place of.
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
    `retired` are the migrations that have run, but whose rows were retired. `journal` is its table's name, as SQL
    writes it.
    """

    entries: tuple[HistoryEntry, ...] = ()
    unfinished: tuple[PartialMigration, ...] = ()
    exists: bool = False
    redone: tuple[str, ...] = ()
    rolled_back: tuple[str, ...] = ()
    retired: tuple[RetiredMigration, ...] = ()
    journal: str = "migrations_journal"

    @cached_property
    def by_name(self) -> Mapping[str, HistoryEntry]:
        """The entries by their names."""
        return {entry.name: entry for entry in self.entries}

    def get(self, name: str) -> HistoryEntry | None:
        """Return the entry of exactly that name."""
        return self.by_name.get(name)

    def progress(self, name: str) -> PartialMigration | None:
        """Return how far that migration came, if it ended half-way."""
        return next((progress for progress in self.unfinished if progress.name == name and progress.begun), None)


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
