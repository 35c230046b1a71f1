"""One run of the journal as a picture: what was tried, in which order, how it ended, and, apart, how long it took."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fsapi_nb.model.history import JournalEntry
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import clip, shorten
from fsapi_nb.text.safe import esc, visible, visible_line
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.results.base import Result, counted, iso
from fsapi_nb.views.results.markup import html_of

#: How an attempt that is in the journal ended: its sign, its words, its colour (in the middle, for light and dark pages).
_OUTCOMES = {
    "done": ("✓", "done", "#2b8a3e"),
    "resolved": ("✓", "resolved", "#2b8a3e"),
    "retried": ("↻", "tried again", "#b56f00"),
    "failed": ("✗", "failed", "#e0454a"),
    "in doubt": ("?", "in doubt", "#e0454a"),
    "started": ("…", "not known to have ended", "#7d8590"),
}
#: Of more tries than this a notebook shows the last.
LONGEST = 60
_LABEL = 60
_ROW, _CELL, _WIDTH = 20, 20, 420
_STYLE = 'font-family="ui-monospace,Menlo,Consolas,monospace" font-size="12" fill="currentColor" style="max-width:none"'
_MILLISECOND = datetime.timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one step: how it ended, and when it began and ended by the server's clock, as far as the journal tells."""

    migration: str | None
    event: str
    step: int
    steps: int
    outcome: str
    began: datetime.datetime
    ended: datetime.datetime
    message: str | None = None

    @property
    def of_step(self) -> tuple[str | None, str, int]:
        """What was tried: the same for each try."""
        return self.migration, self.event, self.step

    @property
    def label(self) -> str:
        """What was tried, in words."""
        of = f" step {self.step} of {self.steps}" if self.steps > 1 else ""
        return f"{self.event} {self.migration or ''}{of}".strip()

    @property
    def duration_ms(self) -> int:
        """How long it took; a pause before a new try counts with it."""
        return round((self.ended - self.began) / _MILLISECOND)


def attempts(events: Sequence[JournalEntry]) -> tuple[Attempt, ...]:
    """The tries that the events of one run tell of, in order."""
    found: list[Attempt] = []
    for event in events:
        before = found[-1] if found else None
        tried = Attempt(
            event.migration,
            event.event,
            event.step or 1,
            event.steps or 1,
            event.state,
            _beginning(event, before),
            event.at,
            event.message,
        )
        if before is not None and before.outcome == "started" and before.of_step == tried.of_step:
            found[-1] = replace(tried, began=before.began)
        else:
            found.append(tried)
    return tuple(found)


def _beginning(event: JournalEntry, before: Attempt | None) -> datetime.datetime:
    """When that began which the event is the end of: after what came before it, and that is all the journal may know."""
    if event.state == "started":
        return event.at
    if event.duration_ms is None:
        return before.ended if before else event.at
    began = event.at - event.duration_ms * _MILLISECOND
    return max(began, before.ended) if before else began


@dataclass(frozen=True, slots=True, repr=False)
class TimelineResult(Result):
    """What one run tried, in order: a row for each step, a mark for each try.

    It shows order and outcome, and no times: those differ from run to run, and a stored notebook would too. Times are in
    `to_frame()`, `to_json()` and on a terminal; `to_scale()` draws them.
    """

    run: int
    attempts: tuple[Attempt, ...]
    identity: Identity | None = None

    def to_scale(self) -> ScaledTimelineResult:
        """The same with bars over time. It holds times, so a notebook that stores it is not the same twice."""
        return ScaledTimelineResult(self.run, self.attempts, self.identity)

    def headline(self) -> str:
        """How many steps there were, and what did not go well."""
        outcomes = [attempt.outcome for attempt in self.attempts]
        bad = [f"{outcomes.count(key)} {words}" for key, (_, words, _) in _OUTCOMES.items() if key in outcomes]
        return f"run {self.run}{self._on()}: {counted(len(by_steps(self.attempts)), 'step')}{': ' if bad else ''}{', '.join(bad)}"

    def lines(self, *, times: bool = False) -> list[str]:
        """A line for each step with a sign for each try; with `times`, how long each took."""
        return [self.headline(), *self._step_lines(self.attempts, times=times)]

    def _step_lines(self, attempts: Sequence[Attempt], *, times: bool) -> list[str]:
        lines = []
        for tries in by_steps(attempts):
            signs = "".join(_outcome(attempt)[0] for attempt in tries)
            took = f"  {' + '.join(str(attempt.duration_ms) for attempt in tries)} ms" if times else ""
            message = tries[-1].message
            head = f"  {signs:<3} {visible_line(tries[0].label)}{took}"
            first, *further = hang(visible(shorten(message)), "  ") if message else [""]
            lines += [head + first, *(f"    {line}" for line in further)]
        return lines

    def brief(self) -> list[str]:
        """Of many tries the last."""
        return [self.headline(), *self._before(), *self._step_lines(self.attempts[-LONGEST:], times=False)]

    def _before(self) -> list[str]:
        hidden = len(self.attempts) - LONGEST
        return [f"… {hidden} earlier tries"] if hidden > 0 else []

    def html(self) -> str:
        """The picture, the headline above it and what its marks mean below."""
        shown = self.attempts[-LONGEST:]
        kinds = dict.fromkeys(_outcome(attempt)[:2] for attempt in shown)
        messages = list(dict.fromkeys(attempt.message for attempt in shown if attempt.message))
        below = [*self._before(), *messages[-5:]]
        below.append(" · ".join(f"{sign} {words}" for sign, words in kinds))
        paragraphs = "".join(f"<p>{esc(clip(line))}</p>" for line in below)
        head = html_of(self.headline(), [], [], ()).removesuffix("</div>")
        return f'{head}<div style="overflow:auto;padding:8px 0">{self._picture(shown)}</div>{paragraphs}</div>'

    def _picture(self, shown: Sequence[Attempt]) -> str:
        """A square for each try: the further right, the later."""
        bars = [_Bar(place * _CELL, _CELL - 3, _outcome(attempt)[1]) for place, attempt in enumerate(shown)]
        return _svg(self.headline(), shown, bars, len(shown) * _CELL)

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """A row for each try, times included."""
        columns = ["migration", "event", "step", "steps", "attempt", "outcome", "began", "duration_ms", "message"]
        rows: list[Sequence[Any]] = []
        counts: dict[object, int] = {}
        for a in self.attempts:
            counts[a.of_step] = counts.get(a.of_step, 0) + 1
            row = (
                a.migration,
                a.event,
                a.step,
                a.steps,
                counts[a.of_step],
                a.outcome,
                a.began,
                a.duration_ms,
                a.message,
            )
            rows.append(row)
        return columns, rows

    def to_json(self) -> dict[str, Any]:
        """Every try, times included."""
        columns, rows = self.table()
        return {
            **self.subject(),
            "run": self.run,
            "attempts": [
                {name: iso(value) if name == "began" else value for name, value in zip(columns, row, strict=True)}
                for row in rows
            ],
        }


@dataclass(frozen=True, slots=True, repr=False)
class ScaledTimelineResult(TimelineResult):
    """What one run tried, with bars over time.

    It holds times: its text and picture differ from run to run. Tag the cell that shows it `nbval-ignore-output` where
    the notebook is a test.
    """

    def lines(self, *, times: bool = False) -> list[str]:
        """A line for each step, with how long each try took."""
        return TimelineResult.lines(self, times=True)

    def brief(self) -> list[str]:
        """Of many tries the last."""
        return [self.headline(), *self._before(), *self._step_lines(self.attempts[-LONGEST:], times=True)]

    def to_scale(self) -> ScaledTimelineResult:
        """This one."""
        return self

    def _picture(self, shown: Sequence[Attempt]) -> str:
        """A bar for each try, as long as it took."""
        first = min((attempt.began for attempt in shown), default=None)
        last = max((attempt.ended for attempt in shown), default=None)
        whole = max((last - first) / _MILLISECOND, 1.0) if first and last else 1.0
        bars = []
        for attempt in shown:
            offset = (attempt.began - (first or attempt.began)) / _MILLISECOND
            words = f"{_outcome(attempt)[1]}: {attempt.duration_ms} ms from {round(offset)} ms on"
            width = max(round(attempt.duration_ms / whole * _WIDTH), 3)
            bars.append(_Bar(round(offset / whole * _WIDTH), width, words))
        return _svg(self.headline(), shown, bars, _WIDTH, scale=f"{round(whole)} ms")


def by_steps(attempts: Sequence[Attempt]) -> list[list[Attempt]]:
    """The tries of each step, in the order of the first."""
    steps: dict[tuple[str | None, str, int], list[Attempt]] = {}
    for attempt in attempts:
        steps.setdefault(attempt.of_step, []).append(attempt)
    return list(steps.values())


@dataclass(frozen=True, slots=True)
class _Bar:
    """Where a try is drawn, from the left, how wide, and what is said of it."""

    left: int
    width: int
    words: str


def _outcome(attempt: Attempt) -> tuple[str, str, str]:
    return _OUTCOMES.get(attempt.outcome, ("·", attempt.outcome, "#7d8590"))


def _svg(title: str, shown: Sequence[Attempt], bars: Sequence[_Bar], width: int, scale: str = "") -> str:
    """Labels at the left, a row for each step at the right, with a bar for each try."""
    labels = list(dict.fromkeys((attempt.of_step, _short(attempt.label)) for attempt in shown))
    rows = {step: row for row, (step, _) in enumerate(labels)}
    left = round(max((len(label) for _, label in labels), default=0) * 7.23) + 12
    height = len(labels) * _ROW + (16 if scale else 0)
    size = f'width="{left + width + 16}" height="{height + 4}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} {_STYLE}>']
    parts.append(f"<title>{esc(title)}</title><desc>{esc('; '.join(label for _, label in labels[:20]))}</desc>")
    for row, (_, label) in enumerate(labels):
        parts.append(f'<text x="0" y="{row * _ROW + 14}">{esc(label)}</text>')
        parts.append(f'<path d="M{left} {row * _ROW + 10}h{width}" stroke="#7d8590" stroke-opacity=".3"/>')
    parts += [
        _drawn(attempt, bar, left + bar.left, rows[attempt.of_step] * _ROW)
        for attempt, bar in zip(shown, bars, strict=True)
    ]
    if scale:
        parts.append(f'<text x="{left}" y="{height}">0</text>')
        parts.append(f'<text x="{left + width}" y="{height}" text-anchor="end">{esc(scale)}</text>')
    return "".join([*parts, "</svg>"])


def _drawn(attempt: Attempt, bar: _Bar, x: int, y: int) -> str:
    """A bar with its sign in it, or beside it where it is too narrow; dashed where it did not end well."""
    sign, _, colour = _outcome(attempt)
    dashes = "" if attempt.outcome in {"done", "resolved"} else ' stroke-dasharray="3 2"'
    at = x + (bar.width - 8) // 2 if bar.width >= 12 else x + bar.width + 3
    return (
        f"<g><title>{esc(f'{_short(attempt.label)}: {bar.words}')}</title>"
        f'<rect x="{x}" y="{y + 2}" width="{bar.width}" height="16" rx="2" fill="{colour}" fill-opacity=".25" '
        f'stroke="{colour}"{dashes}/><text x="{at}" y="{y + 14}">{sign}</text></g>'
    )


def _short(label: str) -> str:
    line = visible(label).replace("\n", " ")
    return line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}…"
