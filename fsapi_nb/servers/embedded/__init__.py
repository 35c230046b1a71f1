"""An embedded PostgreSQL: a server of the project's own, started from any PostgreSQL's `bin` folder (14 or later).

It starts, finds, shares and stops servers whose data lies in a project's private folder (`place`). They listen on a
socket in a private folder only (no TCP), know their clients by peer authentication, and outlive a killed client.
This package installs no PostgreSQL, loosens no permission of a folder that is not its own, and knows nothing of
migrations.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.address import ROLE, conninfo
from fsapi_nb.servers.embedded.database import answers, ensure_database
from fsapi_nb.servers.embedded.installation import default_bin_folder, inspect_installation, server_version
from fsapi_nb.servers.embedded.messages import files_of
from fsapi_nb.servers.embedded.paths import (
    find_adopted_desks,
    find_desks,
    find_foreign_desks,
    find_place,
    forget_place,
    private_folder,
    remove_place,
    take_over,
)
from fsapi_nb.servers.embedded.registry import forget, remember
from fsapi_nb.servers.embedded.server import find_or_start, leave
from fsapi_nb.servers.embedded.socket_folder import PORT
from fsapi_nb.servers.embedded.status import end
from fsapi_nb.servers.embedded.users import guard, process

__all__ = [
    "PORT",
    "ROLE",
    "adopt",
    "attach",
    "default_bin_folder",
    "desks_of_other_versions",
    "destroy",
    "detach",
    "disown",
    "foreign_desks",
    "named_place",
    "server_version",
    "stop",
]


def attach(home: Path, *, bin_folder: Path | None = None, database: str = "fsapi") -> str:
    """Make sure that the server of `home` runs and has the database; return libpq's conninfo string for it.

    `home` is the project's private folder, made (0700) where absent. `bin_folder` holds `postgres`, `initdb` and
    `pg_ctl`; None takes the installed wheel's. The process counts as a user of the server until it ends or calls
    `detach`. Safe to call often, from threads and in forked children. Raises EmbeddedServerError.
    """
    if not database or "\0" in database or len(database.encode()) > 63:
        raise EmbeddedServerError(
            f"{database!r} cannot be the name of a database.", hint="Choose a name of 1 to 63 bytes."
        )
    installation = inspect_installation(bin_folder or default_bin_folder())
    for attempt in range(3):
        folder = find_or_start(home, installation)
        try:
            ensure_database(folder, database)
            break
        except EmbeddedServerError:
            # It may have died, or been stopped, in the moment between.
            if attempt == 2 or answers(folder, database):
                raise
    return conninfo(folder, database)


def desks_of_other_versions(home: Path) -> list[Path]:
    """Return the folders of servers in `home` whose data the installed wheel cannot read, if it has none of its own there."""
    major = inspect_installation(default_bin_folder()).major
    with files_of(home):
        desks = find_desks(home)
    return [] if any(desk.name == f"postgres-{major}" for desk in desks) else desks


def foreign_desks(home: Path) -> list[Path]:
    """The folders of servers in `home` that this account has not made there. Raises EmbeddedServerError for a link."""
    with files_of(home):
        return find_foreign_desks(home)


def named_place(desk: Path) -> str:
    """Return where the record of a desk says that the data lies of the server that root starts; empty for others."""
    with files_of(desk.parent):
        place = find_place(desk)
    return "" if place is None or place.folder == desk else str(place.folder)


def adopt(desk: Path) -> None:
    """Take a folder of a server for one that this account has made: its user has looked at it."""
    with files_of(desk.parent):
        remember(desk, adopted=True)
        take_over(desk)


def disown(home: Path) -> bool:
    """Take the servers' folders of `home` that were adopted for foreign ones again; return whether there were any."""
    with files_of(home):
        found = find_adopted_desks(home)
        for desk in found:
            forget(desk)
    return bool(found)


def detach(home: Path) -> None:
    """End this process's use of the servers of `home`; one that no other process uses is stopped.

    Nothing happens where this process uses none. Raises EmbeddedServerError where a server does not stop.
    """
    with process.mutex, files_of(home):
        for desk in [desk for desk in process.uses if desk.parent == private_folder(home)]:
            leave(desk)


def stop(home: Path) -> None:
    """Stop the servers of `home`, whoever uses them; their data stays.

    Nothing happens where none runs. Raises EmbeddedServerError where a server does not stop.
    """
    with process.mutex, files_of(home):
        for desk in find_desks(home):
            with guard(desk):
                process.unuse(desk)
                if place := find_place(desk):
                    end(place)


def destroy(home: Path) -> None:
    """Stop the servers of `home`, whoever uses them, and delete all their data and `home` itself, whatever is in it.

    What lies elsewhere, as root's servers have it, is deleted only where it is `home`'s beyond doubt, and left with
    a warning otherwise. Nothing happens where there is no `home`. Raises EmbeddedServerError where a server does not
    stop or a file stays; then it can be called again.
    """
    with process.mutex, files_of(home):
        for desk in find_desks(home):
            with guard(desk):
                process.unuse(desk)
                if place := find_place(desk):
                    end(place)
                    remove_place(place)
                else:
                    forget_place(desk)
        if home.exists():
            shutil.rmtree(private_folder(home))
