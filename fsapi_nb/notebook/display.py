"""Show an output of a cell, change it, and remove it by its name. IPython's function for this is not annotated."""

from __future__ import annotations

from typing import Any

from IPython.display import publish_display_data


def publish(
    bundle: dict[str, Any], metadata: dict[str, Any] | None = None, *, name: str | None = None, update: bool = False
) -> None:
    """Show an output, or change one.

    Args:
        bundle: The forms of the output by their MIME types; an empty one removes what was shown.
        metadata: The metadata of the forms.
        name: The name by which the output can be changed later.
        update: Whether to change the output of that name instead of showing a new one.
    """
    publish_display_data(bundle, metadata or {}, transient={"display_id": name} if name else {}, update=update)  # type: ignore[no-untyped-call]


def publish_below(shell: Any, bundle: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    """Show an output below that of the cell which runs, and below its value: when the cell has ended."""

    def show() -> None:
        shell.events.unregister("post_execute", show)
        publish(bundle, metadata)

    shell.events.register("post_execute", show)
