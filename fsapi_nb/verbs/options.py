"""Look up and check the options of a Migrator, once, when it is made.

Every function in this room takes the same frozen `VerbOptions`. Reads files and the environment; connects to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.events import Observer
from fsapi_nb.history.access import DatabaseAccess
from fsapi_nb.history.chosen_schema import find_schema, search_path
from fsapi_nb.postgres.pooler import allows_pooler
from fsapi_nb.project.address import Address, find_address, find_scratch
from fsapi_nb.project.configuration import EMBEDDED
from fsapi_nb.project.origin import origin
from fsapi_nb.project.permissions import find_place_request, find_requests
from fsapi_nb.project.root import Project, expanded, find_binaries, find_project
from fsapi_nb.project.settings import finite_wait, session_settings
from fsapi_nb.project.shipping import ShippedDatabase, ship, ship_settings
from fsapi_nb.project.trust import require
from fsapi_nb.text.secrets import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenOptions:
    """The arguments of a Migrator as they were given.

    Addresses and settings are secrets: no repr shows them.
    """

    database: Secret | Callable[[], Any] | None
    directory: str | os.PathLike[str] | None
    settings: Mapping[str, Secret] | None
    lock_timeout: str | None
    statement_timeout: str | None
    max_wait: float
    postgres_bin: str | os.PathLike[str] | None
    scratch: Secret | None
    schema: str | None
    pooler: str | None
    application: str
    notebook: str | None
    cell: str | None
    runbook: str | None
    observers: tuple[Observer, ...]


@dataclass(frozen=True, slots=True)
class VerbOptions:
    """The options of every verb: the way to the database, the migrations folder, the observers.

    `label` is the folder as its user named it, for messages. `start` is the folder in which the search for the
    migrations began, or None if the user named theirs. `observers` get the events of every run. `scratch` is the server
    for scratch databases, None for an embedded one.
    """

    access: DatabaseAccess
    directory: Path
    label: str
    start: Path | None
    observers: tuple[Observer, ...] = ()
    scratch: Address | None = None

    @property
    def project(self) -> Project:
        """The project that the folder belongs to."""
        return self.access.project


def hide_secrets(given: Mapping[str, Any]) -> GivenOptions:
    """Return the arguments of a Migrator, by their names, as a value that shows no secret."""
    database, settings, scratch = given["database"], given["settings"], given["scratch"]
    hidden = {
        "scratch": None if scratch is None else Secret(scratch),
        "database": Secret(database) if isinstance(database, str) else database,
        "settings": None if settings is None else {name: Secret(value) for name, value in settings.items()},
        "observers": tuple(given["observers"]),
    }
    return GivenOptions(**{**given, **hidden})


def ship_options(given: GivenOptions, options: VerbOptions) -> tuple[ShippedDatabase, Path, dict[str, Any]]:
    """Return what is pickled of a Migrator: its database, its folder, its other arguments by name.

    Raises:
        UsageError: A password or another secret would be among them.
        Untrusted: The project asks for what is not allowed: the folder is given to another process, which asks no more.
    """
    require_place(options)
    values = {each.name: getattr(given, each.name) for each in fields(given)}
    shipped = ship(values.pop("database"), options.access.address)
    del values["directory"]
    scratch = None if given.scratch is None else ship(given.scratch, options.scratch or Address(None, EMBEDDED)).option
    return shipped, options.directory, values | {"settings": ship_settings(given.settings), "scratch": scratch}


def compared_schemas(options: VerbOptions) -> list[str] | None:
    """Return the schemas that the project is about; None for all of a database."""
    if options.access.schema:
        return [options.access.schema]
    named = options.project.table.get("schemas")
    return None if named is None else [str(name) for name in named]


def require_place(options: VerbOptions) -> None:
    """Raise Untrusted if the project's files or the place of its migrations ask for what is not allowed."""
    project = options.project
    files = [request for request in options.access.requests if request.is_about_files]
    require(project.root, (*files, *find_place_request(project, start=options.start)))


def find_options(given: GivenOptions) -> VerbOptions:
    """Look up what the arguments name, and check it.

    Raises:
        ConfigurationError: Settings contradict each other, are empty, or name nothing.
        UsageError: A setting, a duration or a wait is not valid.
    """
    _refuse_empty(given)
    directory = given.directory
    start = expanded(directory, "--dir").absolute() if directory is not None else Path.cwd()
    project = find_project(start)
    folder = start if directory is not None else project.migrations
    label = os.fspath(directory) if directory is not None else os.path.relpath(folder)
    searched = None if directory is not None else start
    access = _find_access(given, project, searched)
    return VerbOptions(access, folder, label, searched, given.observers, find_scratch(project, option=given.scratch))


def _refuse_empty(given: GivenOptions) -> None:
    for option, value in {
        "--dir": given.directory,
        "--postgres-bin": given.postgres_bin,
        "--scratch": None if given.scratch is None else given.scratch.reveal(),
        "--lock-timeout": given.lock_timeout,
    }.items():
        if value is not None and not os.fspath(value).strip():
            raise ConfigurationError(f"{option} is empty", hint=f"give {option} a value, or leave it out.")


def _find_access(given: GivenOptions, project: Project, start: Path | None) -> DatabaseAccess:
    """Return the way to the database, with the settings of each session there."""
    timeouts = {"lock_timeout": given.lock_timeout or str(project.table.get("lock_timeout", "5s"))}
    if given.statement_timeout is not None:
        timeouts["statement_timeout"] = given.statement_timeout
    address = find_address(project, option=given.database)
    schema = find_schema(project, address.name, option=given.schema)
    path = {"search_path": search_path(schema)} if schema else {}
    here = origin()
    return DatabaseAccess(
        project,
        address,
        settings={**path, **session_settings(given.settings or {}, timeouts)},
        application=given.application,
        notebook=given.notebook or here.notebook,
        cell=given.cell,
        runbook=given.runbook or here.runbook,
        max_wait=finite_wait(given.max_wait),
        postgres_bin=find_binaries(project, option=given.postgres_bin),
        schema=schema,
        by_pooler=allows_pooler(project, address.name, option=given.pooler),
        requests=find_requests(project, address, start=start, binaries=given.postgres_bin is None),
    )
