"""The one place where text of others becomes safe to show in HTML."""

from __future__ import annotations

from fsapi_nb.visible import visible, visible_line

__all__ = ["esc", "visible", "visible_line"]


def esc(text: object) -> str:
    """Text as HTML that shows it and runs nothing; quotes are escaped too, so it may stand in an attribute."""
    import html  # which a terminal never needs

    return html.escape(visible(str(text)), quote=True)
