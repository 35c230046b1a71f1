"""Lint migration files: those that are pending, one, or all. Asks the database for the sizes of tables, if there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from fsapi_nb.actions.forecast import forecast, read_plan
from fsapi_nb.actions.statement import NEWEST
from fsapi_nb.checks.files import plan_of
from fsapi_nb.checks.lint import Reading, ScriptReader, lint
from fsapi_nb.checks.settings import LintSettings, lint_settings
from fsapi_nb.checks.squawk import find_squawk
from fsapi_nb.errors import DatabaseError, NotUpToDate
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.finding import Finding, Lint
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.forecast import Forecast
from fsapi_nb.model.history import History
from fsapi_nb.model.plan import Plan
from fsapi_nb.model.status import State
from fsapi_nb.model.table_facts import TableFacts
from fsapi_nb.plan.names import find_filed
from fsapi_nb.plan.reconcile import Reconciled, reconcile
from fsapi_nb.verbs.foresee import foresee
from fsapi_nb.verbs.open import open_store, read_folder
from fsapi_nb.verbs.options import VerbOptions
from fsapi_nb.views import results

_WAITING = {State.PENDING, State.LATE, State.BROKEN, State.PARTLY_APPLIED, State.IN_DOUBT}
_WITHOUT_SQUAWK = 'only fsapi_nb\'s own rules were used; to use those of squawk as well: pip install "fsapi_nb[lint]"'


_IN_PLAN = 24  # scripts that are looked at in a plan: of more, it has a line for each step and none for statements

#: Returns what a plan will do.
Forecaster = Callable[[Plan], Forecast]


class _Chosen(NamedTuple):
    """The files to look at: those that run one after the other, and those that are each looked at alone."""

    together: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()


def lint_files(options: VerbOptions, name: str | None, *, everything: bool) -> results.LintResult:
    """Return what lint finds.

    Args:
        options: The options of the Migrator.
        name: The migration to look at. None: all that are pending; every one if no database says which these are.
        everything: Look at every file, and show every finding.

    Raises:
        ConfigurationError: The folder is missing, or a setting of lint is not valid.
        UnknownMigration: No file has that name.
    """
    settings = lint_settings(options.project.table)
    folder = read_folder(options)
    squawk = find_squawk()
    try:
        with open_store(options, folder, writing=False) as store:
            chosen = _choose(reconcile(folder, store.history()), name, everything=everything)
            reader = ScriptReader(squawk, store.session.facts.version // 10_000)
            found = _lint(chosen, folder, lambda plan: foresee(plan, store), reader, settings)
            identity = store.identity
    except DatabaseError as error:
        files = (find_filed(name, reconcile(folder, History())),) if name else folder.names
        found = _lint(_Chosen(alone=files), folder, _by_text, ScriptReader(squawk, NEWEST), settings)
        found, identity = replace(found, notes=(_offline(error, name), *found.notes)), None
    notes = (*found.notes, *([] if squawk else [_WITHOUT_SQUAWK]))
    return results.LintResult(replace(found, notes=notes), identity, everything, folder.lack)


def lint_plan(options: VerbOptions, store: HistoryStore, plan: Plan, forecast: Forecast) -> Lint:
    """Return what lint finds in the first scripts that a plan applies: it takes no longer however long the plan is.

    Raises ConfigurationError if a setting of lint is not valid.
    """
    settings = lint_settings(options.project.table)
    reader = ScriptReader(find_squawk(), store.session.facts.version // 10_000)
    return lint([Reading(plan, forecast)], settings, reader, _IN_PLAN)


def require_no_stops(found: results.LintResult) -> None:
    """Raise NotUpToDate if there is a finding at the level `stop`, for `--check`."""
    if found.attention:
        raise NotUpToDate(found.headline(), details=tuple(found.findings()))


def _choose(standing: Reconciled, name: str | None, *, everything: bool) -> _Chosen:
    waiting = [each.name for each in standing.needs_attention if each.state in _WAITING]
    files = [each for each in waiting if standing.folder.has(each)]
    if name is not None:
        return _Chosen(alone=(find_filed(name, standing),))
    others = set(standing.folder.names).difference(files) if everything else set()
    return _Chosen(tuple(files), tuple(sorted(others, key=os.fsencode)))


def _lint(chosen: _Chosen, folder: Folder, foretell: Forecaster, reader: ScriptReader, settings: LintSettings) -> Lint:
    faults: list[Finding] = []

    def readings() -> Iterator[Reading]:
        for names in (*((name,) for name in chosen.alone), chosen.together):
            plan, found = plan_of(names, folder)
            faults.extend(found)
            yield Reading(plan, foretell(plan))

    found = lint(readings(), settings, reader)
    names = tuple(sorted((*chosen.alone, *chosen.together), key=os.fsencode))
    order = {name: number for number, name in enumerate(names)}
    findings = sorted((*faults, *found.findings), key=lambda each: order[each.place.file])
    return Lint(names, tuple(findings), found.notes)


def _by_text(plan: Plan) -> Forecast:
    return forecast(plan, read_plan(plan, NEWEST), TableFacts())


def _offline(error: DatabaseError, name: str | None) -> str:
    every = "" if name else ", and every migration is looked at"
    return f"no database was asked ({error.message}): the sizes of tables are not known{every}"
