"""Runners that start in the same moment: every migration is applied once, and none of them fails."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from fsapi_nb.errors import Locked
from fsapi_nb.model.migration import Direction
from tests.faults.client import client
from tests.faults.migrations import MIXED
from tests.faults.proxy import Action, Rule
from tests.faults.sweep import Tally, compare, undisturbed
from tests.faults.world import World


def test_two_runners_that_start_together_end_as_one_would(world: World, tally: Tally, *, every_fault: bool) -> None:
    """Two processes on a database without our tables, again and again; with steps outside of transactions."""
    reference = undisturbed(world, MIXED)
    for _ in range(100 if every_fault else 10):
        with world.place(MIXED) as place, ExitStack() as stack, tally.judging("two runners"):
            runners = [stack.enter_context(client(place.address, place.folder)) for _ in range(2)]
            assert [runner.outcome() for runner in runners] == [("done", "")] * 2
            difference = compare(reference.left[Direction.UP], place.snapshot())
            assert not difference, difference


def test_a_runner_whose_network_hangs_is_named_and_its_lock_ends_with_its_connection(
    world: World, tally: Tally
) -> None:
    """The server has no answer of ours to wait for and cannot know: the next runner waits, says for whom, and gives up."""
    reference = undisturbed(world, MIXED)
    with world.place(MIXED) as place, ExitStack() as stack:
        for number in reference.steps(Direction.UP)[3:5]:
            with place.proxy(Rule(number, Action.SILENT)) as proxy:
                runner = stack.enter_context(client(proxy.address, place.folder, application="the other"))
                assert proxy.fired.wait(20)
                with pytest.raises(Locked, match="the other"):
                    place.migrator(max_wait=0.2).migrate()
            assert runner.outcome()[0] in {"StatementFailed", "DatabaseError"}
        with tally.judging("network hangs"):
            place.run(Direction.UP)
            difference = compare(reference.left[Direction.UP], place.snapshot())
            assert not difference, difference
