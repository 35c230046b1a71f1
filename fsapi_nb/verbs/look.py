"""Look at the history and the folder: status, pending, plan, show, history. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fsapi_nb.errors import NotUpToDate
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.history import JournalEntry
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.plan.inspect import inspect
from fsapi_nb.plan.names import find_known
from fsapi_nb.plan.ran_before import noted
from fsapi_nb.plan.reconcile import reconcile
from fsapi_nb.plan.stored_down import stored_downs
from fsapi_nb.text.command import Advice, command
from fsapi_nb.verbs.foresee import foresee
from fsapi_nb.verbs.lint import lint_plan
from fsapi_nb.verbs.open import notes_without_schema, open_store, read_folder, read_folder_if_there
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.verbs.planning import planner_of, read_plan_input
from fsapi_nb.verbs.request import PlanRequest
from fsapi_nb.views import results

if TYPE_CHECKING:
    from fsapi_nb.verbs.plan_script import ScriptRequest

_HALF_WAY = {State.PARTLY_APPLIED, State.IN_DOUBT}
_WAITING = {State.PENDING, State.LATE, State.BROKEN, *_HALF_WAY}


def status(options: VerbOptions) -> results.StatusResult:
    """Return every migration and its state."""
    folder = read_folder(options)
    with open_store(options, folder, writing=False) as store:
        history, authors = store.history_and_authors()
        statuses = noted(reconcile(folder, history).statuses(authors), history)
        runner = store.runner_at_work()
        if runner:
            note = f"a runner is at work on it: {runner}"
            statuses = tuple(replace(each, note=note) if each.state in _HALF_WAY else each for each in statuses)
        lack = [folder.lack] if folder.lack and statuses else []
        notes = (
            *folder.notes,
            *lack,
            *notes_without_schema(store, folder),
            *store.warnings(),
            *_edited_notes(statuses),
        )
        return results.StatusResult(
            statuses, store.identity, runner=str(runner) if runner else None, lack=folder.lack, notes=notes
        )


def _edited_notes(statuses: Sequence[MigrationStatus]) -> list[str]:
    """Return how to see what was edited in the files of applied migrations: for the first of them."""
    edited = [each.name for each in statuses if each.state is State.DRIFTED]
    return [Advice(command("show", edited[0]), " shows how the file differs from what ran")] if edited else []


def pending(options: VerbOptions) -> results.StatusResult:
    """Return what `migrate` would still apply, in order."""
    found = status(options)
    statuses = tuple(each for each in found.statuses if each.state in _WAITING)
    return replace(found, statuses=statuses, verb="pending", runner=None)


def plan(options: VerbOptions, request: PlanRequest, *, sql: bool = False) -> results.PlanResult:
    """Return what a verb would do, step by step; the same plan that would run. With `sql`, as a script, too."""
    planner = planner_of(request)
    folder = read_folder(options)
    with open_store(options, folder, writing=False) as store:
        script = _begin_script(store) if sql else None
        stored: tuple[str, ...] = ()
        if planner is None:
            from fsapi_nb.verbs.fresh import plan_fresh  # it looks at the catalog

            made = plan_fresh(options, store, folder, request)
        else:
            found = read_plan_input(store, folder, request)
            made = planner(found)
            stored = tuple(stored_downs(made, found.stored, store.tables.written))
        made = replace(made, notes=(*notes_without_schema(store, folder), *made.notes))
        lack = folder.lack if request.verb in {"migrate", "fresh"} else None
        warnings = (*stored, *store.warnings())
        forecast = foresee(made, store)
        linted = lint_plan(options, store, made, forecast)
        planned = results.PlanResult(made, store.identity, lack, warnings, forecast, lint=linted)
        return replace(planned, script=script.script_of(planned)) if script else planned


def _begin_script(store: HistoryStore) -> ScriptRequest:
    from fsapi_nb.verbs.plan_script import begin_script  # what writes a script takes long to import

    return begin_script(store)


def require_up_to_date(found: results.StatusResult | results.PlanResult) -> None:
    """Raise NotUpToDate if something is pending, drifted or failing, for `--check`."""
    if found.attention:
        raise NotUpToDate(found.headline(), details=tuple(found.findings()))


def history(options: VerbOptions, *, count: int | None, runbook: str | None) -> results.HistoryResult:
    """Return the events of the journal, oldest first."""
    folder = read_folder_if_there(options)
    with open_store(options, folder, writing=False) as store:
        entries = store.history().entries
        events = store.journal(limit=count, runbook=runbook)
        notes = notes_without_schema(store, folder)
        return results.HistoryResult(events, entries, count, runbook, store.identity, notes)


def show(options: VerbOptions, name: str) -> results.MigrationResult:
    """Return one migration: state, scripts, what would run of it, how its file differs, attempts."""
    folder = read_folder(options)
    with open_store(options, folder, writing=False) as store:
        found = read_plan_input(store, folder)
        status = found.standing.status(find_known(name, found.standing))
        stored = store.scripts([status.name]).get(status.name)
        events = store.journal()
        # Attempts before everything was dropped are in `history`: they were made on other tables of the same names.
        emptied = max((number for number, event in enumerate(events) if event.event == "fresh"), default=-1)
        attempts = tuple(_of_migration(events[emptied + 1 :], status.name))
        seen = inspect(status, found, stored)
        plan = replace(seen.plan, notes=(*notes_without_schema(store, folder), *seen.plan.notes))
        forecast = foresee(plan, store) if plan else None
        return results.MigrationResult(status, replace(seen, plan=plan), attempts, store.identity, forecast)


def _of_migration(events: Sequence[JournalEntry], name: str) -> Iterator[JournalEntry]:
    """Yield the events of a migration, in order; those under the names that it had before, too."""
    names = {name}
    for event in reversed(events):
        if event.migration in names and event.name_before:
            names.add(event.name_before)
    return (event for event in events if event.migration in names)
