"""One output of a cell, shown, changed and taken away by its name. IPython's function for it is not annotated."""

from __future__ import annotations

from typing import Any

from IPython.display import publish_display_data


def publish(
    bundle: dict[str, Any], metadata: dict[str, Any] | None = None, *, name: str | None = None, update: bool = False
) -> None:
    """Show these forms of one thing; with a `name` it can be changed later, by `update`. No form at all shows nothing."""
    publish_display_data(bundle, metadata or {}, transient={"display_id": name} if name else {}, update=update)  # type: ignore[no-untyped-call]
