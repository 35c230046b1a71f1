"""One server and the processes that use it: who starts it, and who stops it.

No process owns a server. The first process that needs it starts it, each that uses it holds a share of `users.lock`,
and the last that leaves stops it (`users`). Starting, stopping and the decision about either are made under
`start.lock`, so two processes never start two servers on the same data, and none stops a server that another one is
about to use. A killed process leaves the server running, with its data sound; the next last user stops it.

How a server is started and stopped is in `start` and `shutdown`.
"""

from __future__ import annotations

import logging
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.data_folder import initialise_data
from fsapi_nb.servers.embedded.installation import Installation
from fsapi_nb.servers.embedded.installation_copy import enterable_bin_folder
from fsapi_nb.servers.embedded.messages import files_of
from fsapi_nb.servers.embedded.paths import ServerPaths, find_abandoned_paths, find_paths, make_paths
from fsapi_nb.servers.embedded.record import Record
from fsapi_nb.servers.embedded.registry import is_registered, register, rename_plain_data
from fsapi_nb.servers.embedded.server_folder import make_server_folder, refuse_foreign_folder
from fsapi_nb.servers.embedded.shutdown import shut_down
from fsapi_nb.servers.embedded.socket_folder import make_socket_folder, remove_socket_folder
from fsapi_nb.servers.embedded.start import await_ready, start
from fsapi_nb.servers.embedded.status import ready_socket_folder
from fsapi_nb.servers.embedded.users import is_used, process, start_lock

_log = logging.getLogger(__name__)


def find_or_start(home: Path, installation: Installation) -> Path:
    """Return the socket folder of the server; this process counts as a user of the server from now on.

    Raises EmbeddedServerError.
    """
    with process.mutex, files_of(home):
        process.prepare(at_exit=_leave_all)
        server_folder = make_server_folder(home, installation.major)
        socket_folder = _find(server_folder, installation) if process.still_uses(server_folder) else None
        if socket_folder is None:
            with start_lock(server_folder):
                socket_folder = _find_or_start_locked(server_folder, installation)
                process.use(server_folder)
        return socket_folder


def leave(server_folder: Path, *, at_exit: bool = False) -> None:
    """Stop counting as a user of the server; stop the server if this was its last user.

    Raises EmbeddedServerError.
    """
    if not server_folder.exists():
        process.unuse(server_folder)  # the project was deleted; a server without its data ends by itself
        return
    with start_lock(server_folder, at_exit=at_exit):
        process.unuse(server_folder)
        paths = find_paths(server_folder)
        if paths and not is_used(server_folder):
            shut_down(paths)


def _leave_all() -> None:
    """Leave every server as this process ends; an error is logged, as no caller is left to handle it."""
    for server_folder in list(process.uses):
        try:
            leave(server_folder, at_exit=True)
        except (EmbeddedServerError, OSError) as error:
            _log.warning("The embedded server was left running: %s", error)


def _find(server_folder: Path, installation: Installation) -> Path | None:
    """Return the socket folder of the server if it is ready and runs from these binaries, else None."""
    paths = find_paths(server_folder) if _runs_from(server_folder, installation) else None
    return ready_socket_folder(paths) if paths else None


def _runs_from(server_folder: Path, installation: Installation) -> bool:
    return Record.read(server_folder).bin_folder == str(installation.bin_folder)


def _find_or_start_locked(server_folder: Path, installation: Installation) -> Path:
    """Return the socket folder of the running server, or start one. The caller holds `start.lock`."""
    refuse_foreign_folder(server_folder)
    if not is_registered(server_folder):
        register(server_folder)
    paths = make_paths(server_folder)
    socket_folder = await_ready(paths)
    if socket_folder is not None:
        if _runs_from(server_folder, installation):
            return socket_folder
        _make_way(paths, installation)
    rename_plain_data(server_folder)  # only now, as no server runs there
    return _start(make_paths(server_folder), installation)


def _start(paths: ServerPaths, installation: Installation) -> Path:
    """Start the server, on new data if there is none; return its socket folder."""
    bin_folder = enterable_bin_folder(installation, paths.account)
    if not (paths.data / "PG_VERSION").exists():
        for abandoned in find_abandoned_paths(paths.server_folder):
            shut_down(abandoned)  # its project's folder was deleted while it ran: no other process will ever stop it
        initialise_data(paths, bin_folder)
    remove_socket_folder(paths)
    socket_folder = make_socket_folder(paths)
    root_folder = str(paths.config_folder) if paths.account else ""
    Record(str(installation.bin_folder), str(socket_folder), root_folder).write(paths.server_folder)
    start(paths, bin_folder, socket_folder)
    return socket_folder


def _make_way(paths: ServerPaths, installation: Installation) -> None:
    """Stop a server that runs from other binaries than those asked for.

    Raises EmbeddedServerError if it is in use.
    """
    used = process.still_uses(paths.server_folder)
    process.unuse(paths.server_folder)  # so that this process is not found as a user
    if is_used(paths.server_folder):
        if used:
            process.use(paths.server_folder)
        running = Record.read(paths.server_folder).bin_folder
        raise EmbeddedServerError(
            f"the embedded server runs from {running}, not from {installation.bin_folder}, and other processes use it",
            hint="end them (kernels, terminals), or set postgres_bin in [tool.fsapi_nb] to the first of these folders.",
        )
    shut_down(paths)
