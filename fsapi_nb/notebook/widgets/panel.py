"""The panel's widget in JupyterLab: traits are what it shows, messages are clicks. Decides nothing; makes no connection."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from fsapi_nb.model.forecast import DataLoss
from fsapi_nb.model.history import JournalEntry
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.notebook.widgets.progress import PARTS, STYLE
from fsapi_nb.text.command import Face, typed, typed_lines
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.highlight import highlight
from fsapi_nb.views.results import MigrationResult, PlanResult, StatusResult

_HERE = Path(__file__).parent


class PanelWidget(anywidget.AnyWidget):
    """The widget that shows all migrations, one of them in detail, a plan to confirm, a run, an error.

    `busy` says what is going on; while it is not empty, the buttons are disabled. Clicks arrive as messages
    (`on_msg`): objects whose `do` is propose, run, cancel, refresh, dismiss, shown or hidden.
    """

    _esm = PARTS + (_HERE / "panel.js").read_text(encoding="utf-8")
    _css = STYLE + (_HERE / "panel.css").read_text(encoding="utf-8")
    database = traitlets.Dict().tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    counts = traitlets.List(traitlets.List()).tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    detail = traitlets.Instance(dict, allow_none=True).tag(sync=True)
    proposal = traitlets.Instance(dict, allow_none=True).tag(sync=True)
    progress = traitlets.Instance(dict, allow_none=True).tag(sync=True)
    busy = traitlets.Unicode("").tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)
    error = traitlets.List(traitlets.Unicode()).tag(sync=True)
    offline = traitlets.Unicode("").tag(sync=True)


def database_state(status: StatusResult) -> dict[str, Any]:
    """Return the top of the panel: the database, and the runner that works on it, which may be the panel itself."""
    identity = status.identity
    return {
        "name": visible_line(identity.database),
        "known_as": visible_line(identity.name or ""),
        "protected": identity.protected,
        "place": visible_line(identity.place),
        "summary": visible_line(status.headline()),
        "runner": visible_line(status.runner or ""),
    }


def row_states(status: StatusResult) -> list[dict[str, Any]]:
    """Return one object for each migration, with what the list shows and its search looks at."""
    return [_row(each) for each in status.statuses]


def _row(status: MigrationStatus) -> dict[str, Any]:
    entry = status.entry
    return {
        "name": status.name,
        "shown": visible_line(status.name),
        "state": status.state.value,
        "at": f"{entry.applied_at:%Y-%m-%d %H:%M}" if entry and entry.applied_at else "",
        "by": visible_line(status.by or ""),
        "note": visible_line(status.note or ""),
    }


def state_counts(status: StatusResult) -> list[list[Any]]:
    """Return the number of migrations in each state, in the order of the states, for the filters."""
    counts = Counter(each.state for each in status.statuses)
    return [[state.value, counts[state]] for state in State if counts[state]]


def detail_state(result: MigrationResult) -> dict[str, Any]:
    """Return one migration in detail: coloured scripts, what would run, its attempts, how its file differs."""
    found = result.inspection
    return {
        "name": result.status.name,
        "headline": result.headline(),
        "problems": [visible(line) for problem in result.status.problems for line in problem.lines()],
        "scripts": [
            {"title": title, "pieces": [list(piece) for piece in highlight(text.strip("\n"))]}
            for title, text in (("UP", found.up), ("DOWN", found.down))
            if text is not None
        ],
        "irreversible": found.up is not None and found.down is None,
        "plan": typed_lines(result.plan.lines(), Face.NOTEBOOK) if found.plan else [],
        "refusal": typed(visible(found.refusal or ""), Face.NOTEBOOK),
        "difference": [visible(line) for line in found.difference],
        "events": [_event(event) for event in result.events],
    }


def _event(event: JournalEntry) -> list[str]:
    of = f"{event.step} of {event.steps}" if event.steps and event.steps > 1 else ""
    took = "" if event.duration_ms is None else f"{event.duration_ms} ms"
    who = visible(", ".join(word for word in (event.role, event.host, event.application) if word))
    words = (f"{event.at:%Y-%m-%d %H:%M:%S}", event.event, event.state, of, took, who, visible(event.message or ""))
    return [str(word) for word in words]


def proposal_state(result: PlanResult, *, token: str, verb: str) -> dict[str, Any]:
    """Return a plan to confirm. `ask` has the reasons for a second confirmation; it is empty if one is enough.

    Args:
        result: The plan.
        token: The token that the page sends back to run this plan.
        verb: The question that the page asks.
    """
    identity, losses = result.identity, _losses(result)
    protected = identity is not None and identity.protected
    name = visible_line(identity.database) if identity else ""
    ask = []
    if protected:
        ask.append(f"The database {name} is protected.")
    if losses:
        ask.append("This removes what a rollback cannot restore:")
    elif result.takes_data:
        ask.append("This removes data that is copied elsewhere before, or that it has made itself.")
    return {
        "token": token,
        "verb": verb,
        "lines": typed_lines(result.lines(), Face.NOTEBOOK),
        "empty": not result.plan,
        "ask": ask,
        "losses": losses[:20] + ([f"… and {len(losses) - 20} more"] if len(losses) > 20 else []),
        "database": name,
    }


def _losses(result: PlanResult) -> list[str]:
    """Return what is lost for good, with its rows, each thing once."""
    found = result.forecast.losses if result.forecast else ()
    return list(dict.fromkeys(visible(_loss(each)) for each in found))


def _loss(found: DataLoss) -> str:
    rows = found.rows.rows if found.rows else None
    return found.loss.words if rows is None else f"{found.loss.words}: {counted(rows, 'row')}"
