"""Where each migration stands: the folder's files against what the database remembers."""

from __future__ import annotations

import os

from fsapi_nb.errors import Problem
from fsapi_nb.model import Direction, Folder, History, HistoryEntry, Migration, MigrationStatus, Progress, State
from fsapi_nb.plan.steps import cut


def reconcile(folder: Folder, history: History) -> tuple[MigrationStatus, ...]:
    """One status for each name that either side knows, ordered by the bytes of the names."""
    entries = {entry.name: entry for entry in history.entries}
    files = {migration.name: migration for migration in folder.migrations}
    unfinished = {progress.name: progress for progress in history.unfinished if progress.begun}
    newest = max((os.fsencode(name) for name in entries), default=b"")
    names = sorted({*entries, *files, *folder.broken, *unfinished}, key=os.fsencode)
    return tuple(
        _applied(entries[name], files.get(name), folder, unfinished.get(name))
        if name in entries
        else _not_applied(name, files.get(name), folder, unfinished.get(name), late=os.fsencode(name) < newest)
        for name in names
    )


def is_drifted(migration: Migration, entry: HistoryEntry) -> bool:
    """Whether the file differs from what was applied; False where that is not known (rows that fsapi made)."""
    if entry.checksum is None:
        return False
    algorithm = entry.checksum.partition(":")[0]
    return migration.checksum.partition(":")[0] == algorithm and migration.checksum != entry.checksum


def _applied(
    entry: HistoryEntry, migration: Migration | None, folder: Folder, progress: Progress | None
) -> MigrationStatus:
    name = entry.name
    if progress:
        return _half_way(name, progress, entry, migration)
    if name in folder.broken:
        note = "the file of this applied migration cannot be used"
        return MigrationStatus(name, State.DRIFTED, entry, problems=folder.broken[name], note=note)
    if migration is None:
        return MigrationStatus(name, State.MISSING, entry, note="applied, but there is no such file")
    if is_drifted(migration, entry):
        return MigrationStatus(name, State.DRIFTED, entry, migration, note="the file was edited after it was applied")
    return MigrationStatus(name, State.APPLIED, entry, migration)


def _not_applied(
    name: str, migration: Migration | None, folder: Folder, progress: Progress | None, *, late: bool
) -> MigrationStatus:
    if progress:
        return _half_way(name, progress, None, migration)
    if migration is None:
        return MigrationStatus(name, State.BROKEN, problems=folder.broken[name], note=folder.broken[name][0].message)
    if late:
        note = "older than the newest applied migration"
        return MigrationStatus(name, State.LATE, migration=migration, problems=_faults(migration), note=note)
    return MigrationStatus(name, State.PENDING, migration=migration, problems=_faults(migration))


def _faults(migration: Migration) -> tuple[Problem, ...]:
    """What would keep the UP from being run."""
    return tuple(cut(migration, migration.up)[1])


def _half_way(
    name: str, progress: Progress, entry: HistoryEntry | None, migration: Migration | None
) -> MigrationStatus:
    state = State.IN_DOUBT if progress.in_flight else State.PARTLY_APPLIED
    rolling_back = progress.direction is Direction.DOWN
    return MigrationStatus(name, state, entry, migration, note=_how_far(progress), rolling_back=rolling_back)


def _how_far(progress: Progress) -> str:
    """What a reader should know of a migration that ended half-way."""
    did = "rolled back" if progress.direction is Direction.DOWN else "applied"
    if progress.in_flight and progress.attempted:
        return f"step {progress.attempted.number + 1} was begun outside a transaction; how it ended is not known yet"
    count = len(progress.done)
    return f"{count} step{'s' if count != 1 else ''} {did}; the next did not end"
