"""How a frame of a query is shown: as pandas does, with texts at the left, and without formulas; a plan as its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fsapi_nb.text.fold import HTML, bounded, fit
from fsapi_nb.text.safe import esc
from fsapi_nb.views.text_form import text_lines

if TYPE_CHECKING:
    import pandas as pd

_MARKS = ("$", "\\")  # what MathJax's formulas begin with
_ROW = re.compile(r"<tr[ >].*?</tr>", re.DOTALL)
_CELL = re.compile(r"<t([hd])>(.*?)</t\1>", re.DOTALL)
#: The attribute of a frame whose one column is a text by itself.
FORM = "form"
TEXT = "text"


def frame_html(frame: pd.DataFrame) -> str | None:
    """Return the HTML of a frame; None if pandas is set to give none."""
    if is_text_form(frame):
        lines = fit([esc(line) for line in text_lines(frame.iloc[:, 0])], HTML, lambda count: f"… {count} lines more")
        style = "text-align:left;white-space:pre;overflow:auto;margin:0"
        return f'<div class="mathjax_ignore tex2jax_ignore"><pre style="{style}">' + "\n".join(lines) + "</pre></div>"
    html = _without_formulas(frame)
    return html if html is None or not _is_plain(frame) else _aligned(html, _at_left(frame))


def frame_text(frame: pd.DataFrame) -> str | None:
    """Return the text of a frame that has another one than pandas gives it."""
    return "\n".join(bounded(text_lines(frame.iloc[:, 0]))) if is_text_form(frame) else None


def is_text_form(frame: pd.DataFrame) -> bool:
    """Return whether a frame is still the one column that is a text by itself."""
    return frame.attrs.get(FORM) == TEXT and frame.shape[1] == 1


def _without_formulas(frame: Any) -> str | None:
    """Return the HTML that pandas makes of a frame, marked as free of formulas if it has what one begins with."""
    html: str | None = frame._repr_html_()
    if html is None or not any(mark in html for mark in _MARKS):
        return html
    import pandas as pd

    with pd.option_context("display.html.use_mathjax", False):
        marked: str | None = frame._repr_html_()
        return marked


def _is_plain(frame: pd.DataFrame) -> bool:
    """Return whether rows and columns have one label each, as those of a query do."""
    return frame.columns.nlevels == 1 and frame.index.nlevels == 1


def _at_left(frame: pd.DataFrame) -> list[bool]:
    """Return for each column whether its values are not numbers."""
    import pandas as pd

    from fsapi_nb.views.frames import are_decimals

    return [
        not (pd.api.types.is_numeric_dtype(dtype) or are_decimals(frame.iloc[:, number]))
        for number, dtype in enumerate(frame.dtypes)
    ]


def _aligned(html: str, at_left: list[bool]) -> str:
    """Return a table with these columns at the left. Of many columns pandas shows the first and the last."""

    def row(found: re.Match[str]) -> str:
        cells = list(_CELL.finditer(found[0]))[1:]  # the first is the row's label
        if len(cells) < len(at_left):
            middle = len(cells) // 2
            shown = [*at_left[:middle], False, *at_left[len(at_left) - (len(cells) - middle - 1) :]]
        else:
            shown = at_left
        text, end = "", 0
        for cell, left in zip(cells, shown, strict=False):
            style = ' style="text-align:left"' if left else ""
            text += f"{found[0][end : cell.start()]}<t{cell[1]}{style}>{cell[2]}</t{cell[1]}>"
            end = cell.end()
        return text + found[0][end:]

    return _ROW.sub(row, html)
