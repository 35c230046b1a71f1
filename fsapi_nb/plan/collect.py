"""Collect the steps of scripts that are still to run, and every fault that keeps them from running.

Steps that an earlier run has committed are left out; the rest needs a session like the one that this run had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from fsapi_nb.errors import (
    FaultyMigrations,
)
from fsapi_nb.model.history import HistoryEntry, PartialMigration
from fsapi_nb.model.migration import Direction, Migration, Statement
from fsapi_nb.model.place import Problem
from fsapi_nb.model.plan import Mode, SessionBefore, Step, StepPart
from fsapi_nb.plan import refuse
from fsapi_nb.plan.encoding import unfit_steps
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.other_session import made_by_rest, refuse_other_session, settings_made
from fsapi_nb.plan.reconcile import is_what_ran, only_adds_down
from fsapi_nb.plan.session import refuse_lost, restored, statements_of
from fsapi_nb.plan.steps import ScriptStep, cut
from fsapi_nb.plan.stored_down import is_journalled, refuse_altered
from fsapi_nb.script.session_state import named_settings, settings_of_transaction
from fsapi_nb.script.stored_text import stored_migration


def collect(results: Iterable[tuple[Sequence[Step], Sequence[Problem]]]) -> tuple[Step, ...]:
    """Return the steps of all scripts. Raises FaultyMigrations with every problem of every script."""
    steps: list[Step] = []
    problems: list[Problem] = []
    for found, faults in results:
        steps += found
        problems += faults
    if problems:
        raise FaultyMigrations(tuple(problems))
    return tuple(steps)


def up_steps(
    migration: Migration, given: PlanInput, progress: PartialMigration | None
) -> tuple[tuple[Step, ...], list[Problem]]:
    """Return the steps of a migration's UP that are still to run, and what keeps them from running."""
    pieces, problems = cut(migration, migration.up, allow_unparsed=given.allow_unparsed, procedures=given.procedures)
    steps = steps_left(migration, Direction.UP, pieces, progress, None, given)
    return steps, [*problems, *unfit_steps(migration, steps, given.encoding)]


def down_steps(
    migration: Migration, entry: HistoryEntry, given: PlanInput, progress: PartialMigration | None
) -> tuple[tuple[Step, ...], list[Problem]]:
    """Return the steps of a migration's DOWN that are still to run, and what keeps them from running."""
    pieces, problems = cut(
        migration, migration.down or migration.up, allow_unparsed=given.allow_unparsed, procedures=given.procedures
    )
    steps = steps_left(migration, Direction.DOWN, pieces, progress, entry, given)
    return steps, [*problems, *unfit_steps(migration, steps, given.encoding)]


def steps_left(
    migration: Migration,
    direction: Direction,
    pieces: Sequence[ScriptStep],
    progress: PartialMigration | None,
    entry: HistoryEntry | None,
    given: PlanInput,
) -> tuple[Step, ...]:
    """Return the pieces of a script as steps of its migration, without those that an earlier run has done.

    Args:
        migration: The migration.
        direction: Which of its scripts the pieces are from.
        pieces: The script, cut into what commits together.
        progress: What an earlier run has done of the migration, in either direction.
        entry: The history row of the migration, if it is applied.
        given: The files, the history and the rules.

    Raises:
        PartlyApplied: The steps that were done are not those of the file, or the rest cannot run in this session.
    """
    state = progress.session if progress and progress.direction is direction else {}
    done = progress.done if progress and progress.direction is direction else ()
    refuse.other_steps(migration, pieces, done)
    refuse_lost(migration, direction, pieces, state, done=len(done), is_applied=entry is not None)
    if done and len(done) == len(pieces):
        # Its last step was removed from the file: all that is left of it is done, so it is only recorded.
        part = StepPart(migration, direction, (), len(pieces), len(pieces) + 1, entry)
        return (Step(Mode.TRANSACTION, "all of its steps are done; it is recorded", (part,), resumes=True),)
    steps = [
        Step(
            mode=piece.mode,
            reason=piece.reason,
            parts=(StepPart(migration, direction, piece.statements, number, len(pieces), entry),),
            begin=piece.begin,
        )
        for number, piece in enumerate(pieces)
        if number >= len(done)
    ]
    if done:
        before, rest = statements_of(pieces[: len(done)]), statements_of(pieces[len(done) :])
        last = (
            "" if progress and progress.outlived else "\n".join(each.text for each in pieces[len(done) - 1].statements)
        )
        own = settings_of_transaction(last)
        steps[0] = _resumed(steps[0], SessionBefore(state, own), before, rest, given)
    return tuple(steps)


def _resumed(
    step: Step, had: SessionBefore, before: Sequence[Statement], rest: Sequence[Statement], given: PlanInput
) -> Step:
    """Return the first step that is left, with what its session must have.

    Raises PartlyApplied if the session cannot have it.
    """
    (part,), again = step.parts, restored(before)
    step = replace(step, resumes=True, restore_session=again)
    if not had.state:
        return step
    script = part.migration.script(part.direction)
    now = given.look_at_session({*had.state, *named_settings(script.written.text if script else "")})
    own = had.own | made_by_rest(rest, {*had.state, *now})
    refuse_other_session(part, SessionBefore(had.state, own | settings_made(again)), now)
    return replace(step, session_before=SessionBefore(had.state, own))


def applied_migration(entry: HistoryEntry, given: PlanInput) -> Migration | None:
    """Return what can be rolled back of an entry: the file if it is what ran, else what was stored.

    None if neither is there, or if the stored text lacks a secret. Raises RefusedPlan if what is stored was altered.
    """
    migration = given.folder.get(entry.name)
    stored = given.stored.get(entry.name)
    if migration and (
        is_what_ran(migration, entry) or only_adds_down(migration, entry) or is_journalled(migration, stored)
    ):
        return migration
    if stored and stored.recorded:
        refuse_altered(entry, stored)
        return None if stored.redacted else stored_migration(entry.name, stored)
    return migration
