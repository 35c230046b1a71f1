"""COMMIT, whose answer is lost or who never arrived: the run finds out which, and says exactly what is so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fsapi_nb.errors import StatementFailed
from tests.faults.migrations import Migrations
from tests.faults.proxy import Action, Proxy, Rule
from tests.faults.sweep import Tally, answer_of, commits_of
from tests.faults.world import Place, World

_ONE = Migrations("one", (("CREATE TABLE a (i int);", ""), ("CREATE TABLE b (i int);", "")))
_PAIRS = Migrations(
    "pairs", (("BEGIN;\nCREATE TABLE a (i int);\nCOMMIT;\nBEGIN;\nCREATE TABLE b (i int);\nCOMMIT;", ""),)
)


@pytest.fixture
def one(world: World) -> Iterator[Place]:
    with world.place(_ONE) as place:
        yield place


@pytest.fixture
def pairs(world: World) -> Iterator[Place]:
    with world.place(_PAIRS) as place:
        yield place


def commits(world: World, migrations: Migrations) -> list[tuple[int, int]]:
    """The numbers of the messages that commit a step, and of those that they are answered with, in a run without faults."""
    with world.place(migrations) as place, place.proxy() as proxy:
        place.migrator(proxy.address).migrate()
        messages = list(proxy.messages)
    return [(number, answer_of(messages, number)) for number in commits_of(messages)]


def test_a_commit_whose_answer_is_lost_is_found_done_and_the_run_goes_on(
    world: World, one: Place, tally: Tally
) -> None:
    """Nobody has to run again: over a new connection it is asked, and what comes after is applied."""
    _, before_last = commits(world, _ONE)[-2]
    with tally.judging("answer of COMMIT lost"), one.proxy(Rule(before_last, Action.ANSWER_LOST)) as proxy:
        result = one.migrator(proxy.address).migrate()
        assert [done.name for done in result.done] == _ONE.file_names()
        assert [name for name, _ in one.snapshot().applied] == _ONE.file_names()


def test_a_commit_that_never_arrived_is_reported_as_not_done_and_the_next_run_applies_it(
    world: World, one: Place, tally: Tally
) -> None:
    """The error says that nothing was left behind, and that is so."""
    last, _ = commits(world, _ONE)[-1]
    with tally.judging("COMMIT lost"):
        with (
            one.proxy(Rule(last, Action.REQUEST_LOST)) as proxy,
            pytest.raises(StatementFailed, match="the connection was lost") as caught,
        ):
            one.migrator(proxy.address).migrate()
        assert "left nothing behind" in str(caught.value)
        assert caught.value.applied == (_ONE.file_names()[0],)
        assert one.value("SELECT to_regclass('b') IS NULL")
        assert [done.name for done in one.migrator().migrate().done] == _ONE.file_names()[1:]


def test_a_step_whose_commit_was_answered_into_the_void_is_known_to_be_done(
    world: World, pairs: Place, tally: Tally
) -> None:
    """The run ends there, says that this step is committed, and the next one goes on behind it."""
    _, first_step = commits(world, _PAIRS)[-3]  # behind it, what it has left in its session is looked at
    with tally.judging("answer of a step's COMMIT lost"):
        with (
            pairs.proxy(Rule(first_step, Action.ANSWER_LOST)) as proxy,
            pytest.raises(StatementFailed, match="step 1 is committed, and the next run goes on from there"),
        ):
            pairs.migrator(proxy.address).migrate()
        assert pairs.value("SELECT to_regclass('a') IS NOT NULL AND to_regclass('b') IS NULL")
        assert len(pairs.migrator().migrate().done) == 1


def test_a_commit_that_nobody_can_be_asked_about_is_not_guessed(world: World, one: Place, tally: Tally) -> None:
    """The server cannot be reached any more: the error says that the next run looks, and it does."""
    _, number = commits(world, _ONE)[-1]
    proxies: list[Proxy] = []
    with tally.judging("answer of COMMIT lost, and the server with it"):
        rule = Rule(number, Action.ANSWER_LOST, lambda: proxies[0].refuse())
        with one.proxy(rule) as proxy, pytest.raises(StatementFailed, match="the next run looks whether it was done"):
            proxies.append(proxy)
            one.migrator(proxy.address).migrate()
        assert one.migrator().migrate().done == ()
        assert [name for name, _ in one.snapshot().applied] == _ONE.file_names()
