"""Steps that are sent behind the one that is waited for, so that the server need not wait for answers.

The only class that knows of more than one batch. What holds, whatever happens:

- Steps are sent in the order of the plan, without a gap, and are taken in the same order.
- A step is sent behind another one only if both are whole transactions of which nothing must be waited for (`travels`):
  then PostgreSQL passes over all that stands behind a statement that fails, and nothing of it can have run.
- At most `_MOST` batches are under way besides the one that is waited for.
- If something fails, all of them are forgotten: either the server has passed over them, or they were cancelled.
- If the connection is lost, each may have been committed without a word. Their numbers are kept, in order: the
  journal is asked for each as its turn comes, and behind the first that was not committed none was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fsapi_nb.model.plan import Mode, Step, StepPart
from fsapi_nb.run.batch import Batch

_MOST = 4  # enough that the server need not wait
_SHORT = 1 << 16  # characters of a script that is sent before what is in front of it is answered


@dataclass(slots=True)
class SentAhead:
    """The batches that are under way behind the one that is waited for. `compose` makes the batch of a step.

    With `one_by_one` nothing is sent ahead: something is to be asked between two migrations.
    """

    steps: Sequence[Step]
    compose: Callable[[Step, int], Batch]
    one_by_one: bool = False
    _travelling: Sequence[bool] = field(init=False)
    _batches: deque[tuple[int, Batch]] = field(default_factory=deque)
    _unheard: deque[int] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Find out which steps travel: the plan is known, and does not change."""
        self._travelling = [travels(step) for step in self.steps]

    def __bool__(self) -> bool:
        return bool(self._batches)

    def numbers(self) -> list[int]:
        """Return the numbers of the steps that are under way."""
        return [number for number, _ in self._batches]

    def is_followed(self, number: int) -> bool:
        """Return whether the step behind that one is sent before that one is answered."""
        is_last = self.one_by_one or number + 1 == len(self.steps)
        return not is_last and self._travelling[number] and self._travelling[number + 1]

    def take(self) -> Batch:
        """Return the batch that was sent first: its answers are the next to come."""
        return self._batches.popleft()[1]

    def fill(self, number: int) -> None:
        """Send what may stand behind the step of that number, which is the one that is waited for."""
        while len(self._batches) < _MOST and self.is_followed(before := number + len(self._batches)):
            batch = self.compose(self.steps[before + 1], before + 1)
            self._batches.append((before + 1, batch))
            batch.send(last=not self.is_followed(before + 1))

    def forget(self) -> None:
        """Note that nothing is under way any more, and that nothing of it has run."""
        self._batches.clear()

    def lose(self) -> None:
        """Note that the connection is lost: each of them may have been committed, or not."""
        self._unheard.extend(self.numbers())
        self._batches.clear()

    def may_be_committed(self, number: int) -> bool:
        """Return whether that step was sent over a connection that was lost; asked once, in order, for each."""
        if self._unheard and self._unheard.popleft() == number:
            return True
        self._unheard.clear()
        return False

    def none_is_committed(self) -> None:
        """Note that a step was not committed: what stood behind it was not, either."""
        self._unheard.clear()


def travels(step: Step) -> bool:
    """Return whether all of a step can be sent before anything of it is answered, and the session is cleaned after it."""
    return step.mode is Mode.TRANSACTION and not step.restore_session and all(map(_may_travel, step.parts))


def _may_travel(part: StepPart) -> bool:
    plain = part.of == 1 and part.is_parsed and not part.checks
    return plain and sum(_SHORT if each.copy else len(each.text) for each in part.statements) < _SHORT
