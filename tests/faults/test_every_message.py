"""A fault at the messages of a run: lost on the way there, lost on the way back, and the client killed.

After each, one more run ends in the schema and history of an undisturbed one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest

import pytest

from fsapi_nb.model.migration import Direction
from tests.faults.migrations import ALL, Migrations
from tests.faults.sweep import Case, Fault, Tally, Undisturbed, run_cases, undisturbed
from tests.faults.world import World

_LOST = (Fault.REQUEST_LOST, Fault.ANSWER_LOST)
_KILLED = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)


@pytest.mark.parametrize("migrations", ALL, ids=lambda migrations: migrations.name)
def test_after_a_fault_at_any_message_one_more_run_ends_as_if_there_had_been_none(
    world: World, migrations: Migrations, tally: Tally, *, every_fault: bool
) -> None:
    """The connection is cut, or the client killed, before and after the server's answer; up and down."""
    reference = undisturbed(world, migrations)
    with ThreadPoolExecutor(4) as pool:
        before = len(tally.wrong)
        cases = _pairs(_all(reference) if every_fault else _sample(reference))
        outcomes = [pool.submit(run_cases, world, reference, some, tally) for some in cases]
        try:
            for outcome in outcomes:
                outcome.result()
        finally:
            pool.shutdown(cancel_futures=True)
        assert not tally.wrong[before:], "\n".join(tally.wrong[before:])


def _pairs(cases: Iterable[Case]) -> Iterator[list[Case]]:
    """Put a rollback behind each run: what it begins from must be as if there had been no fault."""
    known = list(cases)
    ups, downs = (
        [case for case in known if case.direction is direction] for direction in (Direction.UP, Direction.DOWN)
    )
    yield from ([case for case in pair if case] for pair in zip_longest(ups, downs))


def _all(reference: Undisturbed) -> Iterator[Case]:
    """Every fault at every message that is answered; one at those in between, which are one batch with the next.

    None at the last message, which ends the connection.
    """
    for direction, messages in reference.messages.items():
        for number, message in enumerate(messages[:-1], 1):
            for fault in Fault if message.is_answered else (_LOST + _KILLED)[number % 2 * 2 :][:1]:
                yield Case(fault, direction, number)


def _sample(reference: Undisturbed) -> Iterator[Case]:
    """Lost on the way there and on the way back, at every commit and every statement outside of a transaction; at
    some of the other messages one of the two; and the client killed at some of the first.
    """
    for direction in (Direction.UP, Direction.DOWN):
        steps = reference.steps(direction)[:: 1 if reference.migrations.is_local else 2]
        # Rolling back uses the same means: there the two take turns, and so they do where a case takes long.
        both = direction is Direction.UP and reference.migrations.is_local
        for turn, number in enumerate(steps):
            yield from (Case(fault, direction, number) for fault in (_LOST if both else _LOST[turn % 2 :][:1]))
        for turn, number in enumerate(reference.answered(direction)[::20]):
            yield Case(_LOST[turn % 2], direction, number)
        for turn, number in enumerate(steps[1::8]):
            yield Case(_KILLED[turn % 2], direction, number)
