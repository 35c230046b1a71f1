"""Find the permissions that a command needs: what the files of its project ask for.

The user must have allowed it; `trust` keeps the answers. Reads files; connects to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.project.address import Address, address_in_environment, dotenv_requests, entry_requests, named_address
from fsapi_nb.project.environment import read_dotenv
from fsapi_nb.project.foreign_files import find_files, find_folder, find_link
from fsapi_nb.project.ownership import why_foreign
from fsapi_nb.project.requests import Request, binaries_request, file_request
from fsapi_nb.project.root import DOTENV, PYPROJECT, Project, find_binaries
from fsapi_nb.text.secrets import Secret


def find_requests(project: Project, address: Address, *, start: Path | None, binaries: bool) -> tuple[Request, ...]:
    """Return what a command on that database asks for that its user must have allowed.

    Args:
        project: The project.
        address: The database.
        start: The folder that the user is in; None if the user has named the migrations folder.
        binaries: Whether the embedded server's programs are those that the project names.
    """
    return (
        *_file_requests(project, found=start is not None and _are_found(project, start)),
        *address.requests,
        *(_binaries_requests(project) if binaries and address.embedded else ()),
    )


def find_place_request(project: Project, *, start: Path | None) -> tuple[Request, ...]:
    """Return what a migrations folder outside of its project asks for before it is listed or written to.

    `start` is None if the user has named the folder, which then needs no permission.
    """
    return () if start is None else find_folder(project.migrations, project.root, PYPROJECT)


def find_reading_requests(project: Project, folder: Path, *, start: Path | None) -> tuple[Request, ...]:
    """Return the same, and what the files of the folder ask for before one is opened."""
    owners = start is not None and _are_found(project, start)
    return (*find_place_request(project, start=start), *find_files(folder, project.root, owners=owners))


def find_all_requests(project: Project, named: Sequence[Path]) -> tuple[Request, ...]:
    """Return all that the project's files ask for, for any command.

    Args:
        project: The project.
        named: Folders and files in it that a user may name, besides those of its settings.

    Raises:
        ConfigurationError: A file of the project cannot be read, or has a setting that is not valid.
    """
    found = [*_file_requests(project, found=True), *_binaries_requests(project)]
    found += find_reading_requests(project, project.migrations, start=project.root)
    for path in named:
        found += find_link(path, project.root)
        if path != project.root or not project.migrations.is_dir():
            found += find_files(path, project.root, owners=False)
    written = address_in_environment(read_dotenv(project.root), DOTENV)
    found += dotenv_requests(written) if written else ()
    for setting in ("database", "scratch"):
        wanted = Secret(project.table.get(setting, "").strip())
        if wanted and wanted not in project.databases:
            found += named_address(project, wanted, {}, PYPROJECT).requests
    for name, entry in project.databases.items():
        with suppress(ConfigurationError):  # its URL is not valid, so nothing can be asked for by it
            found += entry_requests(project, name, entry)
    return tuple({request.digest: request for request in found}.values())


def _are_found(project: Project, start: Path) -> bool:
    """Return whether a user in `start` has come upon the project's migrations, and has not gone to them.

    The migrations are above, or in a folder of this user or root, where somebody else may have put them.
    """
    return project.root != start or start.stat().st_uid in (0, os.geteuid())


def _file_requests(project: Project, *, found: bool) -> tuple[Request, ...]:
    """Return what the project's files ask for if others than this user and root may have written them."""
    asked: tuple[Request, ...] = ()
    if project.table:
        settings = project.root / PYPROJECT
        asked += (*find_link(settings, project.root), *file_request(settings, project.table))
    dotenv = project.root / DOTENV
    link = find_link(dotenv, project.root)
    if dotenv.exists() and (link or why_foreign(dotenv)) and (written := read_dotenv(project.root)):
        asked += (*link, *file_request(dotenv, written))
    if found and project.migrations.is_dir():
        asked += file_request(project.migrations, {})
    return asked


def _binaries_requests(project: Project) -> tuple[Request, ...]:
    folder = find_binaries(project)
    return binaries_request(folder, project.root, PYPROJECT) if folder else ()
