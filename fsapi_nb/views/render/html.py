"""Documents as HTML: a headline, tables, pictures, paragraphs; everything escaped, no script, no style sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from fsapi_nb.model.finding import FindingLevel
from fsapi_nb.model.status import State
from fsapi_nb.text.command import Advice, Face, typed_lines
from fsapi_nb.text.fold import HTML, clip, fit, shorten
from fsapi_nb.text.safe import esc
from fsapi_nb.views.document import (
    Alert,
    Disclosure,
    Document,
    Heading,
    Listing,
    Paragraphs,
    Picture,
    ResultTable,
    Row,
)
from fsapi_nb.views.highlight import TONES, highlight

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
    FindingLevel.STOP.value: "#e0454a",
    FindingLevel.WARN.value: "#b56f00",
}

# Names and SQL are not formulas, though a name may hold two dollars: MathJax of either version leaves these alone.
_OPENING = '<div class="mathjax_ignore tex2jax_ignore">'
_PRE = 'style="text-align:left;white-space:pre-wrap;margin:0 0 0.5em"'
_SQL = 'style="text-align:left;white-space:pre-wrap;word-break:normal;margin:0 0 0.5em"'
# What stands for itself in an address, and in an attribute in double quotes.
_IN_ADDRESS = "!$'()*+,;=:@/?-._~"
_SMALLEST = 0.65  # of its size, for text of 12 pixels
_PARAGRAPHS = 4 * 1024
_ROWS = HTML - 3 * _PARAGRAPHS  # and as much for the headline, and for the alerts
# Lines that only the first of two texts has, and that only the second has; the sign says the same.
_SIGNS = {"-": "#e0454a", "+": "#2b8a3e"}
# What cannot be undone, and what can, in tones that can be read on both pages; the label says the same.
_GRAVE, _SERIOUS = "#e0454a", "#b56f00"


def html_of(document: Document, *, shortened: bool = False) -> str:
    """Return the document as one `div`, which of too many rows or paragraphs has the first and the last.

    Tables and paragraphs have no more than `HTML` bytes; listings and pictures are as long as they are. `shortened`
    says that the text has not everything: the HTML says so, too, unless listings or a picture show what the text
    cannot.
    """
    above: list[str] = []
    paragraphs = [_paragraph(note.text) for note in document.notes]
    below: list[str] = []
    for section in document.sections:
        match section:
            case ResultTable(title=title):
                (below if title else above).append(_titled_table(section) if title else _table(section))
            case Paragraphs(items=items, quiet=quiet):
                paragraphs += [_paragraph(row[0], quiet=quiet) for item in items for row in item.rows]
            case Listing():
                below.append(_listing(section))
            case Picture():
                above.append(image_of(section))
    if shortened and not any(isinstance(section, Listing | Picture) for section in document.sections):
        paragraphs.append(_paragraph(document.shortened))
    said = fit(paragraphs, _PARAGRAPHS, lambda count: f"<p>… {count} more</p>")
    return "".join(
        [
            f"{_OPENING}<strong>{_said(document.headline, clip)}</strong>",
            *_alerts(document.alerts),
            *above,
            *said,
            *below,
            "</div>",
        ]
    )


def html_of_lines(lines: Sequence[str]) -> str:
    """Return a text as HTML, for a document whose own HTML would have more than `HTML` bytes."""
    shown = fit([esc(line) for line in lines], _ROWS, lambda count: f"… {count} lines more")
    return f'{_OPENING}<pre style="text-align:left;white-space:pre-wrap">' + "\n".join(shown) + "</pre></div>"


def image_of(picture: Picture) -> str:
    """Return a drawing as an image whose address is its data.

    Unlike an `svg` element, an image is shown by what removes most markup: a notebook that is not trusted, a forge. A
    wide one is made smaller until its text can only just be read, and is scrolled from there on.
    """
    address = quote(picture.svg, safe=_IN_ADDRESS)
    style = f"max-width:100%;min-width:{round(picture.width * _SMALLEST)}px;height:auto"
    return (
        f'<div style="overflow:auto;padding:8px 0"><img alt="{esc(picture.alt)}" width="{picture.width}" '
        f'height="{picture.height}" style="{style}" src="data:image/svg+xml,{address}"></div>'
    )


def coloured(sql: str) -> str:
    """Return SQL as HTML: escaped, with the colours of `TONES`."""
    return "".join(
        f'<span style="color:{TONES[kind]}">{esc(text)}</span>' if kind else esc(text) for kind, text in highlight(sql)
    )


def compared(text: str) -> str:
    """Return a unified difference as HTML: escaped, what is in one text only in a tone of its own."""
    lines = []
    for line in text.split("\n"):
        tone = _SIGNS.get(line[:1])
        lines.append(f'<span style="color:{tone}">{esc(line)}</span>' if tone else esc(line))
    return "\n".join(lines)


def cells(table: ResultTable) -> tuple[list[str], list[Row]]:
    """Return the columns and rows of a table as HTML shows them."""
    columns, rows = list(table.columns), [row for item in table.items for row in item.rows]
    rows = _said_once(rows, table.said_once)
    return _without_empty(columns, rows) if table.sparse else (columns, rows)


def _alerts(alerts: Sequence[Alert]) -> list[str]:
    if not alerts:
        return []
    room = _PARAGRAPHS // len(alerts)
    return ['<ul style="margin:0.3em 0">', *(_alert(alert, room) for alert in alerts), "</ul>"]


def _alert(alert: Alert, room: int) -> str:
    texts = fit([esc(clip(text)) for text in alert.texts], room, lambda count: f"… {count} more")
    tone = _GRAVE if alert.grave else _SERIOUS
    return f'<li><strong style="color:{tone}">{esc(alert.label)}:</strong> {"<br>".join(texts)}</li>'


def _table(table: ResultTable) -> str:
    columns, rows = cells(table)
    if not rows:
        return ""
    head = "".join(f'<th scope="col" style="text-align:left">{esc(column)}</th>' for column in columns)
    body = fit([_row(row, len(columns)) for row in rows], _ROWS, lambda count: _row_gap(count, len(columns)))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _titled_table(table: ResultTable) -> str:
    if table.folded:
        return f"{_OPENING}{_folded(table.title, _table(table))}</div>"
    return f"{_OPENING}<strong>{esc(clip(table.title))}</strong>{_table(table)}</div>"


def _folded(title: str, body: str) -> str:
    return f'<details style="margin:0.4em 0"><summary><strong>{esc(clip(title))}</strong></summary>{body}</details>'


def _listing(listing: Listing) -> str:
    said = "\n".join(typed_lines(listing.text.split("\n"), Face.NOTEBOOK))
    body = coloured(listing.text) if listing.sql else esc(said)
    if listing.folded:
        return _folded(listing.title, f"<pre {_PRE}>{body}</pre>")
    title = f"<div><em>{esc(listing.title)}</em></div>" if listing.title else ""
    return f"{title}<pre {_PRE}>{body}</pre>"


def _paragraph(text: object, *, quiet: bool = False) -> str:
    has_lines = "\n" in _text(text)
    styles = [*(["font-size:85%;opacity:0.75"] if quiet else []), *(["white-space:pre-wrap"] if has_lines else [])]
    style = f' style="{";".join(styles)}"' if styles else ""
    return f"<p{style}>{_said(text, shorten)}</p>"


def _row(row: Row, columns: int) -> str:
    if isinstance(row, Heading):
        text = f"<strong>{esc(clip(row.text))}</strong>" if row.strong else esc(clip(row.text))
        return f'<tr><td colspan="{columns}" style="text-align:left;white-space:pre-wrap">{text}</td></tr>'
    return f"<tr>{''.join(_cell(value) for value in row)}</tr>"


def _text(value: object) -> str:
    """Return what is shown of a value: of advice its commands as they are typed in a notebook."""
    return value.typed(Face.NOTEBOOK) if isinstance(value, Advice) else str(value)


def _said(value: object, cut: Callable[[str], str]) -> str:
    """Return a value as HTML: of advice its commands as code, unless it is so long that it is cut."""
    text = _text(value)
    short = cut(text)
    if not isinstance(value, Advice) or short != text:
        return esc(short)
    parts = (
        esc(part) if isinstance(part, str) else f"<code>{esc(part.typed(Face.NOTEBOOK))}</code>" for part in value.parts
    )
    return "".join(parts)


def _row_gap(count: int, columns: int) -> str:
    return f'<tr><td colspan="{columns}" style="text-align:left">… {count} rows more</td></tr>'


def _cell(value: object) -> str:
    if value is None or value == "":
        return "<td></td>"
    if isinstance(value, Disclosure):
        return f'<td style="text-align:left;vertical-align:top;min-width:26em">{_disclosure(value)}</td>'
    text = _text(value)
    tone = _TONES.get(value) if isinstance(value, str) else None
    wrap = "pre-wrap" if isinstance(value, str) and len(text) > 50 else "pre"
    style = f"text-align:left;vertical-align:top;white-space:{wrap}{f';color:{tone};font-weight:600' if tone else ''}"
    return f'<td style="{style}">{_said(value, shorten)}</td>'


def _disclosure(value: Disclosure) -> str:
    hint = f'<br><code style="opacity:0.75">{esc(clip(value.hint))}</code>' if value.hint else ""
    summary = f'<summary style="white-space:pre-wrap">{esc(shorten(value.text))}{hint}</summary>'
    opened = " open" if value.opened else ""
    body = compared(value.sql) if value.compared else coloured(value.sql)
    return f"<details{opened}>{summary}<pre {_SQL}>{body}</pre></details>"


def _said_once(rows: Sequence[Row], width: int) -> list[Row]:
    """Return the rows, with the first `width` cells empty if the row before has the same."""
    shown: list[Row] = []
    for before, row in zip([None, *rows], rows, strict=False):
        same = (
            not isinstance(row, Heading)
            and width
            and before is not None
            and tuple(before[:width]) == tuple(row[:width])
        )
        shown.append((*([""] * width), *row[width:]) if same else row)
    return shown


def _without_empty(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[list[str], list[Row]]:
    """Return the table without the columns in which nothing stands."""
    plain = [row for row in rows if not isinstance(row, Heading)]
    kept = [index for index in range(len(columns)) if any(row[index] not in ("", None) for row in plain)]
    shown: list[Row] = [row if isinstance(row, Heading) else [row[index] for index in kept] for row in rows]
    return [columns[index] for index in kept], shown
