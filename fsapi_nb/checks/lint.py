"""Lint the scripts of a plan: by what its statements will do and, if it is installed, by squawk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from fsapi_nb.checks.feed import feed_of
from fsapi_nb.checks.ignores import read_ignores
from fsapi_nb.checks.judge import Judge, Located
from fsapi_nb.checks.scripts import LintedScript, count_scripts, scripts_of
from fsapi_nb.checks.settings import LintSettings
from fsapi_nb.checks.shown import Excerpts
from fsapi_nb.checks.squawk import Squawk, SquawkFailed
from fsapi_nb.model.finding import Finding, Lint
from fsapi_nb.model.forecast import Forecast
from fsapi_nb.model.plan import Plan
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.words import counted

_LONGEST = 1 << 20  # characters; no script that was written by hand is longer
_FAILURES = 2  # after which squawk is not run any more: each may have taken seconds


class ScriptReader(NamedTuple):
    """How scripts are read by squawk, for PostgreSQL of that major version; squawk is None if it is not installed."""

    squawk: Squawk | None
    version: int


class Reading(NamedTuple):
    """A plan, and what it will do."""

    plan: Plan
    forecast: Forecast


def lint(readings: Iterable[Reading], settings: LintSettings, reader: ScriptReader, most: int | None = None) -> Lint:
    """Return the findings in the UPs that plans run.

    Args:
        readings: The plans.
        settings: The project's.
        reader: How squawk reads the scripts.
        most: How many scripts are looked at, at most; None: all. A note says if there are more.
    """
    runs = _Runs(reader)
    findings: list[Finding] = []
    names: list[str] = []
    left = 0
    for plan, forecast in readings:
        room = None if most is None else most - len(names)
        left += count_scripts(plan)
        for script in islice(scripts_of(plan, forecast), room):
            migration = script.migration
            names.append(migration.name)
            judge = Judge(settings, read_ignores(migration), forecast.sizes, Excerpts(migration).place)
            findings += judge.findings(script, runs.read(script))
    return Lint(tuple(names), tuple(findings), (*runs.notes(), *_note_of(left - len(names))))


def _note_of(left: int) -> Iterator[str]:
    if left:
        yield Advice(f"lint has not looked at {counted(left, 'more migration')}: ", command("lint"), " looks at all")


class _Runs:
    """The runs of squawk over all scripts, and what it has not read."""

    def __init__(self, reader: ScriptReader) -> None:
        self._reader = reader
        self._failures = 0
        self._left: set[str] = set()
        self._unread: dict[str, list[str]] = {}

    def read(self, script: LintedScript) -> Located:
        """Return what squawk finds in a script: it reads what runs in transactions, and then what does not."""
        return [found for each in (True, False) for found in self._read(script, in_transaction=each)]

    def notes(self) -> list[str]:
        """Return what to say of scripts that squawk has not read."""
        notes = [f"squawk did not read {_named(names)}: {reason}" for reason, names in self._unread.items()]
        return [*notes, *([f"squawk has not read {counted(len(self._left), 'more migration')}"] if self._left else [])]

    def _read(self, script: LintedScript, *, in_transaction: bool) -> Located:
        name, squawk = script.migration.name, self._reader.squawk
        steps = [step for step in script.steps if step.in_transaction is in_transaction]
        feed = feed_of((each.number, each.statement) for step in steps for each in step.read) if squawk else None
        if squawk is None or feed is None:
            return ()
        if len(feed.text) > _LONGEST:
            self._unread.setdefault("it is too long", []).append(name)
            return ()
        if self._failures >= _FAILURES:
            self._left.add(name)
            return ()
        try:
            found = squawk.run(feed.text, in_transaction=in_transaction, version=self._reader.version)
        except SquawkFailed as error:
            self._failures += 1
            self._unread.setdefault(str(error), []).append(name)
            return ()
        return [(each, place) for each in found if (place := feed.locate(each.line, each.column))]


def _named(names: Sequence[str]) -> str:
    more = len(set(names)) - 1
    return names[0] + (f" and {counted(more, 'other migration')}" if more else "")
