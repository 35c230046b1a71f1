"""Let a page open its diagrams by a click, to pan and zoom. The widget shows nothing, and nothing of it is stored."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import anywidget


class ZoomWidget(anywidget.AnyWidget):
    """What makes the page listen. It has no output: its script runs when the page hears of it."""

    _esm = (Path(__file__).parent / "zoom.js").read_text(encoding="utf-8")


@cache
def let_diagrams_zoom() -> ZoomWidget:
    """Make the pages of this kernel listen, those that are opened later as well: it is kept as long as the kernel."""
    return ZoomWidget()
