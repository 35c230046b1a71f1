"""How many faults a session injects, wanted by `--faults` and told at its end, whichever worker injected them.

`pytest tests/faults --faults=all` puts a fault at every message; the default is a sample that has every kind of step.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.sweep import Tally

_KEY = "faults"
_tally = Tally()


def tally() -> Tally:
    """Return the count of this process; in the end, that of all workers."""
    return _tally


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say how many faults there are to be."""
    parser.addoption("--faults", choices=("sample", "all"), default="sample", help="how many faults are injected")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Give a worker's count to the process that started it."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = (_tally.injected, _tally.in_doubt, _tally.wrong)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the count of a worker, unless it crashed."""
    injected, in_doubt, wrong = getattr(node, "workeroutput", {}).get(_KEY, (0, 0, []))
    _tally.injected += injected
    _tally.in_doubt += in_doubt
    _tally.wrong += wrong


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many faults there were, and how many ended wrong."""
    if _tally.injected:
        terminalreporter.write_line(
            f"faults injected: {_tally.injected}, in doubt and resolved: {_tally.in_doubt}, "
            f"ended wrong: {len(_tally.wrong)}"
        )
