"""The panel's widget in JupyterLab: traits are what it shows, messages are clicks. Decides nothing; makes no connection."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from fsapi_nb.model.history import JournalEntry
from fsapi_nb.model.status import MigrationStatus, State
from fsapi_nb.notebook.widgets.links import Links
from fsapi_nb.notebook.widgets.plan import plan_state
from fsapi_nb.notebook.widgets.progress import PARTS, STYLE
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.views.highlight import highlight
from fsapi_nb.views.results import MigrationResult, StatusResult

_HERE = Path(__file__).parent


class PanelWidget(anywidget.AnyWidget):
    """The widget that shows all migrations, one of them in detail, a plan to confirm, a run, an error.

    `possible` has the buttons that have something to do, `previews` what each of them would do. `busy` says what is going
    on; while it is not empty, the buttons are disabled. `said` and `error` are texts in pieces, some of which are links.
    Clicks arrive as messages (`on_msg`): objects whose `do` is propose, run, cancel, refresh, dismiss, shown or hidden.
    A link only sets `selected`.
    """

    _esm = PARTS + "".join((_HERE / name).read_text(encoding="utf-8") for name in ("plan.js", "detail.js", "panel.js"))
    _css = STYLE + (_HERE / "panel.css").read_text(encoding="utf-8")
    database = traitlets.Dict().tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    counts = traitlets.List(traitlets.List()).tag(sync=True)
    possible = traitlets.List(traitlets.Unicode()).tag(sync=True)
    previews = traitlets.Dict().tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    detail = traitlets.Instance(dict, allow_none=True).tag(sync=True)
    proposal = traitlets.Instance(dict, allow_none=True).tag(sync=True)
    progress = traitlets.Instance(dict, allow_none=True).tag(sync=True)
    busy = traitlets.Unicode("").tag(sync=True)
    said = traitlets.List(traitlets.Any()).tag(sync=True)
    error = traitlets.List(traitlets.Any()).tag(sync=True)
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


def detail_state(result: MigrationResult, links: Links) -> dict[str, Any]:
    """Return one migration in detail: coloured scripts, what would run, its attempts, how its file differs."""
    found = result.inspection
    return {
        "name": result.status.name,
        "headline": result.headline(),
        "problems": [links.pieces(line) for problem in result.status.problems for line in problem.lines()],
        "scripts": [
            _script(title, text, line)
            for title, text, line in (("UP", found.up, found.up_line), ("DOWN", found.down, found.down_line))
            if text is not None
        ],
        "irreversible": found.up is not None and found.down is None,
        "applied": result.status.entry is not None,
        "plan": plan_state(result.plan, links) if found.plan else None,
        "refusal": links.pieces(found.refusal or ""),
        "difference": [visible(line) for line in found.difference],
        "events": [_event(event) for event in result.events],
    }


def _script(title: str, text: str, line: int | None) -> dict[str, Any]:
    """Return a script in coloured pieces; `line` is the number of the first line that is shown."""
    whole = text.replace("\r\n", "\n")
    shown = whole.strip("\n")
    before = len(whole) - len(whole.lstrip("\n"))
    pieces = [list(piece) for piece in highlight(shown)]
    return {"title": title, "pieces": pieces, "line": None if line is None else line + before}


def _event(event: JournalEntry) -> list[str]:
    of = f"{event.step} of {event.steps}" if event.steps and event.steps > 1 else ""
    took = "" if event.duration_ms is None else f"{event.duration_ms} ms"
    who = visible(", ".join(word for word in (event.role, event.host, event.application) if word))
    words = (f"{event.at:%Y-%m-%d %H:%M:%S}", event.event, event.state, of, took, who, visible(event.message or ""))
    return [str(word) for word in words]
