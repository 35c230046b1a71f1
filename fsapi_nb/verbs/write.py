"""Write migration files: make a new one, or write the text of a notebook's cell, and run it.

`draft` keeps the file and the database in step.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from fsapi_nb.errors import FsapiError, Interrupted, UsageError, with_state
from fsapi_nb.folder import read as folders
from fsapi_nb.model.finding import NO_LINT, Lint
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.forecast import Forecast
from fsapi_nb.model.history import History
from fsapi_nb.model.migration import Migration
from fsapi_nb.model.plan import Plan
from fsapi_nb.model.server import Identity
from fsapi_nb.plan.draft import plan_draft
from fsapi_nb.plan.in_flight import sent_by_file
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.migrate import plan_migrate
from fsapi_nb.plan.names import find_file
from fsapi_nb.plan.reconcile import is_what_ran
from fsapi_nb.plan.redo import plan_redo
from fsapi_nb.run.recover import is_left
from fsapi_nb.script.name_match import words_of
from fsapi_nb.script.naming import TEMPLATE, with_suffix
from fsapi_nb.verbs.draft import Draft, file_changed, stage
from fsapi_nb.verbs.foresee import foresee
from fsapi_nb.verbs.lint import lint_plan
from fsapi_nb.verbs.open import notes_without_schema, open_store, read_folder_if_there
from fsapi_nb.verbs.options import VerbOptions, require_place
from fsapi_nb.verbs.planning import Planner, is_protected, needs_confirmation, read_plan_input
from fsapi_nb.verbs.request import PlanRequest
from fsapi_nb.verbs.run import run_plan
from fsapi_nb.views import results

_NOT_WRITTEN = "unchanged; the file was not written."


@dataclass(frozen=True, slots=True)
class _DraftPlan:
    """The plan of a cell's text, over the folder as it is now, and what it was made from.

    `runs` says that it is run at once; `forecast` is made only if the plan is shown.
    """

    folder: Folder
    full_name: str | None  # of the file that is there; None: the text begins a new one
    draft: Migration
    plan: Plan
    identity: Identity
    history: History
    runs: bool
    forecast: Forecast | None
    lint: Lint


def make(options: VerbOptions, name: str) -> results.FileResult:
    """Make a new migration file from the template, named by the next free minute (UTC)."""
    require_place(options)
    begun = _new_folder(options)
    made = folders.create(options.directory, name, now=datetime.datetime.now(datetime.UTC), text=TEMPLATE)
    alike = [each for each in read_folder_if_there(options).names if each != made and words_of(each) == words_of(made)]
    return results.FileResult(made, "created", folder=begun, path=shown_path(options, made), alike=tuple(alike))


def shown_path(options: VerbOptions, name: str) -> str:
    """Return the path of a file as it can be opened from here: relative to the working directory if it is below that."""
    path = options.directory / name
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def write(options: VerbOptions, name: str, text: str, *, apply: bool, redo: bool, yes: bool) -> results.FileResult:
    """Write `text` into the file of a migration; with `apply` or `redo`, run it, too.

    Args:
        options: The options of the Migrator.
        name: The file's name, or its part after the time; a new file gets the next free minute.
        text: What the file will say.
        apply: Apply the migration.
        redo: Roll the applied version back, and apply this text.
        yes: Change a protected database, too.

    Raises:
        UsageError: Both options are given, or the name is not valid.
        FaultyMigrations: The text has faults.
        Drifted: The migration is applied with another text.
        ConfirmationRequired: The database is protected, and `yes` is not given.
        PlanChanged: Another program has changed the file meanwhile.
    """
    if apply and redo:
        raise UsageError("--apply and --redo exclude each other", hint="--redo applies it again.")
    text = text if text.endswith("\n") else text + "\n"
    require_place(options)
    made = _plan_draft(options, name, text, apply=apply, redo=redo, yes=yes)
    if made.runs and needs_confirmation(made.plan, made.identity, yes=yes):
        raise is_protected(made.plan, made.identity, made.forecast, state=_NOT_WRITTEN)
    now, run, begun = datetime.datetime.now(datetime.UTC), None, _new_folder(options)
    with stage(options.directory, made.full_name, name, text, planned=made.folder, now=now) as file:
        if made.runs:
            draft = made.draft if made.draft.name == file.name else folders.parse_text(file.name, text)
            run = _run_draft(options, file, draft, made, yes=yes)
        action = file.action if file.publish() else "kept"
        if action == "kept" and run is None:
            raise file_changed(file.name, state=_NOT_WRITTEN)
    applied = run is not None or made.history.get(file.name) is not None
    shown_plan = (
        None if applied else results.PlanResult(made.plan, made.identity, forecast=made.forecast, lint=made.lint)
    )
    return results.FileResult(
        file.name, action, shown=name, applied=applied, plan=shown_plan, run=run, identity=made.identity, folder=begun
    )


def _plan_draft(options: VerbOptions, name: str, text: str, *, apply: bool, redo: bool, yes: bool) -> _DraftPlan:
    """Plan the text over the folder and the history as they are."""
    folder = read_folder_if_there(options)
    with open_store(options, folder, writing=False) as store:
        found = read_plan_input(store, folder)
        full = find_file(name, folder, found.history)
        draft = folders.parse_text(full or with_suffix(name), text)
        plan = plan_draft(draft, found, redo=redo)
        plan = replace(plan, notes=(*notes_without_schema(store, folder), *plan.notes))
        runs = bool(plan) and (apply or redo or plan.verb == "repair")
        is_shown = not runs or needs_confirmation(plan, store.identity, yes=yes)
        forecast = foresee(plan, store) if is_shown else None
        linted = lint_plan(options, store, plan, forecast) if forecast and not runs else NO_LINT
        return _DraftPlan(folder, full, draft, plan, store.identity, found.history, runs, forecast, linted)


def _run_draft(
    options: VerbOptions, file: Draft, draft: Migration, made: _DraftPlan, *, yes: bool
) -> results.RunResult:
    """Run the plan of a cell over the folder with its text.

    The file gets the text once a step is committed.
    """
    planners: dict[str, Planner] = {
        "migrate": partial(plan_migrate, to=file.name),
        "redo": partial(plan_redo, name=file.name),
        "repair": lambda found: plan_draft(draft, found, redo=False),
    }
    request, folder = PlanRequest(made.plan.verb), made.folder.with_draft(draft)
    try:
        return run_plan(options, request, planners[request.verb], yes=yes, folder=folder, observers=(file.follow,))
    except (FsapiError, Interrupted) as error:
        raise with_state(error, error.state, _settle_file(options, file, draft, folder)) from error.__cause__


def _settle_file(options: VerbOptions, file: Draft, draft: Migration, folder: Folder) -> str:
    """Write the file if a failed run has left something of its text in the database; return what was done."""
    try:
        happened = file.happened or _has_begun(options, draft, folder)
    except FsapiError:  # the run's own error says why the database cannot be asked
        return "" if file.published else "The cell's file was not written: run it again once the database answers."
    if not happened:
        file.withdraw()
    written = happened and file.publish()
    return f"The cell's file {'has its text' if written else 'was not written'}."


def _has_begun(options: VerbOptions, draft: Migration, folder: Folder) -> bool:
    """Ask whether the database holds something of that text: it is applied, or partly applied."""
    with open_store(options, folder, writing=False) as store:
        history = store.history()
        entry = history.get(draft.name)
        if entry is not None:
            return is_what_ran(draft, entry)
        found = PlanInput(folder, history, look_at_procedures=store.procedures)
        begun = [progress for progress in history.unfinished if progress.name == draft.name]
        return any(is_left(store.session, each, sent_by_file(found, each)) for each in begun)


def _new_folder(options: VerbOptions) -> str | None:
    """Return the folder's path, if a file is about to be the first in a folder that is not there yet."""
    return None if options.directory.exists() else str(options.directory)
