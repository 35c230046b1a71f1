"""Run a plan: plan, take the lock, plan again if others have run since, carry it out.

Every verb whose plan runs scripts or changes rows of the history goes through `run_plan`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from fsapi_nb.errors import FsapiError, PartlyApplied, UsageError
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.plan import CompletedMigration, DatabaseObject, Plan
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.session import notes_once_run
from fsapi_nb.verbs.open import locked, open_to_write, read_folder
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.planning import (
    Planner,
    confirm,
    is_same_input,
    planner_of,
    read_plan_input,
    refuse_other_plan,
)
from fsapi_nb.verbs.request import PlanRequest
from fsapi_nb.views import results

if TYPE_CHECKING:
    from fsapi_nb.events import Observer
    from fsapi_nb.history.record import Recorder


def run(options: VerbOptions, request: PlanRequest, *, yes: bool, planned: Plan | None = None) -> results.RunResult:
    """Plan what is asked for, and run it.

    Args:
        options: The options of the Migrator.
        request: The verb, its names and its options.
        yes: Change a protected database, too.
        planned: The plan that the user has seen, if only that one may run.

    Raises:
        UsageError: The verb does not take these names or options.
        PlanChanged: Another plan than `planned` would run.
        FsapiError: What `run_plan` raises.
    """
    planner = planner_of(request)
    if planner is None:
        raise UsageError(f"{request.verb} is not run by its plan alone")
    return run_plan(options, request, planner, yes=yes, planned=planned)


def run_plan(
    options: VerbOptions,
    request: PlanRequest,
    planner: Planner,
    *,
    yes: bool,
    planned: Plan | None = None,
    folder: Folder | None = None,
    observers: Sequence[Observer] = (),
) -> results.RunResult:
    """Plan; if there is something to do, take the lock, plan again if others have run since, and run that.

    Args:
        options: The options of the Migrator.
        request: The verb, its names and its options.
        planner: The function that makes the plan; it is called again under the lock if the history has changed.
        yes: Change a protected database, too.
        planned: The plan that the user has seen, if only that one may run.
        folder: The migrations folder to plan over, if it is not the one on the disk.
        observers: Observers of this run, besides those of every run.

    Raises:
        ConfirmationRequired: The database is protected, and `yes` is not given.
        PlanChanged: Another plan than `planned` would run.
        Locked: Another runner holds the lock for too long.
        HistoryError: The history cannot be used.
        RefusedPlan: It would be wrong to run the scripts here.
        FaultyMigrations: The scripts have faults.
        StatementFailed: PostgreSQL refused a statement.
        AssertionViolated: A check of a migration did not hold.
        Interrupted: The user stopped the run.
    """
    started = time.monotonic()
    folder = read_folder(options) if folder is None else folder
    with ExitStack() as stack:
        store = stack.enter_context(open_to_write(options, folder))
        before = read_plan_input(store, folder, request)
        plan = _plan_before_lock(planner, before, planned)
        if plan is not None and not plan:
            result = run_result(request.verb, (), plan.notes, started, store)
            return replace(result, lack=folder.lack if request.verb == "migrate" else None)
        if plan is not None:
            confirm(plan, store, yes=yes)
        from fsapi_nb.verbs import execute  # slow to import: a run that has nothing to do must not wait for it

        holders: list[str] = []
        recorder = stack.enter_context(locked(options, store, holders))
        now, settled = execute.settle_earlier_runs(store, recorder, folder, request, before)
        if plan is None or not is_same_input(before, now):
            plan = execute.plan_after_settling(planner, now, settled)
        confirm(plan, store, yes=yes)
        refuse_other_plan(plan, planned)
        runner = execute.make_runner(options, stack, store, recorder, folder, observers, changes=request.changes)
        try:
            done = execute.carry_out(plan, runner, store.identity, now.history) if plan else ()
        except FsapiError:
            execute.schema_notes(options, store)  # what was committed before it failed has changed the schema
            raise
        done = (*(CompletedMigration(name, direction, 0.0) for name, direction in settled.completed), *done)
        waited = ("waited for another runner of fsapi_nb to end",) if holders else ()
        kept = execute.schema_notes(options, store) if plan else ()
        notes = (*waited, *settled.notes, *execute.timeout_notes(store), *notes_once_run(plan), *kept)
        result = run_result(request.verb, done, notes, started, store, recorder)
        changes = plan.changes if plan else ()
        return replace(result, changes=changes, schema_changes=runner.schema_changes)


def run_result(
    verb: str,
    done: tuple[CompletedMigration, ...],
    notes: tuple[str, ...],
    started: float,
    store: HistoryStore,
    recorder: Recorder | None = None,
    drops: tuple[DatabaseObject, ...] = (),
) -> results.RunResult:
    """Return the result of a run that began at `started` by the monotonic clock.

    Without a recorder, nothing was written to the journal.
    """
    run_id = str(recorder.run_id) if recorder else None
    return results.RunResult(verb, done, notes, time.monotonic() - started, drops, store.identity, run_id)


def _plan_before_lock(planner: Planner, before: PlanInput, planned: Plan | None) -> Plan | None:
    """Return the plan before the lock is held; None if another runner may be in the middle of a migration."""
    try:
        plan = planner(before)
    except PartlyApplied:
        return None  # it is asked again under the lock
    refuse_other_plan(plan, planned)
    return plan
