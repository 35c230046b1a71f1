"""How the tests are divided between three workers: which are slow, which share one worker, and which begin first.

It stands here because notebooks are tests as well. Tests of a group run one after the other in one worker, because what
they share is costly to make twice; all others are handed out one by one.
"""

from __future__ import annotations

import gc
import os
import sys
from dataclasses import dataclass
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

# Containers often switch the writing of bytecode off. Each of the hundreds of processes that tests start, kernels among
# them, would then compile all that it imports: two to four seconds of a core.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

from tests.notebook import clone

pytest_plugins = ["tests.faults.count"]


@dataclass(frozen=True, slots=True)
class Part:
    """Tests whose path begins with `path`: their group, and whether `-m "not slow"` leaves them out.

    Slow is what begins programs or servers of its own, waits for others, does the same hundreds of times, or is about what
    seldom is so: somebody hostile, settings that change meanwhile, a history that was moved. Slow as well are all cases but
    the first of a test that needs a database of its own.
    """

    path: str
    group: str | None = None
    slow: bool = True


#: In the order in which they begin: what takes longest first, so that all workers end at about the same time.
PARTS = (
    Part("tests/test_project.py", "ruff and mypy", slow=False),
    Part("notebooks/", "notebooks"),
    Part("tests/test_notebooks.py::test_notebooks_pass", "notebooks"),  # behind the cells, whose clone it uses
    Part("tests/notebook/lab/", "browser"),
    Part("tests/testing/test_wheel.py", "wheel"),
    Part("tests/faults/"),
    Part("tests/machine/"),
    Part("tests/notebook/test_kernel.py"),
    Part("tests/runbook/"),
    Part("tests/servers/test_embedded.py", "embedded servers"),
    Part("tests/views/test_size.py", "long lists"),
    Part("tests/test_bench.py", "benchmark"),
    Part("tests/test_abandoned_servers.py"),
    # Each starts programs of its own.
    Part("tests/cli/test_terminal.py"),
    Part("tests/testing/"),
    Part("tests/notebook/test_jupysql.py"),
    Part("tests/notebook/test_completion.py::test_a_kernel_completes"),
    Part("tests/cli/test_streams.py"),
    Part("tests/run/test_seed.py"),
    Part("tests/run/test_psql_script.py"),
    Part("tests/project/test_tokens.py"),
    Part("tests/cli/test_cli.py::test_ctrl_c"),
    Part("tests/project/test_trust.py::test_a_terminal_asks_once"),
    Part("tests/servers/test_foreign_folders.py"),
    # Each waits for locks and sessions of others.
    Part("tests/postgres/test_blockers.py"),
    Part("tests/run/test_locked_alone.py"),
    Part("tests/plan/test_other_session.py"),
    Part("tests/run/test_halfway.py"),
    Part("tests/run/test_watch.py"),
    # Each makes hundreds of changes or values, or runs every verb in many ways.
    Part("tests/notebook/test_canary.py"),
    Part("tests/catalog/test_planted.py"),
    Part("tests/catalog/test_catalog.py"),
    Part("tests/catalog/test_comparison.py"),
    Part("tests/catalog/test_every_page.py"),
    Part("tests/catalog/test_write_change.py"),
    Part("tests/query/test_every_type.py"),
    Part("tests/test_databases.py"),
    Part("tests/test_example.py"),
    Part("tests/postgres/test_hostile_settings.py"),
    Part("tests/script/test_statements.py::test_no_bytes_make_the_reader_raise"),
    # Its cases run once for all its tests.
    Part("tests/actions/test_lock_rules.py", "lock rules", slow=False),
    # Each makes several scratch databases.
    Part("tests/verbs/test_drift.py"),
    Part("tests/verbs/test_diff.py"),
    Part("tests/verbs/test_make_diff.py"),
    # Each is about what seldom is so.
    Part("tests/run/test_new_settings.py"),
    Part("tests/run/test_unseen_settings.py"),
    Part("tests/history/test_moved_history.py"),
    Part("tests/views/test_hostile_names.py"),
    Part("tests/history/test_hostile_history.py"),
    Part("tests/history/test_strangers.py"),
    Part("tests/notebook/test_planted.py"),
    Part("", slow=False),
)


def pytest_configure(config: pytest.Config) -> None:
    """Let notebooks run in a clone."""
    clone.install(config)


@pytest.hookimpl(tryfirst=True)  # before `-m` is asked
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests, and put all of them in the order of their parts."""
    parts = {item: _part_of(item.nodeid) for item in items}
    begun: set[str] = set()
    for item, part in parts.items():
        test = item.nodeid.partition("[")[0]
        is_another_case = test in begun and "database" in getattr(item, "fixturenames", ())
        begun.add(test)
        if part.slow or is_another_case:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: PARTS.index(parts[item]))


def pytest_collection_finish() -> None:
    """Keep what was imported and collected, which lives as long as the session, out of each later collection of garbage.

    IPython's `%reset`, which ends each test of cells, asks for one.
    """
    gc.collect()
    gc.freeze()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduler:
    """Hand out the tests of a group together. By the path, since pytest 9.2 ignores what xdist makes of its marks."""
    return Scheduler(config, log)


class Scheduler(LoadGroupScheduling):  # type: ignore[misc]  # xdist is not typed
    """Hands out groups of tests, and the other tests one by one, in their order."""

    def _split_scope(self, nodeid: str) -> str:
        return _part_of(nodeid).group or super()._split_scope(nodeid)


def _part_of(nodeid: str) -> Part:
    """Return the part that the test belongs to."""
    return next(part for part in PARTS if nodeid.startswith(part.path))
