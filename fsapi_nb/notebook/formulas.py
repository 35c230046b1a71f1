"""Shows the frames of fsapi_nb without formulas: what stands between two dollars in a database is not LaTeX.

JupyterLab has MathJax draw the formulas in the HTML of every output. `$5 to $6` would become one, and one that somebody has
put into a database could look like anything else. pandas marks a table as one without formulas if its option
`display.html.use_mathjax` is off. That is the user's, and stays: it is off only while a frame of fsapi_nb is shown.
"""

from __future__ import annotations

from typing import Any

_FRAME = ("pandas.DataFrame", "pandas.core.frame.DataFrame")  # of pandas 3, and before


class PlainFrames:
    """How a shell shows frames. What somebody has registered for them is not replaced."""

    def __init__(self, shell: Any) -> None:
        self._formatter = shell.display_formatter.formatters["text/html"]

    def install(self) -> None:
        """Register it by name, which imports nothing."""
        for name in _FRAME:
            if self._registered(name) is None:
                self._formatter.for_type_by_name(*name.rsplit(".", 1), self.html)

    def uninstall(self) -> None:
        """Take it away, unless it was replaced meanwhile."""
        for name in _FRAME:
            if self._registered(name) == self.html:
                self._formatter.pop(name)

    def html(self, frame: Any) -> Any:
        """Return the HTML of a frame as pandas makes it; marked if it is one of fsapi_nb that could have a formula."""
        if "fsapi" not in frame.attrs:
            return frame._repr_html_()
        from fsapi_nb.views.frames import without_formulas

        return without_formulas(frame)

    def _registered(self, name: str) -> Any:
        try:
            return self._formatter.lookup_by_type(name)
        except KeyError:
            return None
