"""Show the moments and durations of results in a shell, if `%config MigrateMagics.times = True` asks for them.

A result leaves them out by itself: a notebook that stores them is not the same twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsapi_nb.views.results import Result

_RESULT = "fsapi_nb.views.results.base.Result"


class TimedResults:
    """The formatter of a shell's results. `are_wanted` is asked each time that one is shown."""

    def __init__(self, shell: Any, are_wanted: Callable[[], bool]) -> None:
        self._formatter = shell.display_formatter.mimebundle_formatter
        self._are_wanted = are_wanted

    def install(self) -> None:
        """Register it for every kind of result, by the class's name, so that no view is imported."""
        self._formatter.for_type_by_name(*_RESULT.rsplit(".", 1), self.bundle)

    def uninstall(self) -> None:
        """Remove it, unless it was replaced meanwhile."""
        try:
            registered = self._formatter.lookup_by_type(_RESULT)
        except KeyError:
            return
        if registered == self.bundle:
            self._formatter.pop(_RESULT)

    def bundle(self, result: Result, **_: object) -> Any:
        """Return what the notebook stores of a result."""
        return result.bundle(times=self._are_wanted())
