"""One server and its users: it is found or started by whoever comes, and stopped by the last one who goes.

How it is started and ended is in `start` and `status`; who its users are, in `users`.
"""

from __future__ import annotations

import logging
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.data_folder import initialise_data
from fsapi_nb.servers.embedded.installation import Installation
from fsapi_nb.servers.embedded.installation_copy import enterable_bin_folder
from fsapi_nb.servers.embedded.messages import files_of
from fsapi_nb.servers.embedded.paths import (
    ServerPaths,
    abandoned_places,
    find_place,
    make_desk,
    make_place,
    refuse_foreign_desk,
)
from fsapi_nb.servers.embedded.record import Record
from fsapi_nb.servers.embedded.registry import is_recorded, name_data, remember
from fsapi_nb.servers.embedded.socket_folder import make_socket_folder, remove_socket_folder
from fsapi_nb.servers.embedded.start import start
from fsapi_nb.servers.embedded.status import end, where_it_answers, where_it_settles
from fsapi_nb.servers.embedded.users import guard, is_used, process

_log = logging.getLogger(__name__)


def find_or_start(home: Path, installation: Installation) -> Path:
    """The socket folder of the server, which this process counts as a user of from now on."""
    with process.mutex, files_of(home):
        process.register(at_exit=_leave_all)
        desk = make_desk(home, installation.major)
        folder = _find(desk, installation) if process.still_uses(desk) else None
        if folder is None:
            with guard(desk):
                folder = _bring_up(desk, installation)
                process.use(desk)
        return folder


def _find(desk: Path, installation: Installation) -> Path | None:
    """The socket folder of a server that is ready and runs from these binaries."""
    place = find_place(desk) if _runs_from(desk, installation) else None
    return where_it_answers(place) if place else None


def _runs_from(desk: Path, installation: Installation) -> bool:
    return Record.read(desk).bin_folder == str(installation.bin_folder)


def _bring_up(desk: Path, installation: Installation) -> Path:
    """Find the running server or start one; return its socket folder. The guard is held."""
    refuse_foreign_desk(desk)
    if not is_recorded(desk):
        remember(desk)
    place = make_place(desk)
    folder = where_it_settles(place)
    if folder is not None:
        if _runs_from(desk, installation):
            return folder
        _make_way(place, installation)
    name_data(desk)
    place = make_place(desk)
    bin_folder = enterable_bin_folder(installation, place.account)
    if not (place.data / "PG_VERSION").exists():
        for abandoned in abandoned_places(desk):
            end(abandoned)  # its project's folder was deleted while it ran: nobody else will ever stop it
        initialise_data(place, bin_folder)
    return _start(place, installation, bin_folder)


def _start(place: ServerPaths, installation: Installation, bin_folder: Path) -> Path:
    """Start the server in a socket folder of its own; return that."""
    remove_socket_folder(place)
    folder = make_socket_folder(place)
    at = str(place.folder) if place.account else ""
    Record(str(installation.bin_folder), str(folder), at).write(place.desk)
    start(place, bin_folder, folder)
    return folder


def _make_way(place: ServerPaths, installation: Installation) -> None:
    """Stop a server that runs from other binaries than those asked for, unless somebody else uses it."""
    used = process.still_uses(place.desk)
    process.unuse(place.desk)
    if is_used(place.desk):
        if used:
            process.use(place.desk)
        raise EmbeddedServerError(
            f"The embedded server runs from {Record.read(place.desk).bin_folder}, not from {installation.bin_folder}, "
            "and other processes use it.",
            hint="End them (kernels, terminals), or set postgres_bin in [tool.fsapi_nb] to the first of these folders.",
        )
    end(place)


def leave(desk: Path, *, at_exit: bool = False) -> None:
    """End this process's use; stop the server if it was the last user."""
    if not desk.exists():
        process.unuse(desk)  # the project was deleted; a server without its data ends by itself
        return
    with guard(desk, at_exit=at_exit):
        process.unuse(desk)
        place = find_place(desk)
        if place and not is_used(desk):
            end(place)


def _leave_all() -> None:
    """What happens when the process ends, where nobody is left to handle an error."""
    for desk in list(process.uses):
        try:
            leave(desk, at_exit=True)
        except (EmbeddedServerError, OSError) as error:
            _log.warning("The embedded server was left running: %s", error)
