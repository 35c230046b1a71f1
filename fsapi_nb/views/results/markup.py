"""The HTML form: a headline, a table, remarks; everything escaped, no script, no style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fsapi_nb.model.status import State
from fsapi_nb.text.fold import HTML, clip, fit, shorten
from fsapi_nb.text.safe import esc

# Tones in the middle, so that they can be read on a light and on a dark page (contrast about 4 : 1 on both).
_TONES = {
    State.APPLIED.value: "#2b8a3e",
    State.PENDING.value: "#2c7be5",
    State.LATE.value: "#b56f00",
    State.DRIFTED.value: "#e0454a",
    State.MISSING.value: "#b56f00",
    State.PARTLY_APPLIED.value: "#e0454a",
    State.IN_DOUBT.value: "#e0454a",
    State.BROKEN.value: "#e0454a",
}


# Names and SQL are no formulas, though a name may hold two dollars: MathJax of either version leaves these alone.
_OPENING = '<div class="mathjax_ignore tex2jax_ignore">'
_REMARKS = 4 * 1024
_ROWS = HTML - 2 * _REMARKS  # and as much for the headline


def html_of(headline: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], remarks: Sequence[str]) -> str:
    """The three as one `div`, which has no more than `HTML` bytes: of too many rows the first and the last."""
    parts = [f"{_OPENING}<strong>{esc(clip(headline))}</strong>"]
    if rows:
        head = "".join(f'<th scope="col" style="text-align:left">{esc(column)}</th>' for column in columns)
        body = fit([_row(row) for row in rows], _ROWS, lambda count: _gap(count, len(columns)))
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>")
    parts += fit([_remark(remark) for remark in remarks], _REMARKS, lambda n: f"<p>… {n} more</p>")
    return "".join([*parts, "</div>"])


def html_of_lines(lines: Sequence[str]) -> str:
    """A text as HTML, where a form of its own would have more than `HTML` bytes."""
    shown = fit([esc(line) for line in lines], _ROWS, lambda count: f"… {count} lines more")
    return f'{_OPENING}<pre style="text-align:left;white-space:pre-wrap">' + "\n".join(shown) + "</pre></div>"


def _remark(text: str) -> str:
    style = ' style="white-space:pre-wrap"' if "\n" in text else ""
    return f"<p{style}>{esc(shorten(text))}</p>"


def _row(row: Sequence[object]) -> str:
    return f"<tr>{''.join(_cell(value) for value in row)}</tr>"


def _gap(count: int, columns: int) -> str:
    return f'<tr><td colspan="{columns}" style="text-align:left">… {count} rows more</td></tr>'


def _cell(value: object) -> str:
    if value is None or value == "":
        return "<td></td>"
    tone = _TONES.get(value) if isinstance(value, str) else None
    wrap = "pre-wrap" if isinstance(value, str) and len(value) > 50 else "pre"
    style = f"text-align:left;vertical-align:top;white-space:{wrap}{f';color:{tone};font-weight:600' if tone else ''}"
    return f'<td style="{style}">{esc(shorten(str(value)))}</td>'


def said_once(rows: Sequence[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    """The rows, with the first `width` cells empty where they are those of the row before."""
    shown: list[Sequence[Any]] = []
    for before, row in zip([None, *rows], rows, strict=False):
        same = before is not None and tuple(before[:width]) == tuple(row[:width])
        shown.append((*([""] * width), *row[width:]) if same else row)
    return shown


def without_empty(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[list[str], list[Sequence[Any]]]:
    """The table without the columns in which nothing stands."""
    kept = [index for index in range(len(columns)) if any(row[index] not in ("", None) for row in rows)]
    return [columns[index] for index in kept], [[row[index] for index in kept] for row in rows]
