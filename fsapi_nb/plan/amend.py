"""Plan what changes rows of the history and runs nothing: repair, rename, retire, and its undo.

Each function returns what would be written, or raises why it must not be. None lets a script that has run become
pending again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from fsapi_nb.errors import (
    UNCHANGED,
    FaultyMigrations,
    PartlyApplied,
    RanBefore,
    RefusedPlan,
    UnknownMigration,
    UsageError,
)
from fsapi_nb.model.history import HistoryEntry, RetiredMigration, RowChange, RowChangeKind
from fsapi_nb.model.migration import Migration
from fsapi_nb.model.plan import Plan
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan import ran_before, refuse
from fsapi_nb.plan.encoding import unfit_names
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.migrate import matches
from fsapi_nb.plan.names import find_applied, find_filed, find_retired
from fsapi_nb.plan.ran_before import Evidence, is_same_script
from fsapi_nb.plan.selection import choose_up
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.words import counted

_NAMED = 5  # names in a note


def plan_repair(given: PlanInput, *, name: str) -> Plan:
    """Plan to accept the file of an applied migration as it is now: its checksum and its scripts.

    Args:
        given: The files and the history.
        name: The applied migration.

    Raises:
        UnknownMigration: There is no such migration, or it has no file.
        FaultyMigrations: The file cannot be used, or is the untouched template.
    """
    entry = given.history.by_name[find_applied(name, given.standing)]
    file = given.folder.reading(entry.name)
    if file.problems:
        raise FaultyMigrations(file.problems)
    if file.migration is None:
        raise UnknownMigration(
            f"{entry.name} has no file that could be accepted: it is only in the history",
            hint=Advice(
                "bring the file back; if it has another name now, rename its row with ",
                command("rename", entry.name, "NEW"),
                "; if it is gone for good, take the row out of the history with ",
                command("retire", entry.name),
                ".",
            ),
        )
    if entry.checksum == file.migration.checksum:
        return Plan("repair")
    refuse.template(file.migration)
    return Plan("repair", to_record=(file.migration,))


def plan_rename(given: PlanInput, *, old: str, new: str) -> Plan:
    """Plan to give the row of an applied migration the name that its file has now.

    Args:
        given: The files and the history.
        old: The applied migration, whose file is gone.
        new: The file, which is not applied.

    Raises:
        UnknownMigration: There is no such row, or no such file.
        PartlyApplied: One of the two ended half-way.
        RanBefore: Another pending file has the script that ran.
        RefusedPlan: The old file is still there, or the new name is applied itself.
        FaultyMigrations: The new file cannot be used.
    """
    entry = entry_of(given, old)
    refuse_files([entry], given, "rename the file first, or leave the row as it is.")
    name = find_filed(new, given.standing)
    if given.history.get(name):
        raise RefusedPlan(
            f"{name} is applied itself", state=UNCHANGED, hint=Advice(command("status"), " lists what is missing.")
        )
    if given.history.progress(name):
        raise _half(name)
    migration = _sound(given, name)
    unfit = unfit_names([migration], given.encoding)
    if unfit:
        raise FaultyMigrations(tuple(unfit))
    _refuse_the_real_one(given, entry, name)
    notes = tuple(_rename_notes(given, entry, migration))
    return Plan("rename", notes=notes, changes=(RowChange(RowChangeKind.RENAME, entry, name),))


def _refuse_the_real_one(given: PlanInput, entry: HistoryEntry, name: str) -> None:
    """Raise RanBefore if another pending file is what ran: it would be left to run a second time."""
    others = [status for status in _pending(given) if status.name != name]
    file, stored = given.folder.get(name), given.stored.get(entry.name)
    if file and is_same_script(file, entry, stored):
        return
    for status in others:
        if status.migration and is_same_script(status.migration, entry, stored):
            raise RanBefore(
                f"{status.name} has the script that ran as {entry.name}, and {name} has another",
                state=UNCHANGED,
                hint=Advice("its row belongs to that file: ", command("rename", entry.name, status.name)),
            )


def _rename_notes(given: PlanInput, entry: HistoryEntry, migration: Migration) -> Iterable[str]:
    same = is_same_script(migration, entry, given.stored.get(entry.name))
    if same is None:
        yield f"what ran as {entry.name} is not known, so it was not compared with {migration.name}"
    elif not same:
        yield Advice(
            f"{migration.name} is not what ran as {entry.name}: it will count as edited, until ",
            command("repair", migration.name),
            " accepts it",
        )


def plan_retire(given: PlanInput, *, names: Sequence[str] = (), missing: bool = False) -> Plan:
    """Plan to take rows of applied migrations out of the history; the journal keeps them.

    Args:
        given: The files and the history.
        names: The migrations, whose files are gone for good; one that was retired before is skipped.
        missing: All that have no file, instead of names.

    Raises:
        UsageError: Names and `missing` are given together, or neither.
        UnknownMigration: There is no such row.
        PartlyApplied: One of them ended half-way.
        RanBefore: A pending file has the script of one of them, or, with `missing`, seems to do its work again.
        RefusedPlan: A file is still there, so that the migration would be pending.
    """
    if bool(names) == missing:
        raise UsageError("give names, or --missing", hint=Advice(command("status"), " lists what is missing."))
    retired = {each.name for each in given.history.retired} - given.history.by_name.keys()
    if missing:
        entries = [s.entry for s in given.standing.needs_attention if s.state is State.MISSING and s.entry]
    else:
        wanted = dict.fromkeys(find_applied(name, given.standing, also=retired) for name in names)
        entries = [entry_of(given, name) for name in wanted if name not in retired]
    hint = Advice("delete the file first, if the migration is gone for good; ", command("rollback"), " undoes it.")
    refuse_files(entries, given, hint)
    refuse_again(given, entries, named=not missing)
    back = [entry.name for entry in entries] if len(entries) <= _NAMED else ["NAME"]
    note = Advice(
        "what was made stays, and no rollback will undo it; the journal keeps the rows (",
        command("retire", *back, undo=True),
        " puts them back)",
    )
    return Plan(
        "retire",
        notes=(note,) if entries else (),
        changes=tuple(RowChange(RowChangeKind.RETIRE, entry) for entry in entries),
    )


def refuse_again(
    given: PlanInput, entries: Collection[HistoryEntry], *, named: bool, instead: str | None = None
) -> None:
    """Raise RanBefore if a pending file does the work of one of these again.

    If they are `named`, only a file with the same script counts. The file `instead` is meant to do their work.
    """
    strong = [
        match
        for match in matches(given, [status for status in _pending(given) if status.name != instead])
        if any(entry in entries for entry in match.entries) and (not named or match.evidence is Evidence.SCRIPT)
    ]
    ran_before.refuse((), strong, given.history)


def plan_restore(given: PlanInput, *, names: Sequence[str]) -> Plan:
    """Plan to put retired rows back, as they were and in their places.

    Args:
        given: The files and the history.
        names: The retired migrations; one that is applied is skipped.

    Raises:
        UsageError: No names are given.
        UnknownMigration: No row of that name was retired.
        RefusedPlan: The migration that was recorded in their place is still there.
    """
    if not names:
        raise UsageError(
            "give the names of what is to be restored", hint=Advice(command("history"), " lists what was retired.")
        )
    retired = {each.name: each for each in given.history.retired if each.name not in given.history.by_name}
    wanted = dict.fromkeys(find_retired(name, given.standing, retired=retired) for name in names)
    found = [retired[name] for name in wanted if name in retired]
    _refuse_represented(given, found)
    changes = tuple(RowChange(RowChangeKind.RESTORE, HistoryEntry(0, each.name)) for each in found)
    return Plan("retire", changes=changes)


def _refuse_represented(given: PlanInput, found: Sequence[RetiredMigration]) -> None:
    """Raise RefusedPlan if the work of one of these would be recorded twice.

    That is by its row, and by the row that was recorded in its place.
    """
    recorded = {*given.history.by_name, *(each.name for each in found)}
    for each in found:
        if each.represented_by:
            raise RefusedPlan(
                f"{each.represented_by} is recorded in the place of {each.name}",
                state=UNCHANGED,
                hint=Advice(
                    f"take the file {each.represented_by} away, and retire its row first: ",
                    command("retire", each.represented_by),
                ),
            )
        if parts := [name for name in each.stands_for if name in recorded]:
            raise RefusedPlan(
                f"{each.name} was recorded in the place of {parts[0]}, which is recorded itself",
                state=UNCHANGED,
                hint=Advice(
                    f"restore one or the other; to go back to {each.name}, ", command("retire", parts[0]), " first."
                ),
            )


def entry_of(given: PlanInput, name: str) -> HistoryEntry:
    """Return the entry of that name. Raises UnknownMigration; PartlyApplied if it ended half-way."""
    full = find_applied(name, given.standing)
    if given.history.progress(full):
        raise _half(full)
    return given.history.by_name[full]


def _half(name: str) -> PartlyApplied:
    return PartlyApplied(
        f"{name} ended half-way",
        state=UNCHANGED,
        hint=Advice("finish it with ", command("migrate"), " or ", command("rollback"), " first."),
    )


def _sound(given: PlanInput, name: str) -> Migration:
    """Return the migration of that file.

    Raises FaultyMigrations if it cannot be used or is the untouched template, UnknownMigration if there is none.
    """
    reading = given.folder.reading(name)
    if reading.migration is None:
        if reading.problems:
            raise FaultyMigrations(reading.problems)
        raise UnknownMigration(f"there is no file {name}", hint=Advice(command("status"), " lists the files."))
    refuse.template(reading.migration)
    return reading.migration


def refuse_files(entries: Sequence[HistoryEntry], given: PlanInput, hint: str) -> None:
    """Raise RefusedPlan if one of these still has its file.

    Without its row it would be pending, and would run again.
    """
    there = [entry.name for entry in entries if entry.name in given.folder.names]
    if there:
        has, it = ("still has its file", "it") if len(there) == 1 else ("still have their files", "they")
        raise RefusedPlan(
            f"{counted(len(there), 'migration')} {has}: without a row {it} would be pending, and run a second time",
            details=tuple(f"  {name}" for name in there),
            state=UNCHANGED,
            hint=hint,
        )


def waiting(given: PlanInput) -> list[MigrationStatus]:
    """Return all that could be applied, in order, files with faults included."""
    return choose_up(given.standing, to=None, count=None)


def _pending(given: PlanInput) -> list[MigrationStatus]:
    return [status for status in waiting(given) if status.migration]
