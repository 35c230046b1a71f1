"""A step of a plan as rows of an HTML table: its SQL is folded away in each."""

from __future__ import annotations

from fsapi_nb.text.safe import visible_line
from fsapi_nb.views.document import Disclosure, Heading, Row
from fsapi_nb.views.forecast.effects import Effects, effects_of
from fsapi_nb.views.forecast.lines import marks_of, short_head, some
from fsapi_nb.views.forecast.repetitions import Repetition
from fsapi_nb.views.forecast.sql import excerpt, stored_sql
from fsapi_nb.views.forecast.step import LeftOut, PartView, StepView

#: The columns: a row for each statement, or for several alike.
COLUMNS = ["line", "what it does", "loses", "blocks", "work"]


def step_rows(view: StepView, *, named: bool) -> list[Row]:
    """Return a heading for each part of a step, and a row for each statement."""
    rows: list[Row] = []
    for number, part in enumerate(view.parts):
        rows.append(Heading(f"{f'{view.number}. ' if number == 0 else ''}{part.head(named=named)}"))
        found = [_row(each, part, opened=view.full) for each in part.shown]
        found += [(each.statement.line, f"check: {each.title}", "", "", "") for each in part.part.checks]
        rows += found or [("", "no statement: it is only recorded", "", "", "")]
    return [*rows, *(Heading(each, strong=False) for each in view.remarks())]


def _row(shown: Repetition | LeftOut, part: PartView, *, opened: bool) -> Row:
    if isinstance(shown, LeftOut):
        return ("", shown.words, "", "", "")
    effects = effects_of(shown.statements, part.back)
    words = "\n".join([*(visible_line(word) for word in some(shown.words)), *part.advice(shown)])
    return (shown.lines, _does(shown, words, opened=opened), *_cells(effects))


def _does(shown: Repetition, words: str, *, opened: bool) -> Disclosure | str:
    first = shown.statements[0]
    if shown.times > 1 or not first.sql:
        return words
    sql, _ = stored_sql(first)
    return Disclosure(words, sql, hint=excerpt(first), opened=opened)


def _cells(effects: Effects) -> tuple[str, str, str]:
    unknown = [f"unknown: {effects.unknown}"] if effects.unknown else []
    return (
        "\n".join((*effects.loses, *effects.keeps)),
        "\n".join(
            (*effects.blocks, *(f"perhaps {each}" for each in effects.may_block), *["nothing"] * effects.nothing)
        ),
        "\n".join([*effects.timed_work("takes " if effects.may_work else ""), *unknown]),
    )


def short_row(view: StepView, words: str, *, named: bool) -> Row:
    """Return a step as one row: its name, what it does in few `words`, and what is dangerous of it."""
    return (view.number, short_head(view, named=named), words, ", ".join(marks_of(view)))
