"""Plan what records migrations as applied and runs nothing.

They are all up to one, just some, or one in the place of others, whose rows are retired.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from fsapi_nb.errors import (
    UNCHANGED,
    FaultyMigrations,
    PartlyApplied,
    RefusedPlan,
    UnknownMigration,
    UsageError,
)
from fsapi_nb.model.history import HistoryEntry, RowChange, RowChangeKind
from fsapi_nb.model.migration import Migration
from fsapi_nb.model.plan import Plan
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan import ran_before, refuse
from fsapi_nb.plan.amend import entry_of, refuse_again, refuse_files, waiting
from fsapi_nb.plan.encoding import unfit_names
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.migrate import matches
from fsapi_nb.plan.names import find_known
from fsapi_nb.plan.selection import choose_up
from fsapi_nb.script.encoding import Encoding
from fsapi_nb.text.command import Advice, Option, command, commands_of

_NAMED = 5  # names in a note


def plan_baseline(
    given: PlanInput, *, name: str | None = None, only: Sequence[str] = (), replaces: Sequence[str] = ()
) -> Plan:
    """Plan to record migrations as applied, and to run nothing.

    Args:
        given: The files and the history.
        name: Every migration up to and with this one.
        only: Just these, instead.
        replaces: `name` alone, in the place of these applied ones, whose rows are retired: names, or `A..B`.

    Raises:
        UsageError: Not exactly one of `name` and `only` is given, or `replaces` without a name.
        UnknownMigration: There is no such migration.
        InDoubt: The outcome of a statement cannot be determined.
        PartlyApplied: One of them ended half-way.
        FaultyMigrations: One of them cannot be used, or is the untouched template.
        RanBefore: A missing migration has done the work of one of them.
        RefusedPlan: Others were applied between the rows that are to be replaced, or these still have their files.
    """
    if bool(name) == bool(only) or (replaces and not name):
        raise UsageError(
            "give NAME, or --only NAME...; --replaces belongs to NAME",
            hint=Advice(command("baseline", help=True), " says more."),
        )
    refuse.doubt(given.standing.needs_attention, given.history)
    if name and replaces:
        return _plan_squash(given, name, replaces)
    if only:
        named = {find_known(each, given.standing) for each in only}
        chosen = [status for status in waiting(given) if status.name in named]
    else:
        chosen = choose_up(given.standing, to=name, count=None)
    to_record = _chosen_migrations(chosen, given.encoding)
    ran_before.refuse(chosen, matches(given, chosen), given.history)
    unnamed = [migration.name for migration in to_record[:-1]] if name else []
    return Plan("baseline", to_record=to_record, notes=(*_unnamed_note(unnamed), *_fault_notes(to_record)))


def _unnamed_note(names: Sequence[str]) -> Iterable[str]:
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"recorded as well, although not named: {', '.join(names[:_NAMED])}{more} (--only records what it names)"


def _fault_notes(to_record: Sequence[Migration]) -> Iterable[str]:
    """Yield a note on each migration whose UP cannot be run: another tool may have run it, or nobody."""
    for migration in to_record:
        if problems := migration.up.parsed.problems:
            yield f"recorded although its UP cannot be run: {problems[0].place}: {problems[0].message}"


def _chosen_migrations(chosen: Sequence[MigrationStatus], encoding: Encoding | None) -> tuple[Migration, ...]:
    to_record = tuple(status.migration for status in chosen if status.migration)
    problems = [problem for status in chosen if not status.migration for problem in status.problems]
    problems += unfit_names(to_record, encoding)
    if problems:
        raise FaultyMigrations(tuple(problems))
    if any(status.state is State.PARTLY_APPLIED for status in chosen):
        raise PartlyApplied(
            "a migration that ended half-way cannot be a baseline",
            hint=Advice("finish it with ", command("migrate"), "."),
        )
    refuse.halves(to_record)
    for migration in to_record:
        refuse.template(migration)
    return to_record


def _plan_squash(given: PlanInput, name: str, replaces: Sequence[str]) -> Plan:
    full = find_known(name, given.standing)
    if given.history.get(full):
        raise RefusedPlan(
            f"{full} is applied already",
            state=UNCHANGED,
            hint=Advice(
                "rows of what it stands for, whose files are gone, are taken out by ", command("retire", missing=True)
            ),
        )
    chosen = [status for status in waiting(given) if status.name == full]
    ran_before.refuse(chosen, (), given.history)
    to_record = _chosen_migrations(chosen, given.encoding)
    entries = _replaced(given, replaces)
    refuse_files(entries, given, "delete these files first: the new one stands for them.")
    _refuse_gaps(given, entries)
    refuse_again(given, entries, named=True, instead=full)
    return Plan(
        "baseline",
        notes=(*_order_notes(given, full, entries), *_fault_notes(to_record)),
        to_record=to_record,
        changes=tuple(RowChange(RowChangeKind.RETIRE, entry, full) for entry in entries),
    )


def _replaced(given: PlanInput, replaces: Sequence[str]) -> list[HistoryEntry]:
    """Return the entries of these names and ranges, in the order in which they were applied."""
    wanted: set[str] = set()
    for text in replaces:
        first, dots, last = text.partition("..")
        if not dots:
            wanted.add(_replaced_entry(given, text).name)
            continue
        low, high = (os.fsencode(_replaced_entry(given, end).name) for end in (first, last))
        found = {each for each in given.history.by_name if low <= os.fsencode(each) <= high}
        if not found:
            raise UsageError(f"{text}: the first comes after the last", hint="give the older one first.")
        wanted |= found
    return [entry_of(given, entry.name) for entry in given.history.entries if entry.name in wanted]


def _replaced_entry(given: PlanInput, name: str) -> HistoryEntry:
    try:
        return entry_of(given, name)
    except UnknownMigration as error:
        if error.matches:
            raise
        raise UnknownMigration(
            f"{name!r} is not applied here, so nothing can stand for it",
            details=(
                f"  {error.message}",
                *(["  " + error.hint] if error.hint and not commands_of(error.hint) else []),
            ),
            state=UNCHANGED,
            hint=Advice(
                "if its name is right: bring the old files back, run ",
                command("migrate"),
                ", and record the new file then.",
            ),
        ) from None


def _refuse_gaps(given: PlanInput, entries: Sequence[HistoryEntry]) -> None:
    """Raise RefusedPlan if others were applied between these: no order of rollbacks could undo them all."""
    all_of_them = given.history.entries
    first, last = all_of_them.index(entries[0]), all_of_them.index(entries[-1])
    between = [entry.name for entry in all_of_them[first : last + 1] if entry not in entries]
    if between:
        raise RefusedPlan(
            "other migrations were applied between those that are to be replaced",
            details=tuple(f"  {each}" for each in between),
            state=UNCHANGED,
            hint=Advice("replace them, too: ", Option("--replaces", (entries[0].name, between[0])), " ..."),
        )


def _order_notes(given: PlanInput, name: str, entries: Sequence[HistoryEntry]) -> Iterable[str]:
    """Yield a note on files that a new database would run before the one that they may be built on."""
    low = min(os.fsencode(entry.name) for entry in entries)
    before = [each for each in given.folder.names if low < os.fsencode(each) < os.fsencode(name)]
    if before:
        yield (
            f"a new database runs {before[0]} before {name}: if it builds on what was replaced, give {name} "
            f"the time of {entries[-1].name}"
        )
