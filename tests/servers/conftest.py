"""Fixtures: places for embedded servers of the tests' own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsapi_nb.servers import embedded
from fsapi_nb.servers.embedded import root_folder
from tests.servers.embedded_servers import Homes


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homes]:
    """A maker of homes; their servers are stopped and removed in the end, whatever the tests did."""
    made: list[Path] = []
    had_base = root_folder.ROOT_BASES[0].exists()

    def make(name: str = ".fsapi_nb") -> Path:
        made.append(tmp_path_factory.mktemp("project") / name)
        return made[-1]

    yield make
    for home in made:
        embedded.destroy(home)
    if not had_base:
        with contextlib.suppress(OSError):
            root_folder.ROOT_BASES[0].rmdir()
