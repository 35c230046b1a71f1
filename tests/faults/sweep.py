"""A fault at one message of a run, then one clean run, then the comparison with an undisturbed run."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from difflib import unified_diff
from enum import Enum

from fsapi_nb.errors import FsapiError, InDoubt
from fsapi_nb.model.migration import Direction
from tests.faults.client import Client
from tests.faults.migrations import Migrations
from tests.faults.proxy import Action, Message, Rule
from tests.faults.world import Place, Snapshot, World


class Fault(Enum):
    """What goes wrong at a message."""

    REQUEST_LOST = "request lost"
    ANSWER_LOST = "answer lost"
    KILLED_BEFORE = "client killed before the message arrived"
    KILLED_AFTER = "client killed after the message was answered"


#: How what the runner says outside of transactions begins; the rest is said by migrations.
_BOOKKEEPING = ("SELECT pg_catalog", "\n", "SET LOCAL", "SET TRANSACTION", "ROLLBACK")
#: What a transaction begins with that only cleans the session, or that keeps what no run waits for.
_CLEANING = ("RESET SESSION AUTHORIZATION", "DEALLOCATE ALL", "SET LOCAL synchronous_commit TO off")
_ACTIONS = {
    Fault.REQUEST_LOST: Action.REQUEST_LOST,
    Fault.ANSWER_LOST: Action.ANSWER_LOST,
    Fault.KILLED_BEFORE: Action.REQUEST_LOST,
    Fault.KILLED_AFTER: Action.ANSWER_LOST,
}


@dataclass(frozen=True, slots=True)
class Case:
    """One fault: in which direction, at which message."""

    fault: Fault
    direction: Direction
    number: int

    def __str__(self) -> str:
        return f"{self.direction.value}, message {self.number}: {self.fault.value}"


@dataclass(slots=True)
class Tally:
    """How many faults were injected, how many steps were in doubt after them, and what ended wrong."""

    injected: int = 0
    in_doubt: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, *, in_doubt: bool = False, wrong: str | None = None) -> None:
        """Count one fault."""
        with self.lock:
            self.injected += 1
            self.in_doubt += in_doubt
            if wrong:
                self.wrong.append(wrong)

    @contextmanager
    def judging(self, what: str) -> Iterator[None]:
        """Count one fault; it ended wrong where what is checked inside fails."""
        try:
            yield
        except BaseException:
            self.count(wrong=what)
            raise
        self.count()


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What a run of the migrations without faults says and leaves, in both directions."""

    migrations: Migrations
    messages: dict[Direction, list[Message]]
    left: dict[Direction, Snapshot]

    def answered(self, direction: Direction) -> list[int]:
        """The numbers of the messages that the server answers: before and after each it may be in another state."""
        return [number for number, message in enumerate(self.messages[direction], 1) if message.is_answered]

    def steps(self, direction: Direction) -> list[int]:
        """The numbers of those among them that commit, or are a statement outside of any transaction."""
        return steps_of(self.messages[direction])

    def alone(self, direction: Direction) -> list[int]:
        """The numbers of the statements outside of any transaction."""
        return alone_in(self.messages[direction])


def steps_of(messages: Sequence[Message]) -> list[int]:
    """The numbers of the messages that commit, or are a statement outside of any transaction.

    A COMMIT that was sent is carried out before what follows it is answered.
    """
    after_commits = (answer_of(messages, number) for number in commits_of(messages))
    return sorted({*alone_in(messages), *after_commits})


def commits_of(messages: Sequence[Message]) -> list[int]:
    """The numbers of the messages that commit a migration's step; not those of what only cleans the session."""
    found: list[int] = []
    first = before = ""
    for number, message in enumerate(messages, 1):
        if before.startswith("BEGIN"):
            first = message.text
        if message.text == "COMMIT" and first not in _CLEANING:
            found.append(number)
        before = message.text or before
    return found


def answer_of(messages: Sequence[Message], number: int) -> int:
    """The number of the message that the server answers that one with, at the latest."""
    return next(n for n, message in enumerate(messages[number - 1 :], number) if message.is_answered)


def alone_in(messages: Sequence[Message]) -> list[int]:
    """The numbers of the messages that are a statement outside of any transaction, and none of our bookkeeping."""
    found: list[int] = []
    inside = False
    for number, message in enumerate(messages, 1):
        if message.text.startswith("BEGIN"):
            inside = True
        elif message.text == "COMMIT":
            inside = False
        elif message.kind == "Q" and not inside and not message.text.startswith(_BOOKKEEPING):
            found.append(number)
    return found


def undisturbed(world: World, migrations: Migrations, *, dumped: bool = False) -> Undisturbed:
    """Run up, down and up again without faults, and return what that says and leaves."""
    messages: dict[Direction, list[Message]] = {}
    left: dict[Direction, Snapshot] = {}
    with world.place(migrations) as place:
        for direction in (Direction.UP, Direction.DOWN):
            with place.proxy() as proxy:
                place.run(direction, proxy.address)
            place.await_quiet()
            messages[direction] = list(proxy.messages)
            left[direction] = place.snapshot(dumped=dumped)
        place.run(Direction.UP)
        again = place.snapshot(dumped=dumped)
        assert again == left[Direction.UP], "up, down and up again is not as the first time"
    return Undisturbed(migrations, messages, left)


def run_cases(world: World, undisturbed: Undisturbed, cases: Sequence[Case], tally: Tally) -> None:
    """Inject each fault in turn in one database, running once more and comparing after each.

    A rollback that comes first begins from an undisturbed run, one behind a run from where that has ended.
    """
    with world.place(undisturbed.migrations) as place:
        if cases[0].direction is Direction.DOWN:
            place.run(Direction.UP)
        for done, case in enumerate(cases, 1):  # noqa: B007 - it says below how many were done
            wrong = run_case(place, undisturbed, case, tally)
            if wrong:
                break
    if wrong and cases[done:]:
        run_cases(world, undisturbed, cases[done:], tally)


def run_case(place: Place, undisturbed: Undisturbed, case: Case, tally: Tally) -> bool:
    """Inject the fault, run once more, and compare; return whether it ended wrong."""
    what, in_doubt = f"{undisturbed.migrations.name}, {case}", False
    try:
        disturb(place, case)
        in_doubt = finish(place, case.direction)
        difference = compare(undisturbed.left[case.direction], place.snapshot())
    except Exception as error:  # noqa: BLE001 - a case that fails is counted, the others go on
        difference = f"{type(error).__name__}: {error}"
    tally.count(in_doubt=in_doubt, wrong=f"{what}:\n{difference}" if difference else None)
    return bool(difference)


def disturb(place: Place, case: Case) -> None:
    """Run until the fault. The run may go on after it, or end with an error of ours; never with the driver's."""
    if case.fault in {Fault.KILLED_BEFORE, Fault.KILLED_AFTER}:
        _disturb_process(place, case)
        return
    with place.proxy(Rule(case.number, _ACTIONS[case.fault])) as proxy:
        with suppress(FsapiError):
            place.run(case.direction, proxy.address)
        assert proxy.fired.wait(60), "the fault was not reached"


def _disturb_process(place: Place, case: Case) -> None:
    clients: list[Client] = []
    known = threading.Event()

    def kill() -> None:
        known.wait()
        clients[0].kill()

    with place.proxy(Rule(case.number, _ACTIONS[case.fault], kill)) as proxy:
        clients.append(Client(proxy.address, place.folder, case.direction))
        known.set()
        try:
            outcome, text = clients[0].outcome()
            assert outcome == "killed", f"the client was not killed: {outcome} {text}"
            assert proxy.fired.wait(60), "the fault was not reached"
        finally:
            clients[0].close()


def finish(place: Place, direction: Direction) -> bool:
    """Run once more; where a step is in doubt, say what the truth is and run again. Return whether it was."""
    before = place.snapshot() if place.migrations.truths else None
    try:
        place.run(direction)
    except InDoubt:
        assert place.snapshot() == before, "a run that is refused has touched something"
        _resolve(place)
        place.run(direction)
        return True
    return False


def _resolve(place: Place) -> None:
    """Tell of the step in doubt what the database shows; only of one that no catalog tells about."""
    query = (
        "SELECT migration::text, event, step FROM migrations_journal WHERE state = 'in doubt' ORDER BY id DESC LIMIT 1"
    )
    ((name, event, step),) = place.rows(query)
    (truth,) = (each[3] for each in place.migrations.truths if each[:3] == (name, event, step))
    happened = bool(place.value(truth))
    place.migrator().resolve(name, done=happened, retry=not happened)


def compare(expected: Snapshot, found: Snapshot) -> str:
    """What differs, as text; empty where nothing does."""
    if expected == found:
        return ""
    lines = list(
        unified_diff(expected.contents.splitlines(), found.contents.splitlines(), "undisturbed", "found", "", "", 0)
    )
    for name in ("invalid", "outside", "applied"):
        was, now = getattr(expected, name), getattr(found, name)
        if was != now:
            lines.append(f"{name}: {was} expected, {now} found")
    return "\n".join(lines)
