"""Find the names that a command can take: the files of the folder and the databases of the project.

Lists the folder and reads `pyproject.toml`; makes no connection, reads no migration and parses no SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.folder.read import fingerprint
from fsapi_nb.script.naming import bad_file_name


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The migrations with a valid file name, in order, and the databases that need no URL."""

    migrations: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()


def find_names(directory: str | None) -> KnownNames:
    """Find the names that a `Migrator` with that `directory` would find.

    There are no files if the folder is missing, or if it is outside the project and its user has not allowed that.

    Args:
        directory: The migrations folder; None means the project's.

    Raises:
        ConfigurationError: `pyproject.toml` cannot be read.
    """
    from fsapi_nb.project.configuration import EMBEDDED
    from fsapi_nb.project.permissions import find_place_request
    from fsapi_nb.project.root import expanded, find_project
    from fsapi_nb.project.trust import is_allowed

    start = Path.cwd() if directory is None else expanded(directory, "--dir").absolute()
    project = find_project(start)
    folder = project.migrations if directory is None else start
    asked = find_place_request(project, start=start if directory is None else None)
    may_list = is_allowed(project.root, asked)
    files = tuple(name for name, *_ in fingerprint(folder) if bad_file_name(name) is None) if may_list else ()
    return KnownNames(files, (*sorted(project.databases), EMBEDDED))
