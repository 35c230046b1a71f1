"""A run as one picture, an SVG: bars for each way, ours set off from the limits and the peers.

Made of the results alone, so that the same results give the same picture. It shows a few works; tables have all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from bench.figures import Run, Work
from bench.migrations import work_name
from bench.parts import QUERY
from bench.queries import OBJECTS
from bench.report import number
from bench.tools import IN_KERNEL, LIMITS, OURS, Phase

_WIDTH = 940
_COLUMN = 450
_GAP = 40
_ROW = 24
_LABEL = 215
_BAR = 140
_HEAD = 56
_OURS, _PEER, _LIMIT, _INK, _FAINT, _PAPER = "#0b6e4f", "#9db4c8", "#d9d9d9", "#1f2328", "#59636e", "#ffffff"


@dataclass(frozen=True, slots=True)
class _Panel:
    """Bars of one figure of a work: `ratio` to the time of its limit, `trips` for each of its things, the median
    `seconds`, `cpu` or `peak`, or how many data types are `exact`."""

    title: str
    work: str
    figure: str
    unit: str = ""
    places: int = 2


#: What is timed in a kernel only, and what no program that keeps the rows can do: the tables have them.
_LEFT_OUT = (*IN_KERNEL, "the same, bare libpq", OBJECTS)
_APPLY, _ROLL_BACK, _IDLE = (
    work_name(phase, 1000, "not durable") for phase in (Phase.APPLY, Phase.ROLL_BACK, Phase.IDLE)
)
_PANELS = (
    _Panel("Apply 1,000 migrations: time", _APPLY, "ratio", " x"),
    _Panel("Apply 1,000: round trips for each", _APPLY, "trips", places=1),
    _Panel("Roll back 1,000: time", _ROLL_BACK, "ratio", " x"),
    _Panel("Apply 1,000: client CPU", _APPLY, "cpu", " s"),
    _Panel("1,000,000 rows x 8 columns to a DataFrame: time", QUERY, "ratio", " x"),
    _Panel("1,000,000 rows: peak memory", QUERY, "peak", " MiB", 0),
    _Panel("Nothing to do, 1,000 applied: a process", _IDLE, "seconds", " s"),
    _Panel("Data types that come back exact", QUERY, "exact", places=0),
)


def draw(run: Run) -> str:
    """The SVG of what the run measured of the chosen works, two panels beside each other."""
    panels = [(panel, bars) for panel in _PANELS if (bars := _bars(run, panel))]
    parts: list[str] = []
    top = 16
    for at in range(0, len(panels), 2):
        pair = panels[at : at + 2]
        for column, (panel, bars) in enumerate(pair):
            parts.extend(_draw_panel(run, panel, bars, 20 + column * (_COLUMN + _GAP), top))
        top += _HEAD + _ROW * max(len(bars) for _, bars in pair) + 20
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}" '
        'role="img" font-family="system-ui, sans-serif" font-size="13">\n'
        "<title>fsapi_nb beside its peers and PostgreSQL's own limits</title>"
    )
    paper = f'<rect width="{_WIDTH}" height="{top}" rx="8" fill="{_PAPER}"/>'
    return "\n".join([head, paper, *parts, "</svg>\n"])


def _bars(run: Run, panel: _Panel) -> list[tuple[str, float]]:
    """The ways and their figures, the best first."""
    work = run.works.get(panel.work)
    if work is None:
        return []
    figures = [(name, _figure(run, work, name, panel.figure)) for name in work.ways if name not in _LEFT_OUT]
    return sorted(
        ((name, value) for name, value in figures if value is not None),
        key=lambda bar: bar[1],
        reverse=panel.figure == "exact",
    )


def _figure(run: Run, work: Work, name: str, figure: str) -> float | None:
    match figure:
        case "ratio":
            return work.ratio(name, work.limit)
        case "trips":
            return work.trips(name)
        case "exact":
            return run.exact(name)
        case _:
            return work.ways[name].median(figure)


def _draw_panel(run: Run, panel: _Panel, bars: list[tuple[str, float]], left: int, top: int) -> Iterator[str]:
    work = run.works[panel.work]
    yield _text(left, top + 16, panel.title, weight=600)
    captions = {"ratio": f"as multiples of: {work.limit}", "exact": f"of {len(run.exactness)} cases"}
    yield _text(left, top + 34, captions.get(panel.figure, ""), ink=_FAINT)
    most = max(value for _, value in bars)
    for row, (name, value) in enumerate(bars):
        middle = top + _HEAD + row * _ROW
        width = max(value / most * _BAR, 1)
        colour = _OURS if name == OURS else _LIMIT if name in {work.limit, *LIMITS} else _PEER
        yield _text(left + _LABEL - 8, middle, name, anchor="end", weight=600 if name == OURS else 400)
        yield f'<rect x="{left + _LABEL}" y="{middle - 12}" width="{width:.1f}" height="16" rx="2" fill="{colour}"/>'
        yield _text(left + _LABEL + width + 6, middle, number(value, panel.places) + panel.unit, ink=_FAINT)


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: int = 400, ink: str = _INK) -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" fill="{ink}">{escape(words)}</text>'
    )
