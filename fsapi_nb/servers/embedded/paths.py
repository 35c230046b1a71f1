"""Where a server's data and records lie, and whose they are. Nothing here knows whether the server runs.

    <home>/                     0700, the project's, git-ignored
      postgres-18/              the desk: one for each major version, as its data fits no other
        server.json             which binaries it runs from, where its socket and, for root, its data are
        made                    by which this account knows again that it has made the desk (`made`)
        start.lock              held while a server is started or stopped
        users.lock              held, shared, by each process that uses the server; the last one stops it
        server.lock             held by the server itself, so that "does it run?" needs no guess from a process id,
                                and by the tools that make its data
        pg_hba.conf, pg_ident.conf, postgres.log
        data-<number>/          the data, by a name that what is brought into the project later cannot know (`made`)

For root, the last three lines lie elsewhere (`root_folder`), and the data is called `data`. A project may have come from anybody: no link is followed in
place of these folders, and what the record says is checked.
"""

from __future__ import annotations

import logging
import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.servers.embedded.account import Account, account_of, powerless_account
from fsapi_nb.servers.embedded.messages import OTHER_DATABASE
from fsapi_nb.servers.embedded.record import Record, write_file
from fsapi_nb.servers.embedded.registry import data_name, forget, is_adopted, is_made
from fsapi_nb.servers.embedded.root_folder import (
    abandoned_folders,
    belongs_to,
    belongs_to_another,
    give_to,
    is_root_folder,
    make_root_folder,
    may_be_of_another,
)

_log = logging.getLogger(__name__)
_NAME = ".fsapi_nb"


@dataclass(frozen=True, slots=True)
class ServerPaths:
    """Where one server lives.

    `desk` holds the record and the clients' locks. `folder` is ours too and holds the configuration and the server's
    lock; `private` belongs to the account that the server runs as, and holds what it writes. The three are one,
    save for root.
    """

    desk: Path
    folder: Path
    private: Path
    account: Account | None
    name: str = "data"

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.private / self.name

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.private / "postgres.log"

    @property
    def uid(self) -> int:
        """The number of the account that the server runs as."""
        return self.account.uid if self.account else os.geteuid()


def private_folder(home: Path) -> Path:
    """Return `home` with the links above the project resolved. Raises EmbeddedServerError if it is a link itself.

    So is a link refused in place of the `.fsapi_nb` that another home lies in.
    """
    above = private_folder(home.parent) if home.parent.name == _NAME else home.parent.resolve()
    folder = above / home.name
    _refuse_link(folder)
    return folder


def make_desk(home: Path, major: int) -> Path:
    """Make `home` and, in it, the desk of the version; return that."""
    home = private_folder(home)
    desk = home / f"postgres-{major}"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owner(home)
    if home.stat().st_mode & 0o077:
        home.chmod(0o700)
    if not (home / ".gitignore").exists():
        write_file(home / ".gitignore", "*\n")
    _refuse_link(desk)
    desk.mkdir(mode=0o700, exist_ok=True)
    _check_owner(desk)
    return desk


def find_desks(home: Path) -> list[Path]:
    """The desks of `home` whose servers this account has started."""
    home = private_folder(home)
    if home.exists():
        _check_owner(home)
    found = sorted(record.parent for record in home.glob("postgres-*/server.json"))
    return [desk for desk in found if not desk.is_symlink() and is_made(desk)]


def find_foreign_desks(home: Path) -> list[Path]:
    """The desks of `home` that this account has not made: they came with the project, or are copies.

    So is one of root's whose record names the data of another.
    """
    return [desk for desk in _folders_of(home) if _is_foreign(desk)]


def _is_foreign(desk: Path) -> bool:
    place = find_place(desk) if is_made(desk) else None
    return not is_made(desk) or (place is not None and place.folder != desk and may_be_of_another(place.folder, desk))


def take_over(desk: Path) -> None:
    """Let the data that the record of root's desk names belong to it."""
    if (place := find_place(desk)) and place.folder != desk:
        give_to(place.folder, desk)


def find_adopted_desks(home: Path) -> list[Path]:
    """The desks of `home` that were foreign until their user trusted them."""
    return [desk for desk in _folders_of(home) if is_adopted(desk)]


def _folders_of(home: Path) -> list[Path]:
    found = private_folder(home).glob("postgres-*")
    return sorted(desk for desk in found if desk.is_dir() and not desk.is_symlink())


def _refuse_link(folder: Path) -> None:
    """Refuse a link where a folder of fsapi_nb belongs: what it leads to would be changed."""
    if folder.is_symlink():
        raise EmbeddedServerError(
            f"{folder} is a link, and fsapi_nb keeps its data in folders only.",
            state="not started; nothing was written.",
            hint=f"Remove the link (rm {shlex.quote(str(folder))}): the next start makes a folder. {OTHER_DATABASE}",
        )


def _check_owner(home: Path) -> None:
    """Refuse a folder whose records another user wrote: they say which files to remove and what to end."""
    if home.stat().st_uid != os.geteuid():
        raise EmbeddedServerError(
            f"{home} belongs to another user.",
            state="not started; nothing was written.",
            hint=f"Run as that user, or give this one a project folder of its own. {OTHER_DATABASE}",
        )


def refuse_foreign_desk(desk: Path) -> None:
    """Refuse a desk that this account has not made: settings and functions in its data may run programs."""
    if _is_foreign(desk):
        raise EmbeddedServerError(
            f"{desk} was not made here by fsapi_nb: its server could run programs that its files name.",
            state="not started; the folder is unchanged.",
            hint=f"A copy, and what came with an archive, is no folder to start. If you do not need it: rm -r "
            f"{shlex.quote(str(desk))}, and the next start makes an empty one. {OTHER_DATABASE}",
        )


def find_place(desk: Path) -> ServerPaths | None:
    """The place of a server that was started before; None if root has started none."""
    if os.geteuid() != 0:
        return ServerPaths(desk, desk, desk, None, data_name(desk))
    record = Record.read(desk)
    folder = Path(record.place)
    if not record.place or not is_root_folder(folder) or belongs_to_another(folder, desk):
        return None
    private = folder / "server"
    return ServerPaths(desk, folder, private, account_of(private.stat().st_uid) if private.exists() else None)


def make_place(desk: Path) -> ServerPaths:
    """The place of the server, made if it is not there."""
    if os.geteuid() != 0:
        return ServerPaths(desk, desk, desk, None, data_name(desk))
    record = Record.read(desk)
    found = find_place(desk)
    if found and found.private.is_dir():
        give_to(found.folder, desk)
        return found
    if record.place:
        reason = "its data in %r is gone, or belongs to the project that this is a copy of"
        _log.warning(f"The embedded server of %r begins empty: {reason}.", str(desk.parent), record.place)
    account = powerless_account()
    folder = make_root_folder(desk, account)
    Record(record.bin_folder, "", str(folder)).write(desk)
    return ServerPaths(desk, folder, folder / "server", account)


def abandoned_places(desk: Path) -> list[ServerPaths]:
    """Places of root's servers that an earlier desk of the same path had, which was deleted or moved away."""
    return [ServerPaths(desk, folder, folder / "server", powerless_account()) for folder in abandoned_folders(desk)]


def forget_place(desk: Path) -> None:
    """Warn of what the record of a desk names that is not deleted with it, since root has not made it for that."""
    if named := Record.read(desk).place:
        _log.warning("%r was not deleted: it may not be the embedded server's of %r.", named, str(desk))


def remove_place(place: ServerPaths) -> None:
    """Delete what a stopped server has outside its desk, if that is beyond doubt ours; warn where it is not.

    A record that names the folder is no proof: it may have been copied, or have come with a cloned project.
    """
    forget(place.desk)
    if place.folder == place.desk or not place.folder.exists():
        return
    if not belongs_to(place.folder, place.desk):
        _log.warning(
            "%r was not deleted: it may not be the embedded server's of %r.", str(place.folder), str(place.desk)
        )
        return
    # Before the file `desk`, so that what an interrupted removal leaves can still be told to be ours.
    if place.private.exists():
        shutil.rmtree(place.private)
    shutil.rmtree(place.folder)
