"""The panel as a notebook stores it: a line in the place of the live one, and below it what it showed."""

from __future__ import annotations

from fsapi_nb.views.results.status import StatusResult

_NOTE = "The live panel needs a running kernel; this is what it showed last:"

Bundle = dict[str, object]


def panel_note() -> Bundle:
    """Return what stands beside the widget in its bundle, for a viewer that cannot show widgets."""
    return {"text/plain": _NOTE, "text/html": f"<em>{_NOTE}</em>"}


def panel_twin(status: StatusResult) -> Bundle:
    """Return what the panel shows, as text and as HTML that the live panel hides."""
    stored, _ = status._repr_mimebundle_()
    return {"text/plain": stored["text/plain"], "text/html": f'<div class="fsapi-twin">{stored["text/html"]}</div>'}
