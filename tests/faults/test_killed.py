"""The client is killed in the middle of a statement: the server gives it up soon, and one more run completes."""

from __future__ import annotations

from tests.faults.client import client
from tests.faults.held import (
    COMMIT,
    CONCURRENT,
    IN_TRANSACTION,
    LOCK_WAIT,
    LONG_COPY,
    NOBODY_AT_WORK,
    SHORT_COPY,
    STANDS_STILL,
    Held,
    assert_one_more_run_completes,
    holding,
    stage,
)
from tests.faults.sweep import Tally
from tests.faults.world import World

HELD = [IN_TRANSACTION, LONG_COPY, *CONCURRENT, LOCK_WAIT, COMMIT, SHORT_COPY]
SAMPLE = 5


def test_a_killed_clients_statement_ends_and_one_more_run_completes(world: World, held: Held, tally: Tally) -> None:
    """The lock is free within seconds, though what the statement waited for is still there."""
    with stage(world, held) as place:
        with (
            holding(place, held),
            client(place.address, place.folder, lock_timeout="1min", statement_timeout="10min") as runner,
        ):
            place.wait_for(STANDS_STILL)
            runner.kill()
            place.wait_for(NOBODY_AT_WORK)
            place.await_quiet()
        with tally.judging(f"killed in {held.name}"):
            assert_one_more_run_completes(world, held, place)
