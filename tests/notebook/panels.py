"""The panel without a browser: what a page would send it, and what it tells the page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anywidget
import pytest

from fsapi_nb.notebook.panel import Panel


@contextmanager
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The messages that widgets send to the page."""
    messages: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(
            anywidget.AnyWidget, "_send", lambda _, message, buffers=None: messages.append((message, buffers))
        )
        yield messages


def press_everything(panel: Panel) -> None:
    """Look at each migration, apply one and all, roll one back, decline, and follow the database; one is pending."""
    widget = panel._widget
    _press(panel, do="shown", view="v")
    for row in list(widget.rows):
        widget.selected = row["name"]
    for what in ("next", "back", "all", "back", "next"):
        _press(panel, do="propose", what=what)
        if widget.proposal is not None:
            _press(panel, do="run", token=widget.proposal["token"], sure=True)
    _press(panel, do="propose", what="back")
    for do in ("cancel", "refresh", "dismiss", "nonsense"):
        _press(panel, do=do)
    _press(panel, do="hidden", view="v")
    for thread in threading.enumerate():
        if thread.name == "fsapi_nb panel":
            thread.join(30)


def _press(panel: Panel, **message: Any) -> None:
    panel._clicked(None, message, None)
