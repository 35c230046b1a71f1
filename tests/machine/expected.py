"""What the database must hold: a model of the runner that is much simpler than it, and knows no PostgreSQL.

It plans each verb over its own state, or says how it is refused, and moves on by as many steps as were done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from fsapi_nb.errors import (
    Drifted,
    FsapiError,
    InDoubt,
    Irreversible,
    NothingToDo,
    PartlyApplied,
    RefusedPlan,
    UnknownMigration,
    UsageError,
)
from tests.machine.migrations import Statement, Step, Text

UP, DOWN = "up", "down"


class Refused(Exception):
    """The verb is to be refused with an error of that class."""

    def __init__(self, error: type[FsapiError]) -> None:
        super().__init__(error.__name__)
        self.error = error


@dataclass(frozen=True, slots=True)
class Part:
    """A step of one migration; `last` where the migration is done with it."""

    name: str
    direction: str
    step: Step
    last: bool
    text: Text

    @property
    def alone(self) -> bool:
        """Whether it runs outside of any transaction."""
        return any(statement.alone for statement in self.step)


Planned = tuple[Part, ...]
Planner = Callable[[], list[Planned]]


@dataclass(frozen=True, slots=True)
class Half:
    """A migration that began and did not end: its committed steps, and the statement that was `sent` alone.

    `before` is what a rollback of a part began with; `in_flight` says that nobody knows how `sent` ended.
    """

    direction: str
    done: tuple[Step, ...] = ()
    before: tuple[Step, ...] = ()
    sent: Statement | None = None
    in_flight: bool = False
    part: Part | None = None  # that of `sent`

    @property
    def begun(self) -> bool:
        """Whether something of it may be in the database."""
        return bool(self.done or self.before or self.in_flight)


@dataclass(slots=True)
class Model:
    """The files, what is applied (in order, with the text that is remembered), what is half, what the schema holds."""

    files: dict[str, Text] = field(default_factory=dict)
    applied: dict[str, Text] = field(default_factory=dict)
    unfinished: dict[str, Half] = field(default_factory=dict)
    holds: dict[str, str] = field(default_factory=lambda: {"base.i": "integer"})
    settled: list[tuple[str, str]] = field(default_factory=list)  # what `settle` completed, with its direction

    # -- where things stand ------------------------------------------------------------------------------------

    @property
    def halves(self) -> dict[str, Half]:
        """What is half, by name, in order."""
        return {name: half for name, half in sorted(self.unfinished.items()) if half.begun}

    @property
    def names(self) -> list[str]:
        """All that either side knows, in order."""
        return sorted({*self.files, *self.applied, *self.halves})

    def state(self, name: str) -> str:
        """What `status` must say of it."""
        half = self.halves.get(name)
        if half:
            return "in doubt" if half.in_flight else "partly applied"
        if name not in self.applied:
            return "late" if name < max(self.applied, default="") else "pending"
        if name not in self.files:
            return "missing"
        return "applied" if self.files[name].says_the_same(self.applied[name]) else "drifted"

    def waiting(self) -> list[str]:
        """What is not applied, or not completely."""
        return [name for name in self.names if name not in self.applied]

    # -- plans -------------------------------------------------------------------------------------------------

    def migrate(self, *, to: str | None = None, count: int | None = None) -> list[Planned]:
        """The steps that are to run, or Refused."""
        self._refuse_doubt()
        if any(self.state(name) == "drifted" for name in self.names):
            raise Refused(Drifted)
        chosen = self._chosen(to, count)
        for name, half in self.halves.items():
            if half.direction == DOWN or name not in self.files:
                raise Refused(PartlyApplied)
        return [step for name in chosen for step in self._forth(name)]

    def _chosen(self, to: str | None, count: int | None) -> list[str]:
        if count is not None and count < 1:
            raise Refused(UsageError)
        if to is not None and to not in self.names:
            raise Refused(UnknownMigration)
        left = None if count is None else max(count - self._settled_in(UP), 0)
        return [name for name in self.waiting() if to is None or name <= to][:left]

    def _settled_in(self, direction: str) -> int:
        return sum(1 for _, each in self.settled if each == direction)

    def _forth(self, name: str) -> list[Planned]:
        text, half = self.files[name], self.halves.get(name)
        done = half.done if half else ()
        if done != text.scripts.up[: len(done)]:
            raise Refused(PartlyApplied)
        return _parts(name, UP, text, text.scripts.up, len(done))

    def rollback(self, count: int | None = None, *, to: str | None = None, everything: bool = False) -> list[Planned]:
        """The steps that are to run, or Refused."""
        self._refuse_doubt()
        parts = [name for name in self.halves if name not in self.applied]
        names = self._chosen_down(count, to, everything=everything, parts=len(parts) + self._settled_in(DOWN))
        if any(self.applied[name].scripts.down is None for name in names):
            raise Refused(Irreversible)
        back = [step for name in parts for step in self._undo(name)]
        return back + [step for name in names for step in self._back(name)]

    def _chosen_down(self, count: int | None, to: str | None, *, everything: bool, parts: int = 0) -> list[str]:
        """The newest first; so many parts come before them, and count."""
        newest_first = list(reversed(self.applied))
        if count is not None and count < 1:
            raise Refused(UsageError)
        if not newest_first and not parts:
            raise Refused(NothingToDo)
        if everything:
            return newest_first
        if to is not None:
            if to not in self.applied:
                raise Refused(UnknownMigration)
            return newest_first[: newest_first.index(to)]
        wanted = max((count or 1) - parts, 0)
        if wanted > len(newest_first):
            raise Refused(UsageError)
        return newest_first[:wanted]

    def _back(self, name: str) -> list[Planned]:
        text, half = self.applied[name], self.halves.get(name)
        return _parts(name, DOWN, text, text.scripts.down or (), len(half.done) if half else 0)

    def _undo(self, name: str) -> list[Planned]:
        """The steps that undo what was done of one that is not applied."""
        half, text = self.halves[name], self.files.get(name)
        done = half.done if half.direction == UP else half.before
        if text is None or text.scripts.down is None or done != text.scripts.up[: len(done)]:
            raise Refused(PartlyApplied)
        made, never = _made(done), _made(text.scripts.up[len(done) :])
        kept = (tuple(each for each in step if _belongs(each, made, never)) for step in text.scripts.down)
        steps = [step for step in kept if step] or [()]  # where there is nothing to undo, that is recorded
        return _parts(name, DOWN, text, steps, len(half.done) if half.direction == DOWN else 0)

    def redo(self, name: str | None = None) -> list[Planned]:
        """The steps that are to run, or Refused."""
        self._refuse_doubt()
        if self.halves:
            raise Refused(PartlyApplied)
        if self.settled:
            return []
        (last,) = self._chosen_down(1, None, everything=False)
        if name not in {None, last}:
            raise Refused(RefusedPlan if name in self.applied else UnknownMigration)
        if last not in self.files:
            raise Refused(UnknownMigration)
        back = self.rollback()
        text = self.files[last]
        forth = _parts(last, UP, text, text.scripts.up, 0)
        steps = back + forth
        if len(back) == len(forth) == 1 and not any(part.alone for planned in steps for part in planned):
            return [(*back[0], *forth[0])]
        return steps

    def baseline(self, name: str) -> list[str]:
        """The names that are to be recorded, or Refused."""
        self._refuse_doubt()
        chosen = self._chosen(name, None)
        if any(each in self.halves for each in chosen):
            raise Refused(PartlyApplied)
        return chosen

    def _refuse_doubt(self) -> None:
        if any(half.in_flight for half in self.halves.values()):
            raise Refused(InDoubt)

    # -- what happens ------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """What a run does first: look what became of statements that were sent alone; a drop that had begun is completed."""
        for name, half in list(self.unfinished.items()):
            if half.sent is None:
                continue
            begun = [each for each in half.sent.drops if self.holds.get(each) == "invalid"]
            if begun and half.part:
                for each in begun:
                    del self.holds[each]
                self._recorded(half.part)
                if half.part.last:
                    self.settled.append((name, half.direction))
                continue
            for made, _ in half.sent.makes:
                if self.holds.get(made) == "invalid":
                    del self.holds[made]
            if not half.sent.opaque:
                self.unfinished[name] = replace(half, in_flight=False)

    def commit(self, planned: Planned) -> None:
        """A step was done."""
        for part in planned:
            for statement in part.step:
                self.holds.update(statement.makes)
                for name in statement.drops:
                    del self.holds[name]
            self._recorded(part)

    def _recorded(self, part: Part) -> None:
        if not part.last:
            half = self._half(part)
            self.unfinished[part.name] = replace(half, done=(*half.done, part.step), sent=None, in_flight=False)
            return
        self.unfinished.pop(part.name, None)
        if part.direction == UP:
            self.applied[part.name] = part.text
        else:
            self.applied.pop(part.name, None)

    def sent(self, part: Part) -> None:
        """A statement was sent alone, and nobody knows how it ended."""
        self.unfinished[part.name] = replace(self._half(part), sent=part.step[0], in_flight=True, part=part)

    def failed(self, part: Part, *, blocked: bool) -> None:
        """A step was refused, and the journal knows: it left nothing, or an index that is invalid."""
        first = part.step[0]
        if not first.alone:
            return
        if blocked and first.base:
            for name in (*(name for name, _ in first.makes), *first.drops):
                self.holds[name] = "invalid"
        self.unfinished[part.name] = replace(self._half(part), sent=first, in_flight=False, part=part)

    def _half(self, part: Part) -> Half:
        half = self.unfinished.get(part.name)
        if half and half.direction == part.direction:
            return half
        return Half(part.direction, before=half.done if half else ())

    def failing(self, planned: Sequence[Planned], *, blocked: bool) -> tuple[int, Part] | None:
        """The first step that PostgreSQL will refuse, and the part of it; None where all will run."""
        holds = dict(self.holds)
        for number, part, statement in _statements(planned):
            if not statement.works(holds, blocked=blocked):
                return number, part
            holds.update(statement.makes)
            for name in statement.drops:
                del holds[name]
        return None


def _statements(planned: Sequence[Planned]) -> Iterator[tuple[int, Part, Statement]]:
    for number, parts in enumerate(planned):
        for part in parts:
            for statement in part.step:
                yield number, part, statement


def _parts(name: str, direction: str, text: Text, steps: Sequence[Step], done: int) -> list[Planned]:
    last = len(steps) - 1
    return [(Part(name, direction, step, number == last, text),) for number, step in enumerate(steps) if number >= done]


def _made(steps: Sequence[Step]) -> set[str]:
    """What anyone who reads these steps knows them to make."""
    return {name for step in steps for statement in step if not statement.opaque for name, _ in statement.makes}


def _belongs(statement: Statement, made: set[str], never: set[str]) -> bool:
    dropped = {statement.drops[0]}  # indexes go with their table
    if not dropped <= made | never:
        raise Refused(PartlyApplied)
    return dropped <= made
