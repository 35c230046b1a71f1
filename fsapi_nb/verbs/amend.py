"""Correct the history: repair accepts an edited file, resolve settles a step in doubt.

Only `resolve --undo` runs something: it rolls back what was done before the step in doubt.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from fsapi_nb.errors import FsapiError, Interrupted, PartlyApplied, UsageError, revise, with_state
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.history import PartialMigration
from fsapi_nb.model.plan import Plan
from fsapi_nb.plan import refuse
from fsapi_nb.plan.amend import plan_repair
from fsapi_nb.plan.in_flight import text_that_ran
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.names import find_known
from fsapi_nb.plan.rollback import plan_undo
from fsapi_nb.run.recover import settle
from fsapi_nb.text.command import Advice, command
from fsapi_nb.verbs.open import locked, open_store, open_to_write, read_folder
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.planning import confirm, needs_yes, read_plan_input
from fsapi_nb.verbs.request import PlanRequest
from fsapi_nb.verbs.run import run_plan
from fsapi_nb.views import results


def repair(options: VerbOptions, name: str, *, yes: bool) -> results.RepairResult:
    """Accept the file of an applied migration as it is now."""
    folder = read_folder(options)
    with open_to_write(options, folder) as store, locked(options, store) as recorder:
        found = read_plan_input(store, folder)
        plan = plan_repair(found, name=name)
        confirm(plan, store, yes=yes)
        with store.session.connection().transaction():
            for migration in plan.to_record:
                entry = found.history.get(migration.name)
                if entry:
                    recorder.write(recorder.repaired(migration, entry))
        return results.RepairResult(tuple(migration.name for migration in plan.to_record), identity=store.identity)


def resolve(
    options: VerbOptions, name: str, *, done: bool, retry: bool, undo: bool, yes: bool
) -> results.RepairResult | results.RunResult:
    """Record the outcome of a step in doubt, as the user says it, or roll back what was done before it.

    Args:
        options: The options of the Migrator.
        name: The migration.
        done: The step happened.
        retry: The step did not happen; the next run repeats it.
        undo: The step did not happen; the steps before it are rolled back.
        yes: Do it on a protected database, too.

    Raises:
        UsageError: Not exactly one of the three is given, or no step of the migration is in doubt.
        ConfirmationRequired: The database is protected, and `yes` is not given.
        PartlyApplied: The steps before it cannot be undone.
    """
    if [done, retry, undo].count(True) != 1:
        raise UsageError("say one of --done, --retry and --undo", hint="look at the database first.")
    folder = read_folder(options)
    with open_to_write(options, folder) as store, locked(options, store) as recorder:
        found = read_plan_input(store, folder)
        progress = _find_doubt(name, found)
        _require_yes(store, yes=yes)
        if undo:
            _refuse_undo(found, progress)
        if not (undo and progress.done):
            said = "the user says that it happened" if done else "the user says that it did not happen"
            ran = text_that_ran(found, progress)
            with store.session.connection().transaction():
                settle(recorder, ran, progress, found.history, done=done, reason=said)
    if undo and progress.done:
        return _undo(options, progress, yes=yes)
    return results.RepairResult((progress.name,), verb="resolve", identity=store.identity)


def _find_doubt(name: str, found: PlanInput) -> PartialMigration:
    """Return the migration of that name, which has a step in doubt. Raises UsageError if it has none."""
    full = find_known(name, found.standing)
    progress = found.history.progress(full)
    if progress is None or not progress.in_flight:
        state = found.standing.status(full).state.value
        raise UsageError(
            f"no step of {full} is in doubt: it is {state}", hint=Advice(command("status"), " shows what is.")
        )
    return progress


def _require_yes(store: HistoryStore, *, yes: bool) -> None:
    identity = store.identity
    if identity.protected and not yes:
        raise needs_yes(Plan("resolve"), f"the database {identity.database} is protected", identity)


def _refuse_undo(found: PlanInput, progress: PartialMigration) -> None:
    """Raise what would keep the steps before the one in doubt from being rolled back.

    If they cannot be undone, the step must stay in doubt: the next run would repeat it.
    """
    name = progress.name
    refuse.undo_of_down(progress, found.history)
    try:
        if progress.done:
            plan_undo(found, name=name)
    except FsapiError as error:
        state, hint = "unchanged; the step is in doubt as before.", error.hint
        if isinstance(error, PartlyApplied):
            hint = Advice(
                "let its DOWN hold plain DROPs of what was made (only comments if that is undone by hand), and run this again; "
                "or say ",
                command("resolve", name, done=True),
                " or ",
                command("resolve", name, retry=True),
                ", finish it with ",
                command("migrate"),
                ", and roll it back then.",
            )
        raise revise(error, state=state, hint=hint) from error.__cause__


def _undo(options: VerbOptions, progress: PartialMigration, *, yes: bool) -> results.RunResult:
    """Roll back what was done before a step in doubt; if that fails, say whether the step still is."""
    name = progress.name
    try:
        return run_plan(options, PlanRequest("rollback"), partial(plan_undo, name=name), yes=yes)
    except (FsapiError, Interrupted) as error:
        if not _is_still_in_doubt(options, progress):
            raise
        doubt = Advice("The step is in doubt as before: ", command("resolve", name, undo=True), " tries again.")
        raise with_state(error, error.state, doubt) from error.__cause__


def _is_still_in_doubt(options: VerbOptions, progress: PartialMigration) -> bool:
    """Ask whether the step is still in doubt; False if the database does not answer."""
    with suppress(FsapiError), open_store(options, read_folder(options), writing=False) as store:
        left = store.history().progress(progress.name)
        return left is not None and left.in_flight and left.direction is progress.direction
    return False
