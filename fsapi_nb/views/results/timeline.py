"""One run of the journal as a picture: what was tried, in which order, how it ended, and, apart, how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import shorten
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.attempts import OUTCOMES, Attempt, by_steps
from fsapi_nb.views.diagram.bars import in_order, to_scale
from fsapi_nb.views.document import STORED, Document, Item, Medium, Paragraphs, Picture, Records, gap, paragraph
from fsapi_nb.views.results.base import Result

#: Of more tries than this a notebook stores the last.
LONGEST = 60
_MESSAGES = 5  # that stand below the picture: the last different ones


@dataclass(frozen=True, slots=True, repr=False)
class TimelineResult(Result):
    """What one run tried, in order: a row for each step, a mark for each try.

    It shows order and outcome, and no times: those differ from run to run, and a stored notebook would too. Times are
    in `to_frame()`, `to_json()` and on a terminal; `to_scale()` draws them.
    """

    run: int
    attempts: tuple[Attempt, ...]
    identity: Identity | None = None

    def to_scale(self) -> ScaledTimelineResult:
        """Return the same with bars over time. It holds times, so a notebook that stores it is not the same twice."""
        return ScaledTimelineResult(self.run, self.attempts, self.identity)

    def headline(self) -> str:
        """Return how many steps there were, and what did not go well."""
        outcomes = [attempt.outcome for attempt in self.attempts]
        bad = [f"{outcomes.count(key)} {words}" for key, (_, words) in OUTCOMES.items() if key in outcomes]
        steps = counted(len(by_steps(self.attempts)), "step")
        return f"run {self.run}{self._on()}: {steps}{': ' if bad else ''}{', '.join(bad)}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return a line for each step with a sign for each try; with times, how long each took.

        The HTML has a picture, the last messages of the server, and what the marks mean. Of many tries the last are
        stored.
        """
        folded = medium.folded and len(self.attempts) > LONGEST
        shown = self.attempts[-LONGEST:] if folded else self.attempts
        earlier = f"… {len(self.attempts) - LONGEST} earlier tries"
        above = Paragraphs([gap(earlier, earlier)] if folded else [])
        steps = Paragraphs([_item(tries, times=medium.times) for tries in by_steps(shown)])
        if not medium.folded:
            return Document(self.headline(), [above, steps])
        messages = list(dict.fromkeys(attempt.message for attempt in shown if attempt.message))[-_MESSAGES:]
        marks = dict.fromkeys(f"{attempt.sign} {attempt.words}" for attempt in shown)
        below = Paragraphs([paragraph(text) for text in messages])
        signs = Paragraphs([paragraph(" · ".join(marks))], quiet=True)
        return Document(self.headline(), [above, steps, self._picture(shown), below, signs])

    def _picture(self, shown: Sequence[Attempt]) -> Picture:
        return in_order(self.headline(), shown)

    def records(self) -> Records:
        """Return a row for each try, times included."""
        columns = ["migration", "event", "step", "steps", "attempt", "outcome", "began", "duration_ms", "message"]
        rows = []
        counts: dict[object, int] = {}
        for a in self.attempts:
            count = counts[a.of_step] = counts.get(a.of_step, 0) + 1
            rows.append((a.migration, a.event, a.step, a.steps, count, a.outcome, a.began, a.duration_ms, a.message))
        return Records(columns, rows)

    def facts(self) -> dict[str, Any]:
        """Return every try, times included."""
        return {**self.subject(), "run": self.run, "attempts": self.records()}


@dataclass(frozen=True, slots=True, repr=False)
class ScaledTimelineResult(TimelineResult):
    """What one run tried, with bars over time.

    It holds times: its text and picture differ from run to run. Tag the cell that shows it `nbval-ignore-output` if
    the notebook is a test.
    """

    def document(self, medium: Medium = STORED) -> Document:
        """Return a line for each step with how long each try took, and a picture over time."""
        return TimelineResult.document(self, Medium(medium.folded, times=True))

    def to_scale(self) -> ScaledTimelineResult:
        """Return this one."""
        return self

    def _picture(self, shown: Sequence[Attempt]) -> Picture:
        return to_scale(self.headline(), shown)


def _item(tries: Sequence[Attempt], *, times: bool) -> Item:
    """Return the line of one step, with the message of its last try."""
    signs = "".join(attempt.sign for attempt in tries)
    took = f"  {' + '.join(str(attempt.duration_ms) for attempt in tries)} ms" if times else ""
    message = tries[-1].message
    first, *further = hang(visible(shorten(message)), "  ") if message else [""]
    return Item([f"  {signs:<3} {visible_line(tries[0].label)}{took}{first}", *(f"    {line}" for line in further)])
