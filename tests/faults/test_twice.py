"""A fault in the run that mends an earlier fault: mending can be interrupted too, and one more run completes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from fsapi_nb.errors import FsapiError
from fsapi_nb.model.migration import Direction
from tests.faults.held import CONCURRENT, STANDS_STILL, Held, assert_one_more_run_completes, holding, stage
from tests.faults.proxy import Message
from tests.faults.sweep import Case, Fault, Tally, disturb, steps_of
from tests.faults.world import Place, World

_LOST = (Fault.REQUEST_LOST, Fault.ANSWER_LOST)
HELD = CONCURRENT
SAMPLE = 3
_TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'fsapi_nb'
"""


@contextmanager
def half_done(world: World, held: Held) -> Iterator[Place]:
    """A place where the connection was lost in the middle of the statement."""
    with stage(world, held) as place:
        with holding(place, held):
            runner = threading.Thread(
                target=lambda: pytest.raises(FsapiError, place.migrator(lock_timeout="1min").migrate)
            )
            runner.start()
            place.wait_for(STANDS_STILL)
            place.rows(_TERMINATE)
            runner.join(20)
        yield place


def test_mending_can_be_interrupted_as_well(world: World, held: Held, tally: Tally, *, every_fault: bool) -> None:
    """Dropping what is left, building anew, finalizing, and writing down that it was done."""
    with half_done(world, held) as place, place.proxy() as proxy:
        place.migrator(proxy.address).migrate()
        messages = list(proxy.messages)
    for number, fault in _all(messages) if every_fault else _sample(messages):
        with half_done(world, held) as place:
            disturb(place, Case(fault, Direction.UP, number))
            with tally.judging(f"{held.name}, mending it: message {number}, {fault.value}"):
                assert_one_more_run_completes(world, held, place)


def _all(messages: Sequence[Message]) -> Iterator[tuple[int, Fault]]:
    """Both at every message but the last, which ends the connection."""
    return ((number, fault) for number in range(1, len(messages)) for fault in _LOST)


def _sample(messages: Sequence[Message]) -> Iterator[tuple[int, Fault]]:
    """One in turn at every step."""
    return ((number, _LOST[turn % 2]) for turn, number in enumerate(steps_of(messages)))
