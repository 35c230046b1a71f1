"""Show the frames of fsapi_nb without formulas: text between two dollar signs in a database is not LaTeX.

JupyterLab lets MathJax draw the formulas in the HTML of every output. `$5 to $6` would become one, and a formula that
somebody put into a database could look like anything. pandas marks a table as one without formulas if its option
`display.html.use_mathjax` is off. The user's setting of it is kept: it is off only while a frame of fsapi_nb is shown.
"""

from __future__ import annotations

from typing import Any

_FRAME = ("pandas.DataFrame", "pandas.core.frame.DataFrame")  # pandas 3, and older ones


class PlainFrames:
    """The formatter of a shell's frames. It does not replace one that somebody else has registered."""

    def __init__(self, shell: Any) -> None:
        self._formatter = shell.display_formatter.formatters["text/html"]

    def install(self) -> None:
        """Register it by the class's name, so that pandas is not imported."""
        for name in _FRAME:
            if self._registered(name) is None:
                self._formatter.for_type_by_name(*name.rsplit(".", 1), self.html)

    def uninstall(self) -> None:
        """Remove it, unless it was replaced meanwhile."""
        for name in _FRAME:
            if self._registered(name) == self.html:
                self._formatter.pop(name)

    def html(self, frame: Any) -> Any:
        """Return the HTML of a frame as pandas makes it; without formulas for a frame of fsapi_nb."""
        if "fsapi" not in frame.attrs:
            return frame._repr_html_()
        from fsapi_nb.views.frames import without_formulas

        return without_formulas(frame)

    def _registered(self, name: str) -> Any:
        try:
            return self._formatter.lookup_by_type(name)
        except KeyError:
            return None
