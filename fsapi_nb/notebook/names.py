"""What can be named by somebody who types a command: the files of the folder and the databases of the project.

Lists the folder and reads `pyproject.toml`; connects to nothing, reads no migration and parses no SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.folder.read import fingerprint
from fsapi_nb.script.naming import bad_file_name


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The files of sound name, in order, and the databases that need no URL."""

    migrations: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()


def find_names(directory: str | None) -> KnownNames:
    """The names as a `Migrator` with that `directory` would find them; no files where there is no such folder, or it is elsewhere.

    Raises ConfigurationError where the `pyproject.toml` cannot be read.
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
