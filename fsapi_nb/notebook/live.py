"""The progress of a magic's run, where somebody looks: a widget that comes with the run and goes with it.

At its end nothing is left of it in the notebook, which keeps the result alone.
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
#: Seconds between two pictures of a run, where one of these events follows the other; all others are drawn at once,
#: since there may be nothing to hear for long after them.
_EVERY = 0.15
_FREQUENT = StepStarted | StatementStarted | NoticeReceived | StepFinished | MigrationFinished


class ThrottledProgress:
    """An observer that folds a run's events and has them drawn, a few times a second at most."""

    def __init__(self, draw: Callable[[dict[str, Any]], None]) -> None:
        self._draw = draw
        self._progress = RunProgress()
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        """Take it in; draw what the run is doing now, if that is due."""
        from fsapi_nb.notebook.widgets.progress import progress_state

        self._progress = advance(self._progress, event)
        if not isinstance(event, _FREQUENT) or time.monotonic() - self._drawn >= _EVERY:
            self._drawn = time.monotonic()
            self._draw(progress_state(self._progress))


@contextmanager
def live_progress() -> Iterator[Observer]:
    """An observer that shows a run while it goes on, in the output of the cell that runs."""
    live = _Live()
    try:
        yield live
    finally:
        live.close()


class _Live:
    """An observer that shows the widget with the first thing that is worth it, from the thread of the cell."""

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
        """Take the widget away, and its output with it."""
        if self._widget is not None:
            publish({}, name=self._display, update=True)
            self._widget.close()
