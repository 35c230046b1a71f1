"""Work under the lock: settle what earlier runs have left, plan over that, carry the plan out.

A run that has nothing to do imports none of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace

from fsapi_nb.errors import AssertionViolated, InDoubt, StatementFailed, revise
from fsapi_nb.events import Observer
from fsapi_nb.history.access import open_onlooker
from fsapi_nb.history.record import Recorder
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.history import History
from fsapi_nb.model.plan import CompletedMigration, Plan
from fsapi_nb.model.server import Identity
from fsapi_nb.plan.in_flight import sent_by_file, text_that_ran
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.postgres.session import Connection, Session
from fsapi_nb.project.schema_file import SETTING
from fsapi_nb.run.catalog_readings import CatalogReadings
from fsapi_nb.run.hints import hint_on_filled_database
from fsapi_nb.run.recover import Settled, recover
from fsapi_nb.run.runner import Runner
from fsapi_nb.run.state import RunState
from fsapi_nb.verbs.open import locked, observers_of, open_store
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.planning import Planner, read_plan_input
from fsapi_nb.verbs.request import PlanRequest


def plan_after_settling(planner: Planner, now: PlanInput, settled: Settled) -> Plan:
    """Return the plan over what is settled now. The error of a step in doubt says what was decided."""
    try:
        return planner(now)
    except InDoubt as error:
        details = (*error.details, *(f"  {note}" for note in settled.notes))
        raise revise(error, details=details) from error.__cause__


def settle_earlier_runs(
    store: HistoryStore, recorder: Recorder, folder: Folder, request: PlanRequest, before: PlanInput
) -> tuple[PlanInput, Settled]:
    """Decide about each step that an earlier run has left in flight. The lock must be held.

    Args:
        store: The database.
        recorder: Writes what is decided.
        folder: The files.
        request: The plan that is wanted.
        before: The input that was read before the lock was held, which is returned if nothing has changed.

    Returns:
        What to plan from, and what was decided.
    """
    found = read_plan_input(store, folder, request, before=before)
    unfinished = found.history.unfinished
    ran = {progress.name: text_that_ran(found, progress) for progress in unfinished}
    known = {name: migration for name, migration in ran.items() if migration}
    sent = {progress.name: sent_by_file(found, progress) for progress in unfinished}
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
    *,
    changes: bool = True,
) -> Runner:
    """Return a runner on this session; if that is lost, it opens another one, which the stack closes.

    With `changes` it reads the catalog to find out what changed in the schema.
    """

    def reopen() -> Session:
        other = stack.enter_context(open_store(options, folder))
        stack.enter_context(locked(options, other))
        return other.session

    def renew(session: Session) -> Session:
        return stack.enter_context(store.renewed(session))

    def look() -> AbstractContextManager[Connection]:
        return open_onlooker(options.access)

    def read_catalog(run: RunState) -> CatalogReadings:
        chosen = options.access.schema
        return CatalogReadings(run, store.tables.schema, None if chosen is None else (chosen, "public"))

    emit = observers_of(options, *observers)
    return Runner(
        store.session,
        recorder,
        emit,
        reopen,
        renew,
        look,
        max_wait=options.access.max_wait,
        read_catalog=read_catalog if changes else None,
    )


def carry_out(plan: Plan, runner: Runner, identity: Identity, history: History) -> tuple[CompletedMigration, ...]:
    """Run the plan. Errors that show a result (who blocked, what a check found) get to know the database."""
    try:
        return runner.run(plan, history.entries)
    except StatementFailed as error:
        hint = error.hint
        if not history.entries and not error.applied and not error.steps_before:
            hint = hint or hint_on_filled_database(error.sqlstate, error.migration)
        raise revise(error, identity=identity, hint=hint) from error.__cause__
    except AssertionViolated as error:
        raise revise(error, identity=identity) from error.__cause__


def schema_notes(options: VerbOptions, store: HistoryStore) -> tuple[str, ...]:
    """Write the file of the schema if the project names one, and return what is to be said of it."""
    if SETTING not in options.project.table:
        return ()
    from fsapi_nb.verbs import schema_file  # slow to import: most projects name none

    return schema_file.schema_notes(options, store)


def timeout_notes(store: HistoryStore) -> tuple[str, ...]:
    """Return what must be known of a statement timeout that fsapi_nb has not set."""
    of_role = store.session.facts.statement_timeout
    if of_role == "0" or "statement_timeout" in store.access.settings:
        return ()
    return (f"statement_timeout is {of_role} for this role; --statement-timeout sets another for a run",)
