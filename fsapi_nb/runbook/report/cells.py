"""The cells of a report, with their outputs. Makes HTML of texts and outputs that others wrote: escaped or sanitised."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fsapi_nb.model.history import JournalEntry
from fsapi_nb.runbook.progress import duration
from fsapi_nb.runbook.record import CellRecord, RunbookState, RunRecord
from fsapi_nb.runbook.sanitise import harmless, harmless_table
from fsapi_nb.text.safe import esc
from fsapi_nb.views.highlight import highlight

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_OWN_HTML = '<div class="mathjax_ignore tex2jax_ignore">'  # with which every HTML of fsapi_nb begins
_SQL = re.compile(r"%%(migration|check|query|sql|fsapi_migration|fsapi_check|fsapi_query)\b")
STATE_WORDS = {
    RunbookState.DONE: "succeeded",
    RunbookState.FAILED: "failed",
    RunbookState.INTERRUPTED: "interrupted",
    RunbookState.SKIPPED: "skipped",
    RunbookState.NOT_REACHED: "not reached",
}


def link_to(cell: CellRecord) -> str:
    """Return a link to a cell of the page."""
    return f'<a href="#cell-{cell.number}">cell {cell.number}</a>'


def cells_section(record: RunRecord) -> str:
    """Return the section with all cells in order: source, state and outputs."""
    return f"<h2>The notebook, cell by cell</h2>{''.join(_cell(cell, record.events) for cell in record.cells)}"


def _cell(cell: CellRecord, events: Sequence[JournalEntry]) -> str:
    if cell.state is None:
        return f'<div class="note" id="cell-{cell.number}">{_prose(cell)}</div>' if cell.source.strip() else ""
    tone = {RunbookState.DONE: "good", RunbookState.FAILED: "bad", RunbookState.INTERRUPTED: "warn"}.get(
        cell.state, "dim"
    )
    quiet = " quiet" if cell.state in {RunbookState.SKIPPED, RunbookState.NOT_REACHED} else ""
    took = f", {duration(cell.elapsed)}" if not quiet else ""
    rows = ", ".join(f'<a href="#journal-{e.id}">{e.id}</a>' for e in events if e.cell == cell.id)
    header = [
        f"<span>cell {cell.number}</span>",
        f'<span class="mono">{esc(cell.id)}</span>',
        f"<span>journal {rows}</span>" if rows else "",
        f'<span class="state {tone}">{STATE_WORDS[cell.state] if cell.state is not RunbookState.DONE else "done"}{took}</span>',
    ]
    outputs = "".join(_output(output) for output in cell.outputs)
    return (
        f'<section class="cell {cell.state.name.lower().replace("_", "-")}{quiet}" id="cell-{cell.number}">'
        f"<header>{''.join(header)}</header><pre>{_source(cell.source)}</pre>{outputs}</section>"
    )


def _prose(cell: CellRecord) -> str:
    """Return a Markdown cell as HTML. HTML in it is shown as text, a picture as its description."""
    if cell.kind != "markdown":
        return f"<pre>{esc(cell.source)}</pre>"
    from markdown_it import MarkdownIt

    return str(MarkdownIt("commonmark", {"html": False}).enable("table").disable("image").render(cell.source))


def _source(source: str) -> str:
    """Return the source of a cell as HTML, with SQL coloured."""
    if not _SQL.match(source):
        return esc(source)
    first, line_end, body = source.partition("\n")
    coloured = "".join(
        f'<span class="{kind}">{esc(text)}</span>' if kind else esc(text) for kind, text in highlight(body)
    )
    return f"{esc(first)}{line_end}{coloured}"


def _output(output: Mapping[str, Any]) -> str:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return f'<div class="out {name}"><pre>{_plain(output.get("text"))}</pre></div>'
    if kind == "error":
        lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
        return f'<div class="out error"><pre>{_plain(lines, chr(10))}</pre></div>'
    return f'<div class="out">{_shown(output.get("data") or {}, output.get("metadata") or {})}</div>'


def _shown(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    """Return the richest form of an output that can be shown safely."""
    html = _joined(data.get("text/html"))
    if html.startswith(_OWN_HTML) or (html and "fsapi" in metadata):
        # Any cell can print this, too. So the HTML is sanitised, whatever it claims to be.
        return harmless(html)
    if 'class="dataframe' in html:
        return harmless_table(html)
    for kind in ("image/png", "image/jpeg"):
        image = _joined(data.get(kind))
        if image and _BASE64.fullmatch(image):
            return f'<img alt="" src="data:{kind};base64,{"".join(image.split())}">'
    if "image/svg+xml" in data:
        return harmless(_joined(data["image/svg+xml"]))
    return f"<pre>{_plain(data.get('text/plain'))}</pre>"


def _plain(text: Any, between: str = "") -> str:
    return esc(_COLOUR.sub("", _joined(text, between)))


def _joined(text: Any, between: str = "") -> str:
    """Return a text of a notebook, which has it whole or as a list of lines."""
    return between.join(map(str, text)) if isinstance(text, list | tuple) else str(text or "")
