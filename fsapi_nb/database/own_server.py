"""The embedded server of a project, started once its user has allowed what that takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fsapi_nb.database import embedded
from fsapi_nb.database.requests import Request, data_request
from fsapi_nb.database.trust import require


def start_embedded(
    root: Path, home: Path, requests: Sequence[Request], *, bin_folder: Path | None, database: str
) -> str:
    """Make sure that the server of `home` runs; return the address of its database.

    Raises Untrusted if the project in `root` asks for what is not allowed, EmbeddedServerError.
    """
    foreign = embedded.foreign_desks(home)
    require(root, (*requests, *map(data_request, foreign)))
    for desk in foreign:
        embedded.adopt(desk)
    return embedded.attach(home, bin_folder=bin_folder, database=database)


def data_requests(home: Path) -> tuple[Request, ...]:
    """What data that this account has not made asks for, in a home and in that for tests below it."""
    return tuple(data_request(desk) for each in (home, home / "tests") for desk in embedded.foreign_desks(each))
