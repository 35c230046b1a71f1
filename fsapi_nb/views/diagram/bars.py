"""The tries of a run as a picture: a row for each step, a bar for each try, either in order or over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fsapi_nb.text.safe import esc, visible
from fsapi_nb.text.width import text_width
from fsapi_nb.views.attempts import MILLISECOND, Attempt
from fsapi_nb.views.diagram.picture import picture
from fsapi_nb.views.document import Picture

_COLOURS = {
    "done": "#2b8a3e",
    "resolved": "#2b8a3e",
    "retried": "#b56f00",
    "failed": "#e0454a",
    "in doubt": "#e0454a",
    "started": "#7d8590",
}
_GREY = "#7d8590"
_LABEL = 60
_ROW, _CELL, _WIDTH = 20, 20, 420
_CHARACTER = 7.23


@dataclass(frozen=True, slots=True)
class _Bar:
    """A try as it is drawn: where, from the left, and how wide."""

    attempt: Attempt
    left: int
    width: int


def in_order(title: str, attempts: Sequence[Attempt]) -> Picture:
    """Return a square for each try, the later the further right. It holds no times."""
    bars = [_Bar(each, place * _CELL, _CELL - 3) for place, each in enumerate(attempts)]
    return _drawn(title, bars, len(attempts) * _CELL)


def to_scale(title: str, attempts: Sequence[Attempt]) -> Picture:
    """Return a bar for each try, as long as it took, and behind the bars of a step how long they took together."""
    first = min((attempt.began for attempt in attempts), default=None)
    last = max((attempt.ended for attempt in attempts), default=None)
    whole = max((last - first) / MILLISECOND, 1.0) if first and last else 1.0
    bars = []
    for attempt in attempts:
        offset = (attempt.began - (first or attempt.began)) / MILLISECOND
        width = max(round(attempt.duration_ms / whole * _WIDTH), 3)
        bars.append(_Bar(attempt, round(offset / whole * _WIDTH), width))
    return _drawn(title, bars, _WIDTH, scale=f"{round(whole)} ms")


def _drawn(title: str, bars: Sequence[_Bar], width: int, scale: str = "") -> Picture:
    """Return labels at the left, and a row for each step at the right."""
    labels = list(dict.fromkeys((bar.attempt.of_step, _short(bar.attempt.label)) for bar in bars))
    rows = {step: row for row, (step, _) in enumerate(labels)}
    left = round(max((text_width(label) for _, label in labels), default=0) * _CHARACTER) + 12
    parts = []
    for row, (step, label) in enumerate(labels):
        parts.append(f"<text x='0' y='{row * _ROW + 14}'>{esc(label)}</text>")
        parts.append(f"<path d='M{left} {row * _ROW + 10}h{width}' stroke='{_GREY}' stroke-opacity='.3'/>")
        if scale:
            took = sum(bar.attempt.duration_ms for bar in bars if bar.attempt.of_step == step)
            parts.append(f"<text class='q' x='{left + width + 16}' y='{row * _ROW + 14}'>{took} ms</text>")
    parts += [_bar(bar, left + bar.left, rows[bar.attempt.of_step] * _ROW) for bar in bars]
    height, beside = len(labels) * _ROW, 16
    if scale:
        height, beside = height + 16, 96
        parts.append(f"<text class='q' x='{left}' y='{height}'>0</text>")
        parts.append(f"<text class='q' x='{left + width}' y='{height}' text-anchor='end'>{esc(scale)}</text>")
    described = "; ".join(f"{_short(bar.attempt.label)} {bar.attempt.words}" for bar in bars)
    return picture(parts, left + width + beside, height + 4, title=title, description=described)


def _bar(bar: _Bar, x: int, y: int) -> str:
    """Return a bar with its sign in it, or beside it if it is too narrow; dashed if the try did not end well."""
    outcome = bar.attempt.outcome
    colour = _COLOURS.get(outcome, _GREY)
    dashes = "" if outcome in {"done", "resolved"} else " stroke-dasharray='3 2'"
    at = x + (bar.width - 8) // 2 if bar.width >= 12 else x + bar.width + 3
    return (
        f"<rect x='{x}' y='{y + 2}' width='{bar.width}' height='16' rx='2' fill='{colour}' fill-opacity='.25' "
        f"stroke='{colour}'{dashes}/><text x='{at}' y='{y + 14}'>{bar.attempt.sign}</text>"
    )


def _short(label: str) -> str:
    line = visible(label).replace("\n", " ")
    return line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}…"
