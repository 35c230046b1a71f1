"""Compare the files of the folder with the history: find the state of each migration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History, HistoryEntry, PartialMigration
from fsapi_nb.model.migration import Direction, Migration
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan.down import fault_of_down
from fsapi_nb.plan.steps import cut
from fsapi_nb.script.migration import checksum_without_down
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.words import counted


@dataclass(frozen=True)
class Reconciled:
    """The state of each migration.

    The many that are applied and unchanged get a status only once it is asked for.

    `needs_attention` are the others, ordered by the bytes of their names; their statuses do not say whether a pending
    one could run. An applied one is among them if its file has gained a DOWN.
    """

    folder: Folder
    history: History
    needs_attention: tuple[MigrationStatus, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Each name that either side knows, ordered by its bytes."""
        known = {*self.history.by_name, *self.folder.names, *(status.name for status in self.needs_attention)}
        return tuple(sorted(known, key=os.fsencode))

    def statuses(self, authors: Mapping[str, str] = MappingProxyType({})) -> tuple[MigrationStatus, ...]:
        """Return a status for each name; `authors` are the roles that applied them, by name."""
        needs_attention = {
            s.name: replace(_judged(s), by=authors.get(s.name) if s.entry else None) for s in self.needs_attention
        }
        return tuple(needs_attention.get(name) or self._settled(name, by=authors.get(name)) for name in self.names)

    def status(self, name: str) -> MigrationStatus:
        """Return the status of one of the `names`."""
        found = next((_judged(status) for status in self.needs_attention if status.name == name), None)
        return found or self._settled(name)

    def _settled(self, name: str, *, by: str | None = None) -> MigrationStatus:
        """Return the status of an applied, unchanged one.

        Its file is parsed only if it has other bytes than it had then.
        """
        entry = self.history.by_name[name]
        fault = entry.down_fault
        if self.folder.digest(name) != entry.digest and (migration := self.folder.get(name)):
            fault = fault_of_down(migration)
        return MigrationStatus(name, State.APPLIED, entry, note=_cannot_run(fault) if fault else None, by=by)


def reconcile(folder: Folder, history: History) -> Reconciled:
    """Return the state of each migration, by the files of the folder and the history.

    A file whose bytes are those that were applied is not parsed, and its script is not compared.
    """
    unfinished = {progress.name: progress for progress in history.unfinished if progress.begun}
    files, ran = folder.digests, {entry.name: entry.digest for entry in history.entries}
    changed = {name for name, digest in files.items() if ran.get(name) != digest}
    others = changed.union(ran.keys() - files.keys(), folder.unusable, unfinished)
    newest = max(map(os.fsencode, ran), default=b"") if others else b""
    found = (
        _applied(history.by_name[name], folder, unfinished.get(name))
        if name in ran
        else _not_applied(
            name, folder, unfinished.get(name), late=os.fsencode(name) < newest, redone=name in history.redone
        )
        for name in sorted(others, key=os.fsencode)
    )
    return Reconciled(
        folder, history, tuple(status for status in found if status.state is not State.APPLIED or status.note)
    )


def is_what_ran(migration: Migration, entry: HistoryEntry) -> bool:
    """Return whether the file is known to be what was applied, by its bytes or its checksum."""
    same_bytes = migration.digest is not None and migration.digest == entry.digest
    return same_bytes or (entry.checksum is not None and migration.checksum == entry.checksum)


def is_drifted(migration: Migration, entry: HistoryEntry) -> bool:
    """Return whether the file differs from what was applied.

    False if that is not known (rows that fsapi made).
    """
    if entry.checksum is None or is_what_ran(migration, entry):
        return False
    algorithm = entry.checksum.partition(":")[0]
    return migration.checksum.partition(":")[0] == algorithm


def only_adds_down(migration: Migration, entry: HistoryEntry) -> bool:
    """Return whether the file is what was applied, with a new DOWN below it that could run."""
    if migration.down is None or migration.down.parsed.problems or not is_drifted(migration, entry):
        return False
    return checksum_without_down(migration) == entry.checksum


def _applied(entry: HistoryEntry, folder: Folder, progress: PartialMigration | None) -> MigrationStatus:
    name = entry.name
    reading = folder.reading(name)
    migration = reading.migration
    if progress:
        return _half_way(name, progress, entry, migration)
    if reading.problems:
        note = "the file of this applied migration cannot be used"
        return MigrationStatus(name, State.DRIFTED, entry, problems=reading.problems, note=note)
    if migration is None:
        return MigrationStatus(name, State.MISSING, entry, note="applied, but there is no such file")
    if only_adds_down(migration, entry):
        note = Advice("its file has gained a DOWN, which the next ", command("migrate"), " records")
        return MigrationStatus(name, State.APPLIED, entry, migration, note=note)
    if is_drifted(migration, entry):
        return MigrationStatus(name, State.DRIFTED, entry, migration, note="the file was edited after it was applied")
    return MigrationStatus(name, State.APPLIED, entry)


def _not_applied(
    name: str, folder: Folder, progress: PartialMigration | None, *, late: bool, redone: bool
) -> MigrationStatus:
    reading = folder.reading(name)
    migration = reading.migration
    if progress:
        return _half_way(name, progress, None, migration)
    if migration is None:
        return MigrationStatus(name, State.BROKEN, problems=reading.problems, note=reading.problems[0].message)
    if late:
        note = "older than the newest applied migration"
        return MigrationStatus(name, State.LATE, migration=migration, note=note)
    redo = "its redo was cut off: it is rolled back, and not applied yet" if redone else None
    return MigrationStatus(name, State.PENDING, migration=migration, note=redo)


def _judged(status: MigrationStatus) -> MigrationStatus:
    """Return the status with what keeps a pending UP from being run, and a note if the DOWN cannot run.

    The DOWN of an applied migration is the stored one, whatever its file says; one that the file has gained is sound.
    """
    migration, problems = status.migration, status.problems
    own = fault_of_down(migration) if migration and not status.entry else None
    fault = status.entry.down_fault if status.entry else own
    if migration and status.state in {State.PENDING, State.LATE}:
        problems = tuple(cut(migration, migration.up)[1])
    notes = [note for note in (status.note, _cannot_run(fault) if fault else None) if note]
    return replace(status, problems=problems, note="; ".join(notes) or None)


def _cannot_run(fault: str) -> str:
    return f"its DOWN cannot run: {fault}"


def _half_way(
    name: str, progress: PartialMigration, entry: HistoryEntry | None, migration: Migration | None
) -> MigrationStatus:
    state = State.IN_DOUBT if progress.in_flight else State.PARTLY_APPLIED
    rolling_back = progress.direction is Direction.DOWN
    return MigrationStatus(name, state, entry, migration, note=_how_far(progress), rolling_back=rolling_back)


def _how_far(progress: PartialMigration) -> str:
    """Say how far a migration has come that ended half-way."""
    did = "rolled back" if progress.direction is Direction.DOWN else "applied"
    if progress.in_flight and progress.attempted:
        doubt = progress.doubt or "how it ended is not known yet"
        return f"step {progress.attempted.number + 1} was begun outside a transaction; {doubt}"
    count = len(progress.done)
    return f"{counted(count, 'step')} {did}; the next did not end"
