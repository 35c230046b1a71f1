"""Fixtures of the fault tests, how many faults there are to be, and the count of them at the end.

`pytest tests/faults --faults=all` puts a fault at every message; the default is a sample that has every kind of step.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.sweep import Tally
from tests.faults.world import World, find_pg_dump

_tally = Tally()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", choices=("sample", "all"), default="sample", help="how many faults are injected")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _tally.injected:
        terminalreporter.write_line(
            f"faults injected: {_tally.injected}, in doubt and resolved: {_tally.in_doubt}, "
            f"ended wrong: {len(_tally.wrong)}"
        )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that take `held` run with those of their module's HELD; without --faults=all, with the first SAMPLE of them."""
    if "held" in metafunc.fixturenames and hasattr(metafunc.module, "HELD"):
        held = metafunc.module.HELD if wants_all(metafunc.config) else metafunc.module.HELD[: metafunc.module.SAMPLE]
        metafunc.parametrize("held", held, ids=lambda each: each.name)


def wants_all(config: pytest.Config) -> bool:
    """Whether every fault is wanted, and not a sample of them."""
    return bool(config.getoption("--faults", "sample") == "all")


@pytest.fixture(scope="session")
def every_fault(request: pytest.FixtureRequest) -> bool:
    """Whether every fault is wanted, and not a sample of them."""
    return wants_all(request.config)


@pytest.fixture(scope="session")
def tally() -> Tally:
    """The count of all faults of the session."""
    return _tally


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The server that the tests have, for cases of faults."""
    binaries = request.config.getoption("--postgres-bin")
    pg_dump = find_pg_dump(server, Path(binaries) if binaries else None)
    if pg_dump is None:
        pytest.skip("no pg_dump of the server's version is here to compare databases with")
    yield World(server, tmp_path_factory.mktemp("faults"), pg_dump)
