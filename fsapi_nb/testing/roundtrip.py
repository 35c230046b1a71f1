"""`--fsapi-roundtrip`: each migration as a test that takes it up, down and up again, and compares the catalogs.

The tests share one walk through the history, so that each migration is applied once, besides its own down and up. A
test that fails ends the walk, since its database may be damaged: the next test starts a walk of its own.
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
from fsapi_nb.verbs.catalogs import without_secrets
from fsapi_nb.verbs.walk import Walk, open_walk

_PROPERTY = "fsapi_roundtrip"  # of a test that passed although its migration was not undone; JUnit reports show it, too
_IRREVERSIBLE = "irreversible: only its UP was run"


class RoundTrips:
    """The pytest hooks: collect the migrations folder, make a test of each file, and report what the tests found."""

    def __init__(self, config: pytest.Config, *, strict: bool) -> None:
        try:
            self.directory, _ = find_folder(config.rootpath, config.getini("fsapi_directory") or None)
        except ConfigurationError as error:
            raise pytest.UsageError("\n".join(["--fsapi-roundtrip:", *error.lines()])) from None
        self.strict = strict
        self._config = config
        self._walk: RoundTripWalk | None = None

    def pytest_sessionstart(self) -> None:
        """Collect the folder, unless the command line names it, a folder around it, or some of its files."""
        named = [self._config.invocation_params.dir / arg.split("::")[0] for arg in self._config.args]
        if not any(_overlap(path, self.directory) for path in named):
            self._config.args.append(str(self.directory))

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Return the collector of a migration's file; None for any other file."""
        if file_path.suffix.lower() != ".sql" or file_path.name.startswith("."):
            return None
        if not os.path.samefile(file_path.parent, self.directory):
            return None
        return MigrationFile.from_parent(parent, path=file_path, roundtrips=self)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the round trips in the order of their migrations, so that the walk only goes forward."""
        indexes = [index for index, item in enumerate(items) if isinstance(item, RoundTrip)]
        ordered = sorted((items[index] for index in indexes), key=lambda item: os.fsencode(item.path.name))
        for index, item in zip(indexes, ordered, strict=True):
            items[index] = item

    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """Return, for `-v`, the status of a test that passed although its migration was not undone; else None."""
        remark = _remark(report)
        if remark is None or report.when != "call" or not report.passed:
            return None
        return "passed", ".", f"PASSED ({remark.partition(':')[0]})"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print which migrations were not undone."""
        reports = terminalreporter.stats.get("passed", ())
        lines = [f"{report.nodeid.split('::')[0]}: {remark}" for report in reports if (remark := _remark(report))]
        if lines:
            terminalreporter.write_sep("=", "migrations without a way back")
            for line in lines:
                terminalreporter.write_line(line)

    def pytest_sessionfinish(self) -> None:
        """End the walk; its database is dropped."""
        if self._walk:
            self._walk.leave()

    def walk(self) -> RoundTripWalk:
        """Return the walk of this process, made when the first test asks for it. Raises FsapiError."""
        if self._walk is None:
            self._walk = RoundTripWalk(databases_of(self._config), read_folder(self.directory))
        return self._walk


class MigrationFile(pytest.File):
    """A file of the migrations folder, as pytest collects it."""

    def __init__(self, roundtrips: RoundTrips, **options: Any) -> None:
        super().__init__(**options)
        self._roundtrips = roundtrips

    def collect(self) -> Iterable[pytest.Item]:
        """Yield the one test of the file."""
        yield RoundTrip.from_parent(self, name="roundtrip", roundtrips=self._roundtrips)


class RoundTrip(pytest.Item):
    """The test of one migration: up, down and up again."""

    def __init__(self, roundtrips: RoundTrips, **options: Any) -> None:
        super().__init__(**options)
        self._roundtrips = roundtrips

    def runtest(self) -> None:
        """Fail if the catalogs differ; with `strict`, also if the migration is not undone."""
        name = self.path.name
        try:
            remark = self._roundtrips.walk().check(name)
        except NotReached as reason:
            pytest.skip(str(reason))
        if remark and self._roundtrips.strict:
            raise NotUpToDate(f"{name} is {remark}", hint=f"write a DOWN that undoes it. {self._again()}")
        if remark:
            self.user_properties.append((_PROPERTY, remark))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Return the lines of an fsapi_nb error and the command that repeats the test; other errors as pytest does."""
        error = excinfo.value
        if not isinstance(error, FsapiError):
            return super().repr_failure(excinfo, style)
        again = self._again()
        lines = error.lines()
        return "\n".join(lines if any(again in line for line in lines) else [*lines, f"→ {again}"])

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the file and the title that reports show."""
        return self.path, None, f"{self.path.name}: up, down and up again"

    def _again(self) -> str:
        strict = "=strict" if self._roundtrips.strict else ""
        return f'Again: pytest --fsapi-roundtrip{strict} "{self.nodeid}"'


class NotReached(Exception):
    """A migration that comes after one that cannot be applied."""


@dataclass(frozen=True, slots=True)
class _Barrier:
    """The file that no walk can pass, and the reason that the tests of later files are skipped with."""

    name: str
    reason: str


@dataclass(slots=True)
class RoundTripWalk:
    """The walk of one pytest process through its migrations. If none is open, the next test opens one."""

    databases: Databases
    folder: Folder
    applied: int = 0  # so many files, from the first one on
    _names: tuple[str, ...] = field(init=False)
    _walk: Walk | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _seen: Snapshot | None = None  # the catalog as the last test left it; None if it must be read
    _barrier: _Barrier | None = None

    def __post_init__(self) -> None:
        """Take the names of all files in order, faulty ones included."""
        self._names = self.folder.names

    def leave(self) -> None:
        """End the walk; its database is dropped."""
        self._walk = self._seen = None
        self.applied = 0
        self._stack.close()

    def check(self, name: str) -> str | None:
        """Walk to that migration, take it up, down and up again, and compare the catalogs.

        After an error the next call starts a new walk.

        Args:
            name: The name of the migration's file.

        Returns:
            A remark if the migration passes although it was not undone; else None.

        Raises:
            NotUpToDate: The catalogs differ.
            NotReached: An earlier file cannot be applied.
            FsapiError: What `migrate` and `rollback` raise.
        """
        migration = self.folder.get(name)
        if migration is None:
            self._barrier = self._barrier or _barrier_at(name)
            raise self._faulty(name)
        if self._barrier and os.fsencode(name) > os.fsencode(self._barrier.name):
            raise NotReached(self._barrier.reason)
        try:
            walk = self._reach(name)
            remark = self._there_and_back(walk, migration)
        except BaseException:
            self.leave()
            raise
        self.applied += 1
        return remark

    def _reach(self, name: str) -> Walk:
        """Return the walk with all earlier migrations applied. Raises NotReached if one of them fails."""
        index = self._names.index(name)
        if self._walk is None or self.applied > index:
            self.leave()
            database = self._stack.enter_context(self.databases.empty())
            walk = open_walk(self.databases.project, self.databases.directory, self.folder, database)
            self._walk = self._stack.enter_context(walk)
        if self.applied < index:  # tests were left out, by -k or by the names on the command line
            self._seen = None
            try:
                self._walk.up(self._names[index - 1])
            except FsapiError as error:
                cause = " ".join((error.message, *error.details[:1]))
                reason = f"an earlier migration cannot be applied: {cause}"
                self._barrier = _Barrier(self._names[index - 1], reason)
                raise NotReached(reason) from None
            self.applied = index
        return self._walk

    def _there_and_back(self, walk: Walk, migration: Migration) -> str | None:
        before = self._seen or walk.snapshot()  # the last test took it, so that the catalog is read once less
        try:
            walk.up(migration.name)
        except FsapiError:
            self._barrier = _barrier_at(migration.name)
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
        """Return the error that says why a file is not a migration."""
        problems = self.folder.problems(name)
        return FaultyMigrations(problems) if problems else NotUpToDate(f"{name!r} cannot be a migration's file name")


def _barrier_at(name: str) -> _Barrier:
    return _Barrier(name, f"the earlier migration {name} cannot be applied")


def _changes(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """Return what differs in its definition. A column's position is not compared: DOWN and UP move it to the end."""
    return () if before == after else without_remarks(difference(before, after))


def _does_nothing(migration: Migration) -> bool:
    """Return whether its DOWN holds only comments, which means that nothing is to be undone."""
    return migration.down is not None and not migration.down.parsed.statements and not migration.down.parsed.unparsed


def _differs(migration: Migration, left: Sequence[Change], other: Sequence[Change]) -> NotUpToDate:
    details = [*_section("After DOWN, compared with before UP:", left)]
    details += _section("After the second UP, compared with after the first:", other)
    what = "DOWN does not undo what UP does" if left else "the second UP has a different result from the first"
    return NotUpToDate(f"{migration.name}: {what}{_on_purpose(migration)}", details=tuple(details))


def _not_up_again(migration: Migration, left: Sequence[Change], error: FsapiError) -> NotUpToDate:
    details = [*_section("After DOWN, compared with before UP:", left), "The second UP:"]
    details += [f"  {line}" for line in (error.message, *error.details)]
    return NotUpToDate(f"{migration.name}: after its DOWN, UP fails{_on_purpose(migration)}", details=tuple(details))


def _on_purpose(migration: Migration) -> str:
    return " (its DOWN holds only comments)" if _does_nothing(migration) else ""


def _section(title: str, changes: Sequence[Change]) -> Iterator[str]:
    """Yield what differs, object by object, with the definitions as lines of a unified diff, secrets starred."""
    if changes:
        yield title
    for change in without_secrets(changes):
        yield f"  {change.title()}"
        yield from (f"    {line}" for line in change.lines())


def _titles(changes: Sequence[Change]) -> str:
    return ", ".join(change.title() for change in changes)


def _overlap(path: Path, directory: Path) -> bool:
    """Return whether one path is the other, or is inside it."""
    path, directory = Path(os.path.realpath(path)), Path(os.path.realpath(directory))
    return path.is_relative_to(directory) or directory.is_relative_to(path)


def _remark(report: Any) -> str | None:
    """Return the remark of a test that passed although its migration was not undone; else None."""
    return next((str(value) for name, value in getattr(report, "user_properties", ()) if name == _PROPERTY), None)
