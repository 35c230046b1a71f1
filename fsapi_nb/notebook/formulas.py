"""Show the frames of fsapi_nb: texts at the left, a plan as its text, and no formulas.

JupyterLab lets MathJax draw the formulas in the HTML of every output. `$5 to $6` would become one, and a formula that
somebody put into a database could look like anything. pandas marks a table as one without formulas if its option
`display.html.use_mathjax` is off. The user's setting of it is kept: it is off only while a frame of fsapi_nb is shown.
"""

from __future__ import annotations

from typing import Any

_FRAME = ("pandas.DataFrame", "pandas.core.frame.DataFrame")  # pandas 3, and older ones


class PlainFrames:
    """The formatters of a shell's frames. They do not replace one that somebody else has registered."""

    def __init__(self, shell: Any) -> None:
        formatters = shell.display_formatter.formatters
        self._of_kinds = ((formatters["text/html"], self.html), (formatters["text/plain"], self.text))

    def install(self) -> None:
        """Register them by the class's name, so that pandas is not imported."""
        for formatter, function in self._of_kinds:
            for name in _FRAME:
                if _registered(formatter, name) is None:
                    formatter.for_type_by_name(*name.rsplit(".", 1), function)

    def uninstall(self) -> None:
        """Remove them, unless they were replaced meanwhile."""
        for formatter, function in self._of_kinds:
            for name in _FRAME:
                if _registered(formatter, name) == function:
                    formatter.pop(name)

    def html(self, frame: Any) -> Any:
        """Return the HTML of a frame as pandas makes it; that of fsapi_nb for one of its frames."""
        if "fsapi" not in frame.attrs:
            return frame._repr_html_()
        from fsapi_nb.views.shown_frames import frame_html

        return frame_html(frame)

    def text(self, frame: Any, printer: Any, cycle: object) -> None:
        """Print the text of a frame as pandas makes it; a plan as its text."""
        text = None
        if "fsapi" in frame.attrs:
            from fsapi_nb.views.shown_frames import frame_text

            text = frame_text(frame)
        printer.text(repr(frame) if text is None else text)


def _registered(formatter: Any, name: str) -> Any:
    try:
        return formatter.lookup_by_type(name)
    except KeyError:
        return None
