"""Show the progress of a magic's run in a widget, while the run lasts.

When the run ends, the widget is removed: the notebook keeps the result only.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fsapi_nb.events import (
    Event,
    LockAwaited,
    MigrationFinished,
    NoticeReceived,
    Observer,
    RunStarted,
    StatementStarted,
    StepFinished,
    StepStarted,
)
from fsapi_nb.notebook.display import publish
from fsapi_nb.views.progress import RunProgress, advance

_numbers = itertools.count(1)
#: Seconds between two drawings after frequent events. All other events are drawn at once: it may take long until the next.
_EVERY = 0.15
_FREQUENT = StepStarted | StatementStarted | NoticeReceived | StepFinished | MigrationFinished


class ThrottledProgress:
    """An observer that collects a run's events and draws its progress a few times a second at most."""

    def __init__(self, draw: Callable[[dict[str, Any]], None]) -> None:
        self._draw = draw
        self._progress = RunProgress()
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        """Add an event, and draw the progress if that is due."""
        from fsapi_nb.notebook.widgets.progress import progress_state

        self._progress = advance(self._progress, event)
        if not isinstance(event, _FREQUENT) or time.monotonic() - self._drawn >= _EVERY:
            self._drawn = time.monotonic()
            self._draw(progress_state(self._progress))


@contextmanager
def live_progress() -> Iterator[Observer]:
    """Give an observer that shows a run in the output of the running cell, and remove the widget after the block."""
    live = _Live()
    try:
        yield live
    finally:
        live.close()


class _Live:
    """An observer that shows the widget when a run starts or waits for the lock.

    Only then: a verb that has nothing to do shows none. These events come in the cell's own thread, which publishes it.
    """

    def __init__(self) -> None:
        self._widget: Any = None
        self._display = f"fsapi-progress-{next(_numbers)}"
        self._pictures = ThrottledProgress(self._draw)

    def __call__(self, event: Event) -> None:
        if self._widget is None and isinstance(event, RunStarted | LockAwaited):
            self._show(event)
        elif self._widget is not None:
            self._pictures(event)

    def _show(self, event: Event) -> None:
        from fsapi_nb.notebook.widgets.progress import ProgressWidget

        self._widget = ProgressWidget()
        self._pictures(event)
        bundle, metadata = self._widget._repr_mimebundle_()
        publish(bundle, metadata, name=self._display)

    def _draw(self, state: dict[str, Any]) -> None:
        self._widget.progress = state

    def close(self) -> None:
        """Remove the widget and its output."""
        if self._widget is not None:
            publish({}, name=self._display, update=True)
            self._widget.close()
