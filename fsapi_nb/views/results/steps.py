"""How the steps of a plan are shown: each with its statements, or, of a long plan, each in a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fsapi_nb.model.finding import Finding
from fsapi_nb.model.forecast import Forecast, PartForecast, StatementForecast, StepForecast
from fsapi_nb.model.plan import Step
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import Item, Medium, Row, gap
from fsapi_nb.views.forecast.effects import effects_of
from fsapi_nb.views.forecast.findings import by_place
from fsapi_nb.views.forecast.lines import dangers_of, short_steps, step_lines
from fsapi_nb.views.forecast.rows import COLUMNS, short_row, step_rows
from fsapi_nb.views.forecast.step import StepView

#: The columns of the records: a row for each statement, or for a step that has none.
RECORDS = [
    "step",
    "direction",
    "migration",
    "transaction",
    "line",
    "statement",
    "does",
    "loses",
    "blocks",
    "work",
    "takes",
    "unknown",
    "sql",
]
#: The columns of the HTML of steps that are a line each.
SHORT = ["step", "migration", "what it does", "danger"]
_ROOM = 40  # lines that all steps may take with their statements
_FIRST, _LAST = 20, 10  # of more steps, a line each


def bare_forecast(steps: Sequence[Step]) -> Forecast:
    """Return what is known of steps of which no forecast was made: what kinds of statements they have."""
    return Forecast(
        tuple(
            StepForecast(
                tuple(
                    PartForecast(
                        tuple(StatementForecast(s.line, s.traits.kind, (s.traits.kind,), "") for s in part.statements)
                    )
                    for part in step.parts
                )
            )
            for step in steps
        )
    )


def views_of(
    steps: Sequence[Step], forecast: Forecast, *, full: bool = False, stops: Sequence[Finding] = ()
) -> list[StepView]:
    """Return the steps, numbered, each with what it will do; `stops` are the findings of lint to stop at."""
    pairs, found = zip(steps, forecast.steps, strict=True), by_place(stops)
    return [StepView(number, step, expected, full, found) for number, (step, expected) in enumerate(pairs, 1)]


def is_short(views: Sequence[StepView]) -> bool:
    """Return whether there is room to show all steps with their statements."""
    room = _ROOM
    for view in views:
        room -= view.rows()
        if room < 0:
            return len(views) == 1
    return True


def whole_items(views: Sequence[StepView], medium: Medium, *, named: bool = True) -> list[Item]:
    """Return each step with its statements, for a table with the columns `COLUMNS`."""
    return [
        Item(
            step_lines(view, named=named),
            step_rows(view, named=named) if medium.folded else [],
            all(part.whole for part in view.parts),
        )
        for view in views
    ]


def short_items(views: Sequence[StepView], medium: Medium, *, named: bool = True) -> list[Item]:
    """Return each step in a line, of very many the first and the last, for a table with the columns `SHORT`."""
    if len(views) <= _FIRST + _LAST + 1:
        return _short_items(views, medium, named=named)
    items = _short_items([*views[:_FIRST], *views[-_LAST:]], medium, named=named)
    return [*items[:_FIRST], _gap(views[_FIRST:-_LAST]), *items[_FIRST:]]


def _short_items(views: Sequence[StepView], medium: Medium, *, named: bool) -> list[Item]:
    return [
        Item([short.line], [short_row(view, short.words, named=named)] if medium.folded else [], short.whole)
        for view, short in zip(views, short_steps(views, named=named), strict=True)
    ]


def _gap(left: Sequence[StepView]) -> Item:
    """Return what stands in the place of steps: how many they are, and how many are dangerous, in which way."""
    counts = Counter(danger for view in left for danger in dangers_of(view))
    words = f"… {counted(len(left), 'step')} more"
    marks = ", ".join(f"{count:,} {one if count == 1 else several}" for (one, several), count in counts.items())
    return gap(f"     {words}{f' ({marks})' if marks else ''}", "…", words, "", marks)


# -- records -----------------------------------------------------------------------------------------------------------


def records_of(views: Sequence[StepView]) -> list[Row]:
    """Return a row for each statement of all steps, or for a step that has none."""
    return [row for view in views for row in _records(view)]


def _records(view: StepView) -> list[Row]:
    rows: list[Row] = []
    for part in view.parts:
        head = (
            view.number,
            part.part.direction.value,
            part.part.migration.name,
            f"{view.step.mode.value}: {view.step.reason}",
        )
        found: list[Row] = [(*head, *_record(each, part.back)) for each in part.expected.statements]
        found += [(*head, c.statement.line, f"CHECK {c.title}", *[""] * 7) for c in part.part.checks]
        rows += found or [(*head, "", "no statement", *[""] * 7)]
    return rows


def _record(statement: StatementForecast, back: str) -> Row:
    effects = effects_of([statement], back)
    blocks = [*effects.blocks, *(f"perhaps {each}" for each in effects.may_block), *["nothing"] * effects.nothing]
    return (
        statement.line,
        statement.kind,
        "; ".join(statement.words),
        "; ".join(effects.loses),
        "; ".join(blocks),
        ", ".join((*effects.work, *effects.may_work)),
        effects.takes,
        statement.unknown or "",
        statement.sql,
    )


__all__ = [
    "COLUMNS",
    "RECORDS",
    "SHORT",
    "bare_forecast",
    "is_short",
    "records_of",
    "short_items",
    "views_of",
    "whole_items",
]
