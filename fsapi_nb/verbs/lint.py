"""Lint migration files: those that are pending, one, or all. Asks the database for the sizes of tables, if there is one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple, Protocol

from fsapi_nb.actions.forecast import forecast, read_plan
from fsapi_nb.actions.statement import NEWEST
from fsapi_nb.catalog.column_facts import read_column_facts
from fsapi_nb.checks.files import plan_of
from fsapi_nb.checks.lint import Reading, ScriptReader, lint
from fsapi_nb.checks.settings import LintSettings, lint_settings
from fsapi_nb.checks.squawk import find_squawk
from fsapi_nb.errors import DatabaseError, NotUpToDate
from fsapi_nb.history.store import HistoryStore
from fsapi_nb.model.column_facts import ColumnFacts, ColumnName
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


class _Asked(Protocol):
    """What is asked about plans and columns."""

    def forecast(self, plan: Plan) -> Forecast:
        """Return what a plan will do."""

    def columns(self, columns: Iterable[ColumnName]) -> Mapping[ColumnName, ColumnFacts]:
        """Return what is known of columns."""


class _Database(NamedTuple):
    """The database of the migrations."""

    store: HistoryStore

    def forecast(self, plan: Plan) -> Forecast:
        """Return what a plan will do, with what the catalog says of its tables."""
        return foresee(plan, self.store)

    def columns(self, columns: Iterable[ColumnName]) -> Mapping[ColumnName, ColumnFacts]:
        """Return what the catalog says of columns."""
        return read_column_facts(self.store.session.connection(), columns)


class _Nothing:
    """No database: nothing is known but the text."""

    def forecast(self, plan: Plan) -> Forecast:
        """Return what the text of a plan tells."""
        return forecast(plan, read_plan(plan, NEWEST), TableFacts())

    def columns(self, columns: Iterable[ColumnName]) -> Mapping[ColumnName, ColumnFacts]:
        """Return nothing."""
        return {}


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
            found = _lint(chosen, folder, _Database(store), reader, settings)
            identity = store.identity
    except DatabaseError as error:
        files = (find_filed(name, reconcile(folder, History())),) if name else folder.names
        found = _lint(_Chosen(alone=files), folder, _Nothing(), ScriptReader(squawk, NEWEST), settings)
        found, identity = replace(found, notes=(_offline(error, name), *found.notes)), None
    notes = (*([folder.lack] if folder.lack else []), *found.notes, *([] if squawk else [_WITHOUT_SQUAWK]))
    return results.LintResult(replace(found, notes=notes), identity, everything)


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


def _lint(chosen: _Chosen, folder: Folder, asked: _Asked, reader: ScriptReader, settings: LintSettings) -> Lint:
    faults: list[Finding] = []

    def readings() -> Iterator[Reading]:
        for names in (*((name,) for name in chosen.alone), chosen.together):
            plan, found = plan_of(names, folder)
            faults.extend(found)
            yield Reading(plan, asked.forecast(plan))

    found = lint(readings(), settings, reader, asked.columns)
    names = tuple(sorted((*chosen.alone, *chosen.together), key=os.fsencode))
    order = {name: number for number, name in enumerate(names)}
    findings = sorted((*faults, *found.findings), key=lambda each: order[each.place.file])
    return Lint(names, tuple(findings), found.notes)


def _offline(error: DatabaseError, name: str | None) -> str:
    every = "" if name else ", and every migration is looked at"
    return f"no database was asked ({error.message}): the sizes of tables are not known{every}"
