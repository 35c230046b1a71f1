"""A project's private folder (its home), and the server folders in it.

A project may have come from anybody. So no link is followed in place of these folders, no folder of another user is
used, and no server is started in a folder that this account has not made or adopted (`registry`).
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from fsapi_nb.errors import EmbeddedServerError
from fsapi_nb.project.private_files import replace_file
from fsapi_nb.servers.embedded.messages import OTHER_DATABASE
from fsapi_nb.servers.embedded.paths import find_paths
from fsapi_nb.servers.embedded.registry import is_adopted, is_own
from fsapi_nb.servers.embedded.root_folder import assign, may_be_of_another

_HOME = ".fsapi_nb"
_UNTOUCHED = "not started; nothing was written."


def resolve_home(home: Path) -> Path:
    """Return `home` with the links above the project resolved.

    Raises EmbeddedServerError if `home` itself is a link. A link in place of the `.fsapi_nb` that `home` lies in is
    refused, too.
    """
    above = resolve_home(home.parent) if home.parent.name == _HOME else home.parent.resolve()
    folder = above / home.name
    _refuse_link(folder)
    return folder


def make_server_folder(home: Path, major: int) -> Path:
    """Make `home` and the server folder of a major version in it, if they are missing; return the latter."""
    home = resolve_home(home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_other_owner(home)
    if home.stat().st_mode & 0o077:
        home.chmod(0o700)
    if not (home / ".gitignore").exists():
        replace_file(home / ".gitignore", "*\n")
    server_folder = home / f"postgres-{major}"
    _refuse_link(server_folder)
    server_folder.mkdir(mode=0o700, exist_ok=True)
    _refuse_other_owner(server_folder)
    return server_folder


def find_server_folders(home: Path) -> list[Path]:
    """Return the server folders of `home` whose servers this account has started."""
    home = resolve_home(home)
    if home.exists():
        _refuse_other_owner(home)
    found = sorted(record.parent for record in home.glob("postgres-*/server.json"))
    return [folder for folder in found if not folder.is_symlink() and is_own(folder)]


def find_foreign_folders(home: Path) -> list[Path]:
    """Return the server folders of `home` that this account has not made.

    They came with the project, or are copies. A server folder of root's whose record names the data of another one is
    foreign, too.
    """
    return [folder for folder in _all_server_folders(home) if _is_foreign(folder)]


def find_adopted_folders(home: Path) -> list[Path]:
    """Return the server folders of `home` that were foreign until their user trusted them."""
    return [folder for folder in _all_server_folders(home) if is_adopted(folder)]


def assign_data(server_folder: Path) -> None:
    """Let the data that the record of root's server folder names belong to that folder."""
    if (paths := find_paths(server_folder)) and paths.is_elsewhere:
        assign(paths.config_folder, server_folder)


def refuse_foreign_folder(server_folder: Path) -> None:
    """Raise EmbeddedServerError for a foreign server folder, whose data may run programs."""
    if _is_foreign(server_folder):
        raise EmbeddedServerError(
            f"{server_folder} was not made here by fsapi_nb: its server could run programs that its files name",
            state="not started; the folder is unchanged.",
            hint="a server folder that was copied, or came with an archive, is not started. If you do not need it: rm -r "
            f"{shlex.quote(str(server_folder))}, and the next start makes an empty one. {OTHER_DATABASE}",
        )


def _all_server_folders(home: Path) -> list[Path]:
    found = resolve_home(home).glob("postgres-*")
    return sorted(folder for folder in found if folder.is_dir() and not folder.is_symlink())


def _is_foreign(server_folder: Path) -> bool:
    if not is_own(server_folder):
        return True
    paths = find_paths(server_folder)
    return paths is not None and paths.is_elsewhere and may_be_of_another(paths.config_folder, server_folder)


def _refuse_link(folder: Path) -> None:
    """Raise EmbeddedServerError for a link: the folder that it leads to would be changed."""
    if folder.is_symlink():
        raise EmbeddedServerError(
            f"{folder} is a link, and fsapi_nb keeps its data in folders only",
            state=_UNTOUCHED,
            hint=f"remove the link (rm {shlex.quote(str(folder))}): the next start makes a folder. {OTHER_DATABASE}",
        )


def _refuse_other_owner(folder: Path) -> None:
    """Raise EmbeddedServerError for a folder of another user.

    The records in it say which files are removed and which process is ended.
    """
    if folder.stat().st_uid != os.geteuid():
        raise EmbeddedServerError(
            f"{folder} belongs to another user",
            state=_UNTOUCHED,
            hint=f"run as that user, or give this one a project folder of its own. {OTHER_DATABASE}",
        )
