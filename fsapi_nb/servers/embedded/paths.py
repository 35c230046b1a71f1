"""Where the parts of one server lie, and which account they belong to.

Nothing here knows whether the server runs.

    <home>/                     0700, the project's, ignored by git
      postgres-18/              the server folder: one for each major version, as its data fits no other
        server.json             the binaries that the server runs from, its socket folder, and root's folder (`record`)
        made                    a note: this account has made the folder (`registry`)
        start.lock, users.lock  the locks of processes that start, stop or use the server (`users`)
        server.lock             the lock of the server itself, and of the tools that make its data (`users`)
        pg_hba.conf, pg_ident.conf, postgres.log
        data-<number>/          the data folder, by a name that what is brought later cannot know (`registry`)

For root, the last three lines lie elsewhere (`root_folder`), and the data folder is called `data`.
"""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from fsapi_nb.servers.embedded.account import Account, account_of, powerless_account
from fsapi_nb.servers.embedded.record import Record
from fsapi_nb.servers.embedded.registry import data_name, unregister
from fsapi_nb.servers.embedded.root_folder import (
    assign,
    belongs_to,
    belongs_to_another,
    find_abandoned_folders,
    is_root_folder,
    make_root_folder,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerPaths:
    """The folders of one server, and the account that it runs as; None is the account of this process.

    `server_folder` holds the record and the clients' locks. `config_folder` holds the configuration and the server's
    lock, and belongs to the account of this process, too. `private_folder` belongs to the account that the server runs
    as, and holds what the server writes. The three are one, except for root.
    """

    server_folder: Path
    config_folder: Path
    private_folder: Path
    account: Account | None
    data_name: str = "data"

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.private_folder / self.data_name

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.private_folder / "postgres.log"

    @property
    def lock(self) -> Path:
        """The file that the server holds a lock on while it runs."""
        return self.config_folder / "server.lock"

    @property
    def uid(self) -> int:
        """The number of the account that the server runs as."""
        return self.account.uid if self.account else os.geteuid()

    @property
    def is_elsewhere(self) -> bool:
        """Whether the data lies outside of the server folder, as that of root's servers does."""
        return self.config_folder != self.server_folder


def find_paths(server_folder: Path) -> ServerPaths | None:
    """Return the paths of a server that was started before; None if root has started none."""
    if os.geteuid() != 0:
        return _paths_inside(server_folder)
    named = Record.read(server_folder).root_folder
    folder = Path(named)
    if not named or not is_root_folder(folder) or belongs_to_another(folder, server_folder):
        return None
    private = folder / "server"
    return _paths_of_root(server_folder, folder, account_of(private.stat().st_uid) if private.exists() else None)


def make_paths(server_folder: Path) -> ServerPaths:
    """Return the paths of a server, and make root's folder for it if there is none.

    Raises EmbeddedServerError, OSError.
    """
    if os.geteuid() != 0:
        return _paths_inside(server_folder)
    found = find_paths(server_folder)
    if found and found.private_folder.is_dir():
        assign(found.config_folder, server_folder)
        return found
    record = Record.read(server_folder)
    if record.root_folder:
        reason = "its data in %r is gone, or belongs to the project that this is a copy of"
        _log.warning(
            f"The embedded server of %r begins empty: {reason}.", str(server_folder.parent), record.root_folder
        )
    account = powerless_account()
    folder = make_root_folder(server_folder, account)
    Record(record.bin_folder, "", str(folder)).write(server_folder)
    return _paths_of_root(server_folder, folder, account)


def find_abandoned_paths(server_folder: Path) -> list[ServerPaths]:
    """Return the paths of root's servers of an earlier server folder that was deleted or moved away."""
    folders = find_abandoned_folders(server_folder)
    return [_paths_of_root(server_folder, folder, powerless_account()) for folder in folders]


def remove_data(paths: ServerPaths) -> None:
    """Delete what a stopped server has outside of its server folder; warn if it may be another one's.

    A record that names the folder does not prove it: the record may have been copied, or have come with a project.
    Raises OSError.
    """
    unregister(paths.server_folder)
    if not paths.is_elsewhere or not paths.config_folder.exists():
        return
    if not belongs_to(paths.config_folder, paths.server_folder):
        _warn_of_data(str(paths.config_folder), paths.server_folder)
        return
    # The data goes first: what an interrupted removal leaves then still says which server folder it belongs to.
    if paths.private_folder.exists():
        shutil.rmtree(paths.private_folder)
    shutil.rmtree(paths.config_folder)


def warn_of_data_elsewhere(server_folder: Path) -> None:
    """Warn that the data which the record names is not deleted, as it may be another server's."""
    if named := Record.read(server_folder).root_folder:
        _warn_of_data(named, server_folder)


def _warn_of_data(folder: str, server_folder: Path) -> None:
    _log.warning("%r was not deleted: it may not be the embedded server's of %r.", folder, str(server_folder))


def _paths_inside(server_folder: Path) -> ServerPaths:
    return ServerPaths(server_folder, server_folder, server_folder, None, data_name(server_folder))


def _paths_of_root(server_folder: Path, folder: Path, account: Account | None) -> ServerPaths:
    return ServerPaths(server_folder, folder, folder / "server", account)
