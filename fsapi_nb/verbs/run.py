"""The run of a plan: plan, take the lock, plan again if others have run since, carry it out, make the result.

Every verb whose plan runs scripts or changes rows of the history goes through `run_plan`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace

from fsapi_nb.errors import AssertionViolated, InDoubt, PartlyApplied, StatementFailed, UsageError, revise
from fsapi_nb.events import Observer
from fsapi_nb.history.record import Recorder
from fsapi_nb.history.store import HistoryStore, open_onlooker
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History
from fsapi_nb.model.plan import CompletedMigration, DatabaseObject, Plan
from fsapi_nb.model.server import Identity
from fsapi_nb.plan import build
from fsapi_nb.plan.build import PlanInput
from fsapi_nb.plan.session import notes_once_run
from fsapi_nb.postgres.session import Connection, Session
from fsapi_nb.run.hints import hint_on_filled_database
from fsapi_nb.run.recover import Settled, recover
from fsapi_nb.run.runner import Runner
from fsapi_nb.verbs.open import locked, observers_of, open_store, open_to_write, read_folder
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


def run(options: VerbOptions, request: PlanRequest, *, yes: bool, planned: Plan | None = None) -> results.RunResult:
    """Plan what is asked for, and run it. `planned` is the plan that the user has seen, if only that may be run.

    Raises:
        UsageError: The verb does not take these names or options.
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

    `folder` is the migrations folder as it is taken to be, if that is not what is on the disk; `observers` hear of this
    run besides those of every run.
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
            confirm(plan, store.identity, yes=yes)
        recorder = stack.enter_context(locked(options, store))
        now, settled = _settle_earlier_runs(store, recorder, folder, request, before)
        if plan is None or not is_same_input(before, now):
            plan = _plan_after_settling(planner, now, settled)
        confirm(plan, store.identity, yes=yes)
        refuse_other_plan(plan, planned)
        runner = make_runner(options, stack, store, recorder, folder, observers)
        done = _carry_out(plan, runner, store.identity, now.history) if plan else ()
        done = (*(CompletedMigration(name, direction, 0.0) for name, direction in settled.completed), *done)
        notes = (*settled.notes, *_timeout_notes(store), *notes_once_run(plan))
        result = run_result(request.verb, done, notes, started, store, recorder)
        return replace(result, changes=plan.changes if plan else ())


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
    """Return the plan as it is before the lock is held; None if another runner may be in the middle of a migration."""
    try:
        plan = planner(before)
    except PartlyApplied:
        return None  # it is asked again under the lock
    refuse_other_plan(plan, planned)
    return plan


def _plan_after_settling(planner: Planner, now: PlanInput, settled: Settled) -> Plan:
    try:
        return planner(now)
    except InDoubt as error:
        details = (*error.details, *(f"  {note}" for note in settled.notes))
        raise revise(error, details=details) from error.__cause__


def _settle_earlier_runs(
    store: HistoryStore, recorder: Recorder, folder: Folder, request: PlanRequest, before: PlanInput
) -> tuple[PlanInput, Settled]:
    """Decide about each step that an earlier run has left in flight; return what to plan from, and what was decided."""
    found = read_plan_input(store, folder, request, before=before)
    unfinished = found.history.unfinished
    ran = {progress.name: build.text_that_ran(found, progress) for progress in unfinished}
    known = {name: migration for name, migration in ran.items() if migration}
    sent = {progress.name: build.sent_by_file(found, progress) for progress in unfinished}
    settled = recover(store.session, recorder, known, sent, found.history, max_wait=store.access.max_wait)
    if unfinished:
        found = replace(read_plan_input(store, folder, request), settled=settled.completed)
    return found, settled


def make_runner(
    options: VerbOptions,
    stack: ExitStack,
    store: HistoryStore,
    recorder: Recorder,
    folder: Folder,
    observers: Sequence[Observer] = (),
) -> Runner:
    """Return a runner on this session; if its connection is lost, it may take another that the stack closes."""

    def reopen() -> Session:
        other = stack.enter_context(open_store(options, folder))
        stack.enter_context(locked(options, other))
        return other.session

    def renew(session: Session) -> Session:
        return stack.enter_context(store.renewed(session))

    def look() -> AbstractContextManager[Connection]:
        return open_onlooker(options.access)

    emit = observers_of(options, *observers)
    return Runner(store.session, recorder, emit, reopen, renew, look, max_wait=options.access.max_wait)


def _carry_out(plan: Plan, runner: Runner, identity: Identity, history: History) -> tuple[CompletedMigration, ...]:
    """Run the plan; an error that shows a result, of who blocked or what a check found, knows the database."""
    try:
        return runner.run(plan, history.entries)
    except StatementFailed as error:
        hint = error.hint
        if not history.entries and not error.applied and not error.steps_before:
            hint = hint or hint_on_filled_database(error.sqlstate, error.migration)
        raise revise(error, identity=identity, hint=hint) from error.__cause__
    except AssertionViolated as error:
        raise revise(error, identity=identity) from error.__cause__


def _timeout_notes(store: HistoryStore) -> tuple[str, ...]:
    """Return what must be known of a statement timeout that fsapi_nb has not set."""
    theirs = store.session.facts.statement_timeout
    if theirs == "0" or "statement_timeout" in store.access.settings:
        return ()
    return (f"statement_timeout is {theirs} for this role; --statement-timeout sets another for a run",)
