"""Lint the scripts of a plan: by what its statements will do and, if it is installed, by squawk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from fsapi_nb.checks.alter_table import columns_asked_about
from fsapi_nb.checks.feed import Feed, feed_of
from fsapi_nb.checks.ignores import read_ignores
from fsapi_nb.checks.judge import Judge, Located
from fsapi_nb.checks.scripts import LintedScript, LintedStep, scripts_of
from fsapi_nb.checks.settings import LintSettings
from fsapi_nb.checks.shown import Excerpts
from fsapi_nb.checks.squawk import Squawk, SquawkFailed
from fsapi_nb.model.column_facts import ColumnFacts, ColumnName
from fsapi_nb.model.finding import Finding, Lint
from fsapi_nb.model.forecast import Forecast
from fsapi_nb.model.plan import Mode, Plan
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.words import counted

_LONGEST = 1 << 20  # characters; no script that was written by hand is longer
_FAILURES = 2  # after which squawk is not run any more: each may have taken seconds


class ScriptReader(NamedTuple):
    """How scripts are read by squawk: None if it is not installed.

    `version` is PostgreSQL's major version, `most` the number of runs that are allowed: each takes milliseconds.
    """

    squawk: Squawk | None
    version: int
    most: int | None = None


class Reading(NamedTuple):
    """A plan, and what it will do."""

    plan: Plan
    forecast: Forecast


#: Returns what a catalog says of columns.
AskColumns = Callable[[Iterable[ColumnName]], Mapping[ColumnName, ColumnFacts]]


def lint(
    readings: Iterable[Reading], settings: LintSettings, reader: ScriptReader, ask: AskColumns = lambda _columns: {}
) -> Lint:
    """Return the findings in the UPs that plans run.

    Args:
        readings: The plans.
        settings: The project's.
        reader: How squawk reads the scripts.
        ask: Asks the database about columns.
    """
    runs = _Runs(reader)
    findings: list[Finding] = []
    names: list[str] = []
    for plan, forecast in readings:
        scripts = list(scripts_of(plan, forecast))
        columns = ask(_columns(scripts))
        for script in scripts:
            migration = script.migration
            names.append(migration.name)
            ignores, place = read_ignores(migration), Excerpts(migration).place
            judge = Judge(settings, ignores, forecast.sizes, columns, place)
            findings += judge.findings(script.steps, runs.read(script))
    return Lint(tuple(names), tuple(findings), tuple(runs.notes()))


def _columns(scripts: Iterable[LintedScript]) -> set[ColumnName]:
    read = (each.subject for script in scripts for step in script.steps for each in step.read)
    return {column for subject in read for column in columns_asked_about(subject)}


class _Runs:
    """The runs of squawk over all scripts, and what it has not read."""

    def __init__(self, reader: ScriptReader) -> None:
        self._reader = reader
        self._runs = 0
        self._left: set[str] = set()
        self._failed: dict[str, list[str]] = {}

    def read(self, script: LintedScript) -> list[Located]:
        """Return what squawk finds in each step of a script."""
        return [self._read(script.migration.name, step) for step in script.steps]

    def notes(self) -> list[str]:
        """Return what to say of scripts that squawk has not read."""
        notes = [f"squawk did not read {_named(names)}: {reason}" for reason, names in self._failed.items()]
        if self._left:
            rest = f"squawk has not read {counted(len(self._left), 'more migration')}"
            reads_all = self._reader.most is not None
            notes.append(Advice(rest, ": ", command("lint"), " reads all") if reads_all else rest)
        return notes

    def _read(self, name: str, step: LintedStep) -> Located:
        squawk, feed = self._reader.squawk, feed_of(step.statements)
        if squawk is None or feed is None:
            return ()
        if len(feed.text) > _LONGEST:
            self._failed.setdefault("it is too long", []).append(name)
            return ()
        if self._runs == self._reader.most or self._failures() >= _FAILURES:
            self._left.add(name)
            return ()
        self._runs += 1
        return self._run(squawk, name, feed, step.mode)

    def _failures(self) -> int:
        return sum(map(len, self._failed.values()))

    def _run(self, squawk: Squawk, name: str, feed: Feed, mode: Mode) -> Located:
        in_transaction = mode is Mode.TRANSACTION
        try:
            found = squawk.run(feed.text, in_transaction=in_transaction, version=self._reader.version)
        except SquawkFailed as error:
            self._failed.setdefault(str(error), []).append(name)
            return ()
        return [(each, place) for each in found if (place := feed.locate(each.line, each.column))]


def _named(names: Sequence[str]) -> str:
    more = len(set(names)) - 1
    return names[0] + (f" and {counted(more, 'other migration')}" if more else "")
