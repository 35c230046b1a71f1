"""The server crashes under a run, or has no room for one: after its restart, one more run completes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from fsapi_nb.errors import CannotConnect
from tests.faults.client import client
from tests.faults.cluster import Cluster
from tests.faults.held import (
    COMMIT,
    CONCURRENT,
    IN_TRANSACTION,
    STANDS_STILL,
    Held,
    assert_one_more_run_completes,
    holding,
    stage,
)
from tests.faults.sweep import Tally

_REPLICATED = Held("replicated commit", "SET LOCAL synchronous_commit = on;\nCREATE TABLE x (i int);")
_AWAITS_A_REPLICA = (
    "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'fsapi_nb'"
)

HELD = [IN_TRANSACTION, COMMIT, *CONCURRENT]
SAMPLE = 5


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server that these tests may kill."""
    binaries = request.config.getoption("--postgres-bin")
    folder = tmp_path_factory.mktemp("cluster")
    cluster = Cluster(folder / ".fsapi_nb", folder, Path(binaries) if binaries else None)
    yield cluster
    cluster.destroy()


@pytest.mark.parametrize("crash", [Cluster.kill_backend, Cluster.shut_down_at_once], ids=["backend", "server"])
def test_after_a_crash_one_more_run_completes(cluster: Cluster, held: Held, crash: object, tally: Tally) -> None:
    """In a statement, at COMMIT and in every kind of CONCURRENTLY that leaves something half done."""
    assert callable(crash)
    with stage(cluster.world, held) as place:
        with ExitStack() as stack:
            stack.enter_context(holding(place, held))
            runner = stack.enter_context(client(place.address, place.folder, lock_timeout="1min"))
            place.wait_for(STANDS_STILL)
            crash(cluster, place)
            outcome, text = runner.outcome()
            assert outcome in {"StatementFailed", "DatabaseError", "CannotConnect"}, text
        with tally.judging(f"crash in {held.name}"):
            assert_one_more_run_completes(cluster.world, held, place)


def test_ctrl_c_while_a_commit_waits_for_a_replica_tells_that_it_is_committed(cluster: Cluster, tally: Tally) -> None:
    """The same Ctrl-C as in any other COMMIT, and the opposite is true: it is looked up."""
    with stage(cluster.world, _REPLICATED) as place:
        try:
            cluster.demand_replica()
            with client(place.address, place.folder) as runner:
                place.wait_for(_AWAITS_A_REPLICA)
                runner.interrupt()
                outcome, text = runner.outcome()
        finally:
            cluster.configure("synchronous_standby_names", "")
        assert (outcome, "had been committed in that moment" in text) == ("Interrupted", True)
        with tally.judging("interrupted while a commit waited for a replica"):
            assert place.migrator().migrate().done == ()
            assert_one_more_run_completes(cluster.world, _REPLICATED, place)


def test_a_server_without_a_free_place_is_a_clear_error_and_one_more_run_completes(
    cluster: Cluster, tally: Tally
) -> None:
    """Too many clients already: nothing was run."""
    with stage(cluster.world, IN_TRANSACTION) as place:
        cluster.configure("max_connections", "8")
        cluster.restart(place)
        with ExitStack() as stack:
            with pytest.raises(psycopg.OperationalError, match="too many clients"):
                for _ in range(20):
                    stack.enter_context(psycopg.connect(place.address))
            with pytest.raises(CannotConnect, match="wait until other clients have disconnected"):
                place.migrator().migrate()
        with tally.judging("too many connections"):
            assert_one_more_run_completes(cluster.world, IN_TRANSACTION, place)
