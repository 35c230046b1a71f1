"""`--fsapi-roundtrip`: each migration as a test that takes it up, down and up again, and compares the catalogs.

The tests share one walk through the history, so that each migration is applied once, besides its own down and up. What
was damaged is not walked on: the next test begins a walk of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fsapi_nb.catalog.difference import Change, difference, without_remarks
from fsapi_nb.catalog.snapshot import Snapshot
from fsapi_nb.errors import ConfigurationError, FaultyMigrations, FsapiError, NotUpToDate
from fsapi_nb.folder.read import read_folder
from fsapi_nb.model.folder import Folder
from fsapi_nb.model.migration import Migration
from fsapi_nb.testing.databases import Databases, find_folder
from fsapi_nb.testing.opened import databases_of
from fsapi_nb.verbs.walk import Walk, open_walk

_PROPERTY = "fsapi_roundtrip"  # of a test that passed without a way back; it is in the JUnit report as well
_IRREVERSIBLE = "irreversible: only its UP was run"


class RoundTrips:
    """The hooks: adds the migrations folder to what is collected, makes tests of its files, and tells what they found."""

    def __init__(self, config: pytest.Config, *, strict: bool) -> None:
        try:
            self.directory, _ = find_folder(config.rootpath, config.getini("fsapi_directory") or None)
        except ConfigurationError as error:
            raise pytest.UsageError("\n".join(["--fsapi-roundtrip:", *error.lines()])) from None
        self.strict = strict
        self._config = config
        self._walked: RoundTripOutcome | None = None

    def pytest_sessionstart(self) -> None:
        """Collect the folder, unless what was named on the command line holds it, or some of its files."""
        named = [self._config.invocation_params.dir / arg.split("::")[0] for arg in self._config.args]
        if not any(_overlap(path, self.directory) for path in named):
            self._config.args.append(str(self.directory))

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """A migration is a file with one test."""
        if file_path.suffix.lower() != ".sql" or file_path.name.startswith("."):
            return None
        if not os.path.samefile(file_path.parent, self.directory):
            return None
        return MigrationFile.from_parent(parent, path=file_path, roundtrips=self)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Let the walk go forward only, whatever has shuffled the tests."""
        places = [place for place, item in enumerate(items) if isinstance(item, RoundTrip)]
        ordered = sorted((items[place] for place in places), key=lambda item: os.fsencode(item.path.name))
        for place, item in zip(places, ordered, strict=True):
            items[place] = item

    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """With `-v`, a migration without a way back is told where it passes."""
        found = _found(report)
        if found is None or report.when != "call" or not report.passed:
            return None
        return "passed", ".", f"PASSED ({found.partition(':')[0]})"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """What has no way back, in the end."""
        reports = terminalreporter.stats.get("passed", ())
        lines = [f"{report.nodeid.split('::')[0]}: {found}" for report in reports if (found := _found(report))]
        if lines:
            terminalreporter.write_sep("=", "migrations without a way back")
            for line in lines:
                terminalreporter.write_line(line)

    def pytest_sessionfinish(self) -> None:
        """Leave the last walk; its database is dropped."""
        if self._walked:
            self._walked.leave()

    def walked(self) -> RoundTripOutcome:
        """The walk of this process, begun when the first test asks for it."""
        if self._walked is None:
            self._walked = RoundTripOutcome(databases_of(self._config), read_folder(self.directory))
        return self._walked


class MigrationFile(pytest.File):
    """A file of the migrations folder, as pytest collects it."""

    def __init__(self, roundtrips: RoundTrips, **options: Any) -> None:
        super().__init__(**options)
        self._roundtrips = roundtrips

    def collect(self) -> Iterable[pytest.Item]:
        """Its one test."""
        yield RoundTrip.from_parent(self, name="roundtrip", roundtrips=self._roundtrips)


class RoundTrip(pytest.Item):
    """One migration, up, down and up again."""

    def __init__(self, roundtrips: RoundTrips, **options: Any) -> None:
        super().__init__(**options)
        self._roundtrips = roundtrips

    def runtest(self) -> None:
        """Fail where the catalogs differ, and where the way back is missing, if that is asked for."""
        name = self.path.name
        try:
            found = self._roundtrips.walked().check(name)
        except NotReached as reason:
            pytest.skip(str(reason))
        if found and self._roundtrips.strict:
            raise NotUpToDate(f"{name} is {found}", hint=f"write a DOWN that undoes it. {self._again()}")
        if found:
            self.user_properties.append((_PROPERTY, found))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Our errors as their own lines, with how to repeat the test; others as pytest shows them."""
        error = excinfo.value
        if not isinstance(error, FsapiError):
            return super().repr_failure(excinfo, style)
        again = self._again()
        lines = error.lines()
        return "\n".join(lines if any(again in line for line in lines) else [*lines, f"→ {again}"])

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where a report says it stands."""
        return self.path, None, f"{self.path.name}: up, down and up again"

    def _again(self) -> str:
        strict = "=strict" if self._roundtrips.strict else ""
        return f'Again: pytest --fsapi-roundtrip{strict} "{self.nodeid}"'


class NotReached(Exception):
    """A migration that stands after one that cannot be applied."""


@dataclass(frozen=True, slots=True)
class _Barrier:
    """The file beyond which no walk gets, and what is said of those behind it."""

    name: str
    reason: str


@dataclass(slots=True)
class RoundTripOutcome:
    """How far the walk is: `at` counts the files that are applied; without a walk it begins with the next test."""

    databases: Databases
    folder: Folder
    at: int = 0
    _names: tuple[str, ...] = field(init=False)
    _walk: Walk | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _seen: Snapshot | None = None
    _wall: _Barrier | None = None

    def __post_init__(self) -> None:
        """Take the files in order, the broken ones among them."""
        self._names = self.folder.names

    def leave(self) -> None:
        """End the walk; its database is dropped."""
        self._walk = self._seen = None
        self.at = 0
        self._stack.close()

    def check(self, name: str) -> str | None:
        """Walk to that migration and take it up, down and up again; say what is to be told of one that passes.

        Raises NotUpToDate where the catalogs differ, NotReached after a file that cannot be applied, and what
        `migrate` and `rollback` raise. After any of them the next check begins a walk of its own.
        """
        migration = self.folder.get(name)
        if migration is None:
            self._wall = self._wall or _Barrier(name, f"{name}, which stands before it, cannot be applied")
            raise self._faulty(name)
        if self._wall and os.fsencode(name) > os.fsencode(self._wall.name):
            raise NotReached(self._wall.reason)
        try:
            walk = self._reach(name)
            found = self._there_and_back(walk, migration)
        except BaseException:
            self.leave()
            raise
        self.at += 1
        return found

    def _reach(self, name: str) -> Walk:
        """The walk, with everything applied that stands before that migration."""
        place = self._names.index(name)
        if self._walk is None or self.at > place:
            self.leave()
            database = self._stack.enter_context(self.databases.empty())
            walk = open_walk(self.databases.project, self.databases.directory, self.folder, database)
            self._walk = self._stack.enter_context(walk)
        if self.at < place:
            self._seen = None
            try:
                self._walk.up(self._names[place - 1])
            except FsapiError as error:
                told = " ".join((error.message, *error.details[:1]))
                reason = f"what stands before it cannot be applied: {told}"
                self._wall = _Barrier(self._names[place - 1], reason)
                raise NotReached(reason) from None
            self.at = place
        return self._walk

    def _there_and_back(self, walk: Walk, migration: Migration) -> str | None:
        before = self._seen or walk.snapshot()
        try:
            walk.up(migration.name)
        except FsapiError:
            self._wall = _Barrier(migration.name, f"{migration.name}, which stands before it, cannot be applied")
            raise
        first = self._seen = walk.snapshot()
        if migration.down is None:
            return _IRREVERSIBLE
        walk.down(migration.name)
        left = _changes(before, walk.snapshot())
        try:
            walk.up(migration.name)
        except FsapiError as error:
            raise _not_up_again(migration, left, error) from None
        self._seen = walk.snapshot()
        other = _changes(first, self._seen)
        if other or (left and not _does_nothing(migration)):
            raise _differs(migration, left, other)
        return f"not undone by its DOWN, which does nothing on purpose: {_titles(left)}" if left else None

    def _faulty(self, name: str) -> FsapiError:
        """Why a file is no migration."""
        problems = self.folder.problems(name)
        return FaultyMigrations(problems) if problems else NotUpToDate(f"{name!r} cannot be a migration's file name")


def _changes(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """What differs in its definition; that a column stands elsewhere after a DOWN and an UP is as it should be."""
    return () if before == after else without_remarks(difference(before, after))


def _does_nothing(migration: Migration) -> bool:
    """Whether its DOWN holds comments only, which says that nothing is to be undone."""
    return migration.down is not None and not migration.down.statements and not migration.down.unparsed


def _differs(migration: Migration, left: Sequence[Change], other: Sequence[Change]) -> NotUpToDate:
    details = [*_section("After DOWN, compared with before UP:", left)]
    details += _section("After the second UP, compared with after the first:", other)
    what = "DOWN does not undo what UP does" if left else "the second UP gives something else than the first"
    return NotUpToDate(f"{migration.name}: {what}{_on_purpose(migration)}", details=tuple(details))


def _not_up_again(migration: Migration, left: Sequence[Change], error: FsapiError) -> NotUpToDate:
    details = [*_section("After DOWN, compared with before UP:", left), "The second UP:"]
    details += [f"  {line}" for line in (error.message, *error.details)]
    return NotUpToDate(f"{migration.name}: after its DOWN, UP fails{_on_purpose(migration)}", details=tuple(details))


def _on_purpose(migration: Migration) -> str:
    return " (its DOWN holds only comments)" if _does_nothing(migration) else ""


def _section(title: str, changes: Sequence[Change]) -> Iterator[str]:
    """What differs, object by object, with the definitions as unified lines."""
    if changes:
        yield title
    for change in changes:
        yield f"  {change.title()}"
        yield from (f"    {line}" for line in change.lines())


def _titles(changes: Sequence[Change]) -> str:
    return ", ".join(change.title() for change in changes)


def _overlap(path: Path, directory: Path) -> bool:
    """Whether one lies in the other."""
    path, directory = Path(os.path.realpath(path)), Path(os.path.realpath(directory))
    return path.is_relative_to(directory) or directory.is_relative_to(path)


def _found(report: Any) -> str | None:
    """What a test has found that passed without a way back."""
    return next((str(value) for name, value in getattr(report, "user_properties", ()) if name == _PROPERTY), None)
