"""The panel as it is stored: a line where the live one stood, and below it what it showed."""

from __future__ import annotations

from fsapi_nb.views.results.status import StatusResult

_NOTE = "The live panel needs a running kernel; this is what it showed last:"

Bundle = dict[str, object]


def panel_note() -> Bundle:
    """What stands beside the widget in its bundle, for whoever cannot show widgets."""
    return {"text/plain": _NOTE, "text/html": f"<em>{_NOTE}</em>"}


def panel_twin(status: StatusResult) -> Bundle:
    """What the panel shows, as text and as HTML that its live sibling hides."""
    return {"text/plain": repr(status), "text/html": f'<div class="fsapi-twin">{status.html()}</div>'}
