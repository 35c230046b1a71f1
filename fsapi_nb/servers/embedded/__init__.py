"""An embedded PostgreSQL: a server of a project's own, run from any PostgreSQL's binaries.

This package starts, finds, shares and stops servers whose data lies in a project's private folder, its `home`
(`paths`). They listen on a socket in a private folder only (no TCP), and let in the account that started them, by peer
authentication. A server belongs to all processes that use it, and outlives a killed one (`server`). PostgreSQL is not
installed here, permissions of other folders are never changed, and migrations are not known here. Any PostgreSQL from
version 14 on will do.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.address import ROLE, conninfo
from fsapi_nb.servers.embedded.database import answers, ensure_database
from fsapi_nb.servers.embedded.installation import default_bin_folder, inspect_installation, server_version
from fsapi_nb.servers.embedded.messages import files_of
from fsapi_nb.servers.embedded.paths import find_paths, remove_data, warn_of_data_elsewhere
from fsapi_nb.servers.embedded.registry import register, unregister
from fsapi_nb.servers.embedded.server import find_or_start, leave
from fsapi_nb.servers.embedded.server_folder import (
    assign_data,
    find_adopted_folders,
    find_foreign_folders,
    find_server_folders,
    resolve_home,
)
from fsapi_nb.servers.embedded.shutdown import shut_down
from fsapi_nb.servers.embedded.socket_folder import PORT
from fsapi_nb.servers.embedded.status import ready_socket_folder
from fsapi_nb.servers.embedded.users import process, start_lock

__all__ = [
    "PORT",
    "ROLE",
    "adopt",
    "attach",
    "data_elsewhere",
    "default_bin_folder",
    "destroy",
    "detach",
    "disown",
    "folders_of_other_versions",
    "foreign_folders",
    "runs",
    "server_version",
    "stop",
]

_ATTEMPTS = 3
_MOST_BYTES = 63  # of a name in PostgreSQL


def attach(home: Path, *, bin_folder: Path | None = None, database: str = "fsapi") -> str:
    """Start the server of `home` unless it runs; return libpq's connection string for a database of it.

    The process counts as a user of the server until it ends or calls `detach`.
    Safe to call often, from threads and in forked children.

    Args:
        home: the project's private folder, made (0700) if it is missing.
        bin_folder: the folder with `postgres`, `initdb` and `pg_ctl`; None is that of the installed wheel.
        database: the name of the database, made if the server has none of that name.

    Raises:
        EmbeddedServerError: the server cannot be started, or may not be; or the database cannot be used.
    """
    if not database or "\0" in database or len(database.encode()) > _MOST_BYTES:
        raise EmbeddedServerError(
            f"{database!r} cannot be the name of a database", hint=f"choose a name of 1 to {_MOST_BYTES} bytes."
        )
    installation = inspect_installation(bin_folder or default_bin_folder())
    for attempt in range(1, _ATTEMPTS + 1):
        socket_folder = find_or_start(home, installation)
        try:
            ensure_database(socket_folder, database)
            break
        except EmbeddedServerError:
            # The server may have died, or another process may have stopped it, in the moment between.
            if attempt == _ATTEMPTS or answers(socket_folder, database):
                raise
    return conninfo(socket_folder, database)


def detach(home: Path) -> None:
    """End this process's use of the servers of `home`; a server that no other process uses is stopped.

    Nothing happens if this process uses none. Raises EmbeddedServerError if a server does not stop.
    """
    with process.mutex, files_of(home):
        for server_folder in [folder for folder in process.uses if folder.parent == resolve_home(home)]:
            leave(server_folder)


def runs(home: Path) -> bool:
    """Return whether a server of `home` is ready. Starts none, and waits for none."""
    with files_of(home):
        found = map(find_paths, find_server_folders(home))
        return any(ready_socket_folder(paths) is not None for paths in found if paths)


def stop(home: Path) -> None:
    """Stop the servers of `home`, even if other processes use them; their data stays.

    Nothing happens if none runs. Raises EmbeddedServerError if a server does not stop.
    """
    with process.mutex, files_of(home):
        for server_folder in find_server_folders(home):
            with start_lock(server_folder):
                process.unuse(server_folder)
                if paths := find_paths(server_folder):
                    shut_down(paths)


def destroy(home: Path) -> None:
    """Stop the servers of `home`, even if other processes use them, and delete `home` and all their data.

    Data that lies elsewhere, as that of root's servers does,
    is deleted only if it belongs to `home` beyond doubt; a warning is logged if it does not. Nothing happens if there
    is no `home`. Raises EmbeddedServerError if a server does not stop, or a file cannot be deleted; then it can be
    called again.
    """
    with process.mutex, files_of(home):
        for server_folder in find_server_folders(home):
            with start_lock(server_folder):
                process.unuse(server_folder)
                if paths := find_paths(server_folder):
                    shut_down(paths)
                    remove_data(paths)
                else:
                    warn_of_data_elsewhere(server_folder)
        if home.exists():
            shutil.rmtree(resolve_home(home))


def folders_of_other_versions(home: Path) -> list[Path]:
    """Return the server folders in `home` whose data the installed wheel cannot read.

    The list is empty if it has one of its own there. Raises EmbeddedServerError if no wheel is installed.
    """
    major = inspect_installation(default_bin_folder()).major
    with files_of(home):
        server_folders = find_server_folders(home)
    return [] if any(folder.name == f"postgres-{major}" for folder in server_folders) else server_folders


def foreign_folders(home: Path) -> list[Path]:
    """Return the server folders in `home` that this account has not made there.

    Raises EmbeddedServerError for a link.
    """
    with files_of(home):
        return find_foreign_folders(home)


def data_elsewhere(server_folder: Path) -> str:
    """Return the folder where the data of root's server lies; empty if it is in the server folder."""
    with files_of(server_folder.parent):
        paths = find_paths(server_folder)
    return str(paths.config_folder) if paths and paths.is_elsewhere else ""


def adopt(server_folder: Path) -> None:
    """Let a foreign server folder count as one that this account has made, as its user trusts it."""
    with files_of(server_folder.parent):
        register(server_folder, adopted=True)
        assign_data(server_folder)


def disown(home: Path) -> bool:
    """Let the adopted server folders of `home` be foreign again; return whether there were any."""
    with files_of(home):
        found = find_adopted_folders(home)
        for server_folder in found:
            unregister(server_folder)
    return bool(found)
