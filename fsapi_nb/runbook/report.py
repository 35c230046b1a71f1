"""The record of a run as one HTML file: no script, no request to anywhere, everything of others escaped.

Reads as a page and on paper, on a light and on a dark screen. It is made of the record alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fsapi_nb.model.history import JournalEntry
from fsapi_nb.runbook.progress import duration
from fsapi_nb.runbook.record import CellRecord, CheckRecord, RunbookState, RunRecord
from fsapi_nb.runbook.sanitise import harmless, harmless_table
from fsapi_nb.text.safe import esc
from fsapi_nb.views.highlight import highlight

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_OF_OURS = '<div class="mathjax_ignore tex2jax_ignore">'
_SQL = re.compile(r"%%(migration|check|query|sql|fsapi_migration|fsapi_check|fsapi_query)\b")
_WORDS = {
    RunbookState.DONE: "succeeded",
    RunbookState.FAILED: "failed",
    RunbookState.INTERRUPTED: "interrupted",
    RunbookState.SKIPPED: "skipped",
    RunbookState.NOT_REACHED: "not reached",
}

STYLE = """
:root{color-scheme:light dark;--ink:#1c2128;--dim:#57606a;--paper:#fff;--panel:#f6f8fa;--line:#d0d7de;
--good:#1a7f37;--bad:#cf222e;--warn:#9a6700;--link:#0969da;--comment:#6e7781;--string:#1a7f37;--number:#9a6700;
--keyword:#0550ae;--type:#7c3aed}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9198a1;--paper:#0d1117;--panel:#161b22;--line:#30363d;
--good:#3fb950;--bad:#f85149;--warn:#d29922;--link:#4493f8;--comment:#9198a1;--string:#7ee787;--number:#e3b341;
--keyword:#79c0ff;--type:#d2a8ff}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);overflow-wrap:anywhere;
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif}
main{max-width:64rem;margin:0 auto;padding:2rem 1.25rem 4rem}a{color:var(--link)}
h1{font-size:1.7rem;line-height:1.25;margin:.2rem 0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem;
border-bottom:1px solid var(--line);padding-bottom:.3rem}
.kicker{color:var(--dim);margin:0}.mono,pre,code{font-family:ui-monospace,"SF Mono",Menlo,"Liberation Mono",monospace;
font-size:.86em}.state{font-weight:700}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.dim{color:var(--dim)}.summary{border:1px solid var(--line);border-left:.4rem solid var(--dim);border-radius:6px;
padding:.7rem 1rem;margin:1.2rem 0}.summary.good{border-left-color:var(--good)}.summary.bad{border-left-color:var(--bad)}
.summary.warn{border-left-color:var(--warn)}.summary,.summary pre{color:var(--ink)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1.25rem;margin:0}dt{color:var(--dim)}
dd{margin:0;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.92em;overflow-wrap:normal}th,td{text-align:left;vertical-align:top;
padding:.3rem .7rem .3rem 0;border-bottom:1px solid var(--line)}th{color:var(--dim);font-weight:600}
td.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td.when{white-space:nowrap}
.cell{border:1px solid var(--line);border-radius:6px;margin:.8rem 0;overflow:hidden}
.cell>header{display:flex;gap:.8rem;flex-wrap:wrap;padding:.35rem .8rem;background:var(--panel);font-size:.86em;
color:var(--dim);border-bottom:1px solid var(--line)}.cell>header .state{margin-left:auto}
.cell.failed,.cell.interrupted{border-color:var(--bad)}.cell.quiet{opacity:.65}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}.cell>pre{padding:.6rem .8rem}
.out{padding:.5rem .8rem;border-top:1px dashed var(--line);overflow-x:auto}.out pre{white-space:pre-wrap}
.out.error{border-left:.3rem solid var(--bad)}.out.stderr{color:var(--warn)}.out img,.out svg{max-width:100%}
.note{margin:1.2rem 0 .8rem;overflow-wrap:anywhere}.note h1,.note h2,.note h3{margin:1.6rem 0 .2rem;
font-size:1.05rem;border:0;padding:0}.note p,
.note pre{margin:.35rem 0}.note pre{background:var(--panel);border-radius:4px;padding:.4rem .7rem}
.comment{color:var(--comment)}.string{color:var(--string)}.number{color:var(--number)}.keyword{color:var(--keyword)}
.type{color:var(--type)}footer{margin-top:3rem;color:var(--dim);font-size:.88em}
@media print{:root{--ink:#000;--dim:#444;--paper:#fff;--panel:#f4f4f4;--line:#bbb;--good:#060;--bad:#900;--warn:#630;
--link:#000;--comment:#555;--string:#040;--number:#420;--keyword:#005;--type:#404}body{font-size:10.5pt}
main{max-width:none;padding:0}.cell.quiet{opacity:1}.cell>header,tr{break-inside:avoid}h2,.cell>header{break-after:avoid}
a{text-decoration:none}}
"""


def report(record: RunRecord) -> str:
    """The whole page."""
    parts = [
        _head(record),
        _summary(record),
        _facts(record),
        _parameters(record),
        _migrations(record),
        _checks(record.checks),
        _cells(record),
        _foot(record),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{esc(record.title)}: {_WORDS[record.state]}, {esc(record.id)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _head(record: RunRecord) -> str:
    kind = "Rollback by runbook" if record.rollback else "Runbook"
    return f'<p class="kicker">{kind} <span class="mono">{esc(record.id)}</span></p><h1>{esc(record.title)}</h1>'


def _summary(record: RunRecord) -> str:
    """What came of it, in a sentence; and of a failure what, where, and what to do."""
    tone = {RunbookState.DONE: "good", RunbookState.FAILED: "bad"}.get(record.state, "warn")
    done, skipped = record.count(RunbookState.DONE), record.count(RunbookState.SKIPPED)
    left = record.count(RunbookState.NOT_REACHED)
    told = [f"{done} cell{'s' if done != 1 else ''} done"]
    told += [f"{skipped} skipped"] if skipped else []
    told += [f"{left} not reached"] if left else []
    word = _WORDS[record.state].capitalize()
    lines = [f'<span class="state {tone}">{word}</span> after {duration(record.elapsed)}: {", ".join(told)}.']
    failure = record.failure
    if failure:
        if failure.cell:
            lines.append(f"<br>In {_link(failure.cell)}{_of_section(failure.cell)}:")
        lines.append(f"<pre>{esc(chr(10).join(failure.lines))}</pre>")
    return f'<div class="summary {tone}">{"".join(lines)}</div>'


def _of_section(cell: CellRecord) -> str:
    return f" ({esc(cell.section)})" if cell.section else ""


def _facts(record: RunRecord) -> str:
    database, who = record.database, record.provenance
    identity = database.identity
    named = identity.database
    if identity.name and identity.name != identity.database:
        named = f"{identity.name} ({identity.database})"
    changed = {True: " with changes that are not committed", None: "; git cannot compare the files with it"}.get(
        who.changed, ""
    )
    confirmed = "yes; the run was confirmed with --yes" if record.confirmed else "yes"
    facts = [
        ("Started", f"{record.started:%Y-%m-%d %H:%M:%S} UTC"),
        ("Took", duration(record.elapsed)),
        ("By", f"{who.user} on {who.host}"),
        ("Notebook", f"{record.notebook}, SHA-256 {record.digest}"),
        ("Commit", f"{who.commit}{changed}" if who.commit else "the notebook is in no git repository"),
        ("Database", named),
        ("Protected", confirmed if identity.protected else "no"),
        ("Server", f"{database.server} at {database.address}"),
        ("System identifier", database.system or "may not be read by this role"),
        ("Role", database.role),
        ("Run by", f"fsapi_nb {who.package}, Python {who.python}"),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{esc(value)}</dd>" for name, value in facts)
    return f"<h2>Where, when, who</h2><dl>{rows}</dl>"


def _parameters(record: RunRecord) -> str:
    if not record.parameters:
        return ""
    rows = [
        [
            f'<span class="mono">{esc(each.name)}</span>',
            f'<span class="mono">{esc(each.shown)}</span>',
            "given" if each.given else "the notebook's own",
            "secret" if each.secret else "",
        ]
        for each in record.parameters
    ]
    return f"<h2>Parameters</h2>{_table(['name', 'value', 'from', ''], rows)}"


def _migrations(record: RunRecord) -> str:
    title = "<h2>Migrations</h2>"
    if record.unread:
        return f'{title}<p class="bad">The journal could not be read: {esc(record.unread)}</p>'
    if not record.events:
        return f'{title}<p class="dim">This run has written nothing into the journal of this database.</p>'
    cells = {cell.id: cell for cell in record.cells}
    rows = [_event(event, cells) for event in record.events]
    columns = ["journal", "at (UTC)", "what", "migration", "took", "cell", "message"]
    return f"{title}{_table(columns, rows, numbers={4}, moments={1, 2, 5})}"


def _event(event: JournalEntry, cells: Mapping[str, CellRecord]) -> list[str]:
    tone = {"done": "good", "failed": "bad"}.get(event.state, "warn")
    step = f", step {event.step} of {event.steps}" if event.steps and event.steps > 1 else ""
    cell = cells.get(event.cell or "")
    return [
        f'<span id="journal-{event.id}">{event.id}</span>',
        f"{event.at.astimezone(_utc()):%H:%M:%S}",
        f'{esc(event.event)} <span class="{tone}">{esc(event.state)}</span>',
        f'<span class="mono">{esc(event.migration or "")}</span>{esc(step)}',
        f"{event.duration_ms} ms" if event.duration_ms is not None else "",
        _link(cell) if cell else esc(event.cell or ""),
        esc(event.message or ""),
    ]


def _utc() -> Any:
    import datetime

    return datetime.UTC


def _checks(checks: Sequence[CheckRecord]) -> str:
    if not checks:
        return ""
    rows = [
        [
            '<span class="good">✓ holds</span>' if check.passed else '<span class="bad">✗ does not hold</span>',
            esc(check.title),
            _link(check.cell),
        ]
        for check in checks
    ]
    return f"<h2>Checks</h2>{_table(['', 'what must hold', 'cell'], rows)}"


def _table(
    columns: Iterable[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: Iterable[int] = (),
    moments: Iterable[int] = (),
) -> str:
    """A table of cells that are HTML already."""
    kinds = dict.fromkeys(numbers, ' class="num"') | dict.fromkeys(moments, ' class="when"')
    head = "".join(f'<th scope="col">{esc(column)}</th>' for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td{kinds.get(index, str())}>{cell}</td>' for index, cell in enumerate(row))}</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _link(cell: CellRecord) -> str:
    return f'<a href="#cell-{cell.number}">cell {cell.number}</a>'


def _cells(record: RunRecord) -> str:
    """Every cell in order: what it says, and what came of it."""
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
        f'<span class="state {tone}">{_WORDS[cell.state] if cell.state is not RunbookState.DONE else "done"}{took}</span>',
    ]
    outputs = "".join(_output(output) for output in cell.outputs)
    return (
        f'<section class="cell {cell.state.name.lower().replace("_", "-")}{quiet}" id="cell-{cell.number}">'
        f"<header>{''.join(header)}</header><pre>{_source(cell.source)}</pre>{outputs}</section>"
    )


def _prose(cell: CellRecord) -> str:
    """Markdown as a page shows it: HTML in it is text, a picture from elsewhere its description."""
    if cell.kind != "markdown":
        return f"<pre>{esc(cell.source)}</pre>"
    from markdown_it import MarkdownIt

    return str(MarkdownIt("commonmark", {"html": False}).enable("table").disable("image").render(cell.source))


def _source(source: str) -> str:
    """The cell as it is written; SQL coloured."""
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
    """Of the forms of an output the best that is harmless."""
    html = _joined(data.get("text/html"))
    if html.startswith(_OF_OURS) or (html and "fsapi" in metadata):
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
    """A text as notebooks hold it: whole, or by lines."""
    return between.join(map(str, text)) if isinstance(text, list | tuple) else str(text or "")


def _foot(record: RunRecord) -> str:
    where = f" --database {record.database.identity.name}" if record.database.identity.name else ""
    command = f"sapi migrate:history --runbook {record.id}{where}"
    return (
        "<footer>The database's journal names this run in each of its rows: "
        f"<code>{esc(command)}</code>. What it says there and what stands here is the same record.</footer>"
    )
