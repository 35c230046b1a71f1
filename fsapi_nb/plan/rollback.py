"""Plan what rolls migrations back: the last ones, or what was done of one that ended half-way.

Every fault in the scripts that are to run is found here, all at once, before anything happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from fsapi_nb.errors import (
    UNCHANGED,
    FaultyMigrations,
    PartlyApplied,
    revise,
)
from fsapi_nb.model.history import HistoryEntry
from fsapi_nb.model.migration import Direction, Migration
from fsapi_nb.model.plan import Announcement, Mode, Plan, Step
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan import refuse
from fsapi_nb.plan.collect import applied_migration, collect, down_steps, steps_left
from fsapi_nb.plan.encoding import unfit_steps
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.reconcile import is_drifted, only_adds_down
from fsapi_nb.plan.selection import choose_down
from fsapi_nb.plan.session import session_notes
from fsapi_nb.plan.steps import ScriptStep, cut
from fsapi_nb.plan.stored_down import is_journalled
from fsapi_nb.text.command import Advice, command


def plan_rollback(
    given: PlanInput, *, to: str | None = None, count: int | None = None, everything: bool = False
) -> Plan:
    """Plan to undo the last migration, the last `count`, all after `to`, or everything.

    The newest is undone first, by the order in which they were applied. A migration that is partly applied counts as
    the last; only what was done of it is undone.

    Args:
        given: The files, the history and the rules.
        to: The last migration that stays applied.
        count: How many to undo; those that `given` has as settled just now count.
        everything: All of them.

    Raises:
        UsageError: Two of the options are given, or `count` is below 1 or above the number of applied migrations.
        UnknownMigration: There is no such migration.
        NothingToDo: Nothing is applied.
        InDoubt: The outcome of a statement cannot be determined.
        Irreversible: One of them has no DOWN that could run.
        PartlyApplied: What ended half-way cannot be undone.
        RefusedPlan: A rollback of that number was cut off, or what is stored of a migration was altered.
        FaultyMigrations: The scripts have faults; it holds all of them.
    """
    statuses = given.standing.needs_attention
    refuse.doubt(statuses, given.history)
    refuse.same_rollback_again(given.history, count=count, settled=given.settled_in(Direction.DOWN))
    halves = [s for s in statuses if s.state is State.PARTLY_APPLIED and not s.entry]
    entries = choose_down(
        given.standing, to=to, count=count, everything=everything, half=len(halves) + given.settled_in(Direction.DOWN)
    )
    down = [applied_migration(entry, given) for entry in entries]
    refuse.irreversible(entries, down, given.stored, given.folder)
    found = (
        down_steps(migration, entry, given, given.history.progress(entry.name))
        for migration, entry in zip(down, entries, strict=True)
        if migration
    )
    try:
        steps = collect(found)
    except FaultyMigrations as error:  # the stored text runs, so it is not enough to correct the file
        name = error.problems[0].place.file
        hint = Advice(
            "correct the DOWN in the file, accept that with ", command("repair", name), ", and roll back again."
        )
        raise revise(error, hint=hint) from None
    undone = [step for status in halves for step in _half_applied(status, given)]
    steps = (*undone, *steps)
    notes = (*_down_notes(entries, down, given), *session_notes(steps))
    plan = Plan("rollback", steps, notes=notes)
    return replace(plan, announces=(*_given_up(plan, given), *_numbered(plan, count)))


def plan_undo(given: PlanInput, *, name: str) -> Plan:
    """Plan to roll back what was done of one migration that ended half-way, and nothing else.

    A step of it that is in doubt counts as one that did not happen. The journal says so only by the DOWN that follows:
    a DOWN that fails leaves the step in doubt.

    Args:
        given: The files, the history and the rules.
        name: The migration.

    Raises:
        PartlyApplied: The migration is not half-way any more: another run has gone on with it; or it cannot be undone.
        InDoubt: The outcome of a statement of another migration cannot be determined.
        FaultyMigrations: Its scripts have faults.
    """
    given = _without_doubt(given, name)
    refuse.doubt(given.standing.needs_attention, given.history)
    progress, entry = given.history.progress(name), given.history.get(name)
    down = applied_migration(entry, given) if entry else None
    if progress is None:
        raise PartlyApplied(
            f"{name} is not half-way any more: another run has gone on with it",
            state="unchanged; the step is settled.",
            hint=Advice("look at ", command("status"), "."),
        )
    if entry and down:
        steps = collect([down_steps(down, entry, given, progress)])
    else:
        steps = _half_applied(given.standing.status(name), given)
    plan = Plan("rollback", steps, notes=tuple(session_notes(steps)))
    return replace(plan, announces=(*_given_up(plan, given), Announcement("resolve", name)))


def _without_doubt(given: PlanInput, name: str) -> PlanInput:
    """Return the same input, as if the step of that migration which is in doubt had not happened."""
    history = given.history
    unfinished = (replace(each, in_flight=False) if each.name == name else each for each in history.unfinished)
    return replace(given, history=replace(history, unfinished=tuple(unfinished)))


def _numbered(plan: Plan, count: int | None) -> tuple[Announcement, ...]:
    """Return what the journal must know of a rollback of several by number.

    If it is cut off, the same command would mean other migrations.
    """
    names = tuple(dict.fromkeys(name for name, _ in plan.migrations))
    return (Announcement("rollback", names[0], names=names),) if count is not None and len(names) > 1 else ()


def _given_up(plan: Plan, given: PlanInput) -> tuple[Announcement, ...]:
    """Return the redos that end with this rollback: it finishes their DOWN, and nothing is applied again."""
    gone = {name for name, direction in (*plan.migrations, *given.settled) if direction is Direction.DOWN}
    return tuple(Announcement("redo", name, "abandoned") for name in given.history.redone if name in gone)


def _half_applied(status: MigrationStatus, given: PlanInput) -> tuple[Step, ...]:
    """Return the steps that undo what was done of a migration that ended half-way."""
    from fsapi_nb.plan.undo import undo_pieces

    progress, migration = given.history.progress(status.name), status.migration
    if progress is None or migration is None or migration.down is None:
        gone = migration is None
        raise PartlyApplied(
            f"{status.name} ended half-way, and {'its file is gone' if gone else 'it has no DOWN'}",
            state=UNCHANGED,
            hint=Advice(
                f"{'bring the file back and ' if gone else ''}finish it with ", command("migrate"), ", or write a DOWN."
            ),
        )
    up, problems = cut(migration, migration.up, allow_unparsed=given.allow_unparsed, procedures=given.procedures)
    down, more = cut(migration, migration.down, allow_unparsed=given.allow_unparsed, procedures=given.procedures)
    if problems or more:
        raise FaultyMigrations((*problems, *more))
    applied = progress.done if progress.direction is Direction.UP else progress.applied_before
    refuse.other_steps(migration, up, applied)
    pieces = undo_pieces(migration, up, down, done=len(applied))
    nothing = ScriptStep(Mode.TRANSACTION, "its DOWN undoes nothing of what was done; it is recorded", ())
    steps = steps_left(migration, Direction.DOWN, pieces or (nothing,), progress, None, given)
    return collect([(steps, unfit_steps(migration, steps, given.encoding))])


def _down_notes(entries: Sequence[HistoryEntry], down: Sequence[Migration | None], given: PlanInput) -> Iterable[str]:
    for entry, migration in zip(entries, down, strict=True):
        file = given.folder.get(entry.name)
        if file is None:
            yield f"the file {entry.name} is gone; the DOWN that was stored is used"
        elif only_adds_down(file, entry):
            yield f"the DOWN that {entry.name} has gained since it was applied is used"
        elif is_journalled(file, given.stored.get(entry.name)):
            yield f"what is stored of {entry.name} is not what ran, and its file is: the file's DOWN is used"
        elif is_drifted(file, entry):
            yield f"{entry.name} was edited after it was applied; the DOWN that was stored is used"
        if migration and migration.down and not migration.down.parsed.statements and not migration.down.parsed.unparsed:
            yield f"the DOWN of {entry.name} holds no SQL: it is recorded as rolled back, and nothing is undone"
