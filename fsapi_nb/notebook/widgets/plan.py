"""A plan as the panel shows it: before a button, in a migration's details, and as a question. Decides nothing.

What is shown of a plan, and how much, is decided by its document, as for text and HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fsapi_nb.errors import FsapiError
from fsapi_nb.model.forecast import DataLoss
from fsapi_nb.notebook.widgets.links import Links, Piece
from fsapi_nb.text.fold import Fold, clip, shorten
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import Alert, Disclosure, Heading, ResultTable, Row
from fsapi_nb.views.forecast.effects import is_lost, lost_words
from fsapi_nb.views.forecast.lines import short_steps
from fsapi_nb.views.highlight import highlight
from fsapi_nb.views.render.html import cells
from fsapi_nb.views.results import PlanResult

_FEW = 2  # steps, and dangers of each kind, that stand before a button
_CALM = "loses nothing, blocks nothing"
_LOSSES = Fold(20, 5)

Shown = dict[str, Any]


# -- all of a plan -----------------------------------------------------------------------------------------------------


def plan_state(result: PlanResult, links: Links) -> Shown:
    """Return a plan: what is dangerous first, then its steps with their statements."""
    document, of = result.document(), _only_name(result)
    tables = [section for section in document.sections if isinstance(section, ResultTable)]
    return {
        "headline": visible_line(document.headline),
        "alerts": [_alert(alert, links, of) for alert in document.alerts],
        "notes": [links.pieces(shorten(note.text)) for note in document.notes],
        "rows": [row for table in tables for row in _rows(table, links)],
        "shortened": "" if document.whole else document.shortened,
    }


def _only_name(result: PlanResult) -> str:
    """Return the migration that the plan is about; empty if there are several."""
    names = {part.migration.name for step in result.plan.steps for part in step.parts}
    return names.pop() if len(names) == 1 else ""


def _alert(alert: Alert, links: Links, of: str) -> Shown:
    texts = [links.pieces(clip(text), of=of) for text in alert.texts]
    return {"label": alert.label, "grave": alert.grave, "texts": texts}


def _rows(table: ResultTable, links: Links) -> Iterator[Shown]:
    """Yield the rows of a table. A line's number is a link to the migration that the heading above it names."""
    columns, rows = cells(table)
    name = ""
    for row in rows:
        if isinstance(row, Heading):
            pieces = links.pieces(clip(row.text))
            name = _named(pieces) if row.strong else name
            yield {"heading": pieces, "strong": row.strong}
        else:
            yield {"cells": _cells(columns, row, links, name)}


def _named(pieces: Sequence[Piece]) -> str:
    names = [str(each["name"]) for each in pieces if not isinstance(each, str)]
    return names[0] if len(names) == 1 else ""


def _cells(columns: Sequence[str], row: Row, links: Links, name: str) -> list[Shown]:
    return [
        {"column": column, **_cell(value, links, name if column == "line" else None)}
        for column, value in zip(columns, row, strict=True)
        if value not in ("", None)
    ]


def _cell(value: object, links: Links, line_of: str | None) -> Shown:
    if isinstance(value, Disclosure):
        return {
            "text": links.pieces(shorten(value.text)),
            "hint": visible_line(clip(value.hint)),
            "sql": [list(piece) for piece in highlight(value.sql)],
        }
    text = shorten(str(value))
    return {"text": links.pieces(text) if line_of is None else links.line(text, line_of)}


# -- before a button ---------------------------------------------------------------------------------------------------


def preview_state(result: PlanResult, links: Links) -> Shown:
    """Return in few words what a button would do, what is dangerous first."""
    of = _only_name(result)
    alerts = result.alerts(instants=True)
    dangers = [
        {**_alert(alert, links, of), "texts": [links.pieces(clip(text), of=of) for text in alert.texts[:_FEW]]}
        | {"more": len(alert.texts) > _FEW}
        for alert in alerts
    ]
    known = result.forecast is not None and not result.forecast.notes
    return {
        "says": _says(result, links),
        "does": clip(_does(result)) if of else "",
        "dangers": [*dangers, *_irreversible(result)],
        "calm": _CALM if known and not alerts and result.plan.steps else "",
        "refused": False,
    }


def refusal_state(error: FsapiError, links: Links) -> Shown:
    """Return why a button would be refused: what is wrong, and the first line of what shows it."""
    shown = ": ".join(["is refused", error.message.rstrip("."), *(line.strip() for line in error.details[:1])])
    return {"says": links.pieces(shorten(shown)), "does": "", "dangers": [], "calm": "", "refused": True}


def many_state(count: int) -> Shown:
    """Return what is said of a plan of so many migrations that it is only made when it is asked for."""
    says = [counted(count, "migration")]
    return {"says": says, "does": "", "dangers": [], "calm": "the button shows their plan", "refused": False}


def _says(result: PlanResult, links: Links) -> list[Piece]:
    names = dict.fromkeys(name for name, _ in result.plan.migrations)
    if len(names) == 1:
        return links.pieces(visible_line(next(iter(names))))
    if names:
        return [counted(len(names), "migration")]
    return links.pieces(result.headline().removeprefix("Plan: "))


def _does(result: PlanResult) -> str:
    """Return what the steps of one migration do, in a line."""
    steps = short_steps(result.views(), named=False)
    more = [f"… {counted(len(steps) - _FEW, 'step')} more"] if len(steps) > _FEW else []
    return "; ".join([*(step.words for step in steps[:_FEW]), *more])


def _irreversible(result: PlanResult) -> list[Shown]:
    parts = [
        (part.migration.name, expected.irreversible)
        for step, foreseen in zip(result.plan.steps, result.expected.steps, strict=True)
        for part, expected in zip(step.parts, foreseen.parts, strict=True)
    ]
    names, without = {name for name, _ in parts}, {name for name, irreversible in parts if irreversible}
    if not without:
        return []
    text = "it has no DOWN" if len(names) == 1 else f"{len(without):,} {'has' if len(without) == 1 else 'have'} no DOWN"
    return [{"label": "Irreversible", "grave": False, "texts": [[text]], "more": False}]


# -- to confirm --------------------------------------------------------------------------------------------------------


def proposal_state(result: PlanResult, links: Links, *, token: str, verb: str) -> Shown:
    """Return a plan to confirm. `ask` has the reasons for a second confirmation; it is empty if one is enough.

    Args:
        result: The plan.
        links: The migrations that a text may name.
        token: The token that the page sends back to run this plan.
        verb: The question that the page asks.
    """
    identity, (words, losses) = result.identity, _losses(result)
    name = visible_line(identity.database) if identity else ""
    ask = [f"The database {name} is protected."] if identity is not None and identity.protected else []
    return {
        "token": token,
        "verb": verb,
        "plan": plan_state(result, links),
        "empty": not result.plan,
        "ask": [*ask, *([words] if words else [])],
        "losses": _LOSSES.apply(losses, lambda each: [each], lambda left: f"… and {len(left):,} more"),
        "database": name,
    }


def _losses(result: PlanResult) -> tuple[str, list[str]]:
    """Return what is to be asked about the data that a plan takes away, and what that is, each thing once."""
    if not result.takes_data:
        return "", []
    found = _taken(result)
    lost = list(dict.fromkeys(lost_words(each) for each in found if is_lost(each)))
    empty = [lost_words(each) for each in found if not is_lost(each) and _has_no_rows(each)]
    kept = [f"{visible_line(each.loss.words)}: kept in {_places(each)}" for each in found if each.loss.copied_to]
    others = list(dict.fromkeys((*empty, *kept)))
    if lost:
        return "This is lost for good:", [*lost, *others]
    if others:
        return "This is taken away:", others
    return "This removes data that it has made itself or copied elsewhere before.", []


def _taken(result: PlanResult) -> list[DataLoss]:
    forecast = result.expected
    return [*forecast.drops, *(loss for each in forecast.statements for loss in each.losses)]


def _has_no_rows(found: DataLoss) -> bool:
    return found.rows is not None and found.rows.exact and found.rows.rows == 0


def _places(found: DataLoss) -> str:
    return visible(", ".join(visible_line(each) for each in found.loss.copied_to))
