"""Ctrl-C wherever a run can stand: the statement ends on the server, the lock is free, and one more run completes."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.faults.client import Client, client
from tests.faults.held import (
    BUILD,
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
from tests.faults.world import Place, World


def assert_interrupted(runner: Client, place: Place) -> str:
    """It says so, and nothing of it goes on; return what it says."""
    runner.interrupt()
    outcome, text = runner.outcome()
    assert outcome == "Interrupted", text
    place.wait_for(NOBODY_AT_WORK)
    place.await_quiet()
    return text


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (IN_TRANSACTION, "was rolled back and left nothing behind"),
        (LOCK_WAIT, "was rolled back and left nothing behind"),
        (COMMIT, "was rolled back and left nothing behind"),
        (SHORT_COPY, "was rolled back and left nothing behind"),
        (LONG_COPY, "was rolled back and left nothing behind"),
        *((each, "the next run looks whether it happened") for each in CONCURRENT),
    ],
    ids=lambda value: value.name if isinstance(value, Held) else "",
)
def test_ctrl_c_in_a_statement_ends_it_and_one_more_run_completes(
    world: World, held: Held, said: str, tally: Tally
) -> None:
    """In a sleep, a lock wait, a COMMIT, a COPY and every kind of CONCURRENTLY."""
    with stage(world, held) as place:
        with holding(place, held), client(place.address, place.folder, lock_timeout="1min") as runner:
            place.wait_for(STANDS_STILL)
            assert said in assert_interrupted(runner, place)
        with tally.judging(f"interrupted in {held.name}"):
            assert_one_more_run_completes(world, held, place)


def test_ctrl_c_between_two_attempts_leaves_nothing_and_one_more_run_completes(world: World, tally: Tally) -> None:
    """A run that pauses before it tries again for a lock."""
    with stage(world, LOCK_WAIT) as place:
        with holding(place, LOCK_WAIT), client(place.address, place.folder, lock_timeout="20ms") as runner:
            for _ in range(4):  # the pauses grow
                runner.await_word("pauses")
            assert_interrupted(runner, place)
        with tally.judging("interrupted between two attempts"):
            assert_one_more_run_completes(world, LOCK_WAIT, place)


def test_ctrl_c_while_another_runner_is_waited_for_disturbs_nobody(world: World, tally: Tally) -> None:
    """The other one goes on, and completes."""
    with stage(world, BUILD) as place:
        with ExitStack() as stack:
            with holding(place, BUILD):
                other = stack.enter_context(client(place.address, place.folder, lock_timeout="1min"))
                place.wait_for(STANDS_STILL)
                runner = stack.enter_context(client(place.address, place.folder))
                runner.await_word("awaits a lock")
                runner.interrupt()
                assert runner.outcome()[0] in {"Interrupted", "KeyboardInterrupt"}
                place.wait_for(STANDS_STILL)
            assert other.outcome() == ("done", "")
        with tally.judging("interrupted while another runner was waited for"):
            assert_one_more_run_completes(world, BUILD, place)
