"""Fixtures of the fault tests, and which faults they are run with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import count
from tests.faults.sweep import Tally
from tests.faults.world import World, find_pg_dump


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that take `held` run with those of their module's HELD; without --faults=all, with the first SAMPLE of them."""
    if "held" in metafunc.fixturenames and hasattr(metafunc.module, "HELD"):
        held = metafunc.module.HELD if wants_all(metafunc.config) else metafunc.module.HELD[: metafunc.module.SAMPLE]
        metafunc.parametrize("held", held, ids=lambda each: each.name)


def wants_all(config: pytest.Config) -> bool:
    """Whether every fault is wanted, and not a sample of them."""
    return bool(config.getoption("--faults") == "all")


@pytest.fixture(scope="session")
def every_fault(request: pytest.FixtureRequest) -> bool:
    """Whether every fault is wanted, and not a sample of them."""
    return wants_all(request.config)


@pytest.fixture(scope="session")
def tally() -> Tally:
    """The count of all faults of the session."""
    return count.tally()


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The server that the tests have, for cases of faults."""
    binaries = request.config.getoption("--postgres-bin")
    pg_dump = find_pg_dump(server, Path(binaries) if binaries else None)
    if pg_dump is None:
        pytest.skip("no pg_dump of the server's version is here to compare databases with")
    world = World(server, tmp_path_factory.mktemp("faults"), pg_dump)
    yield world
    world.close()
