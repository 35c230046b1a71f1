"""The page of a report: one HTML file without scripts and without requests to anywhere.

It is made from the record alone. All text that others wrote is escaped.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence

from fsapi_nb.model.history import JournalEntry
from fsapi_nb.runbook.progress import duration
from fsapi_nb.runbook.record import CellRecord, CheckRecord, RunbookState, RunRecord
from fsapi_nb.runbook.report.cells import STATE_WORDS, cells_section, link_to
from fsapi_nb.runbook.report.style import STYLE
from fsapi_nb.text.safe import esc
from fsapi_nb.text.words import counted

_GIT_REMARKS = {True: " with changes that are not committed", None: "; git cannot compare the files with it"}


def report(record: RunRecord) -> str:
    """Return the whole page as HTML."""
    parts = [
        _head(record),
        _summary(record),
        _facts(record),
        _parameters(record),
        _migrations(record),
        _checks(record.checks),
        cells_section(record),
        _foot(record),
    ]
    # A second fence: even HTML that a fault of fsapi_nb let through cannot run a script or call home.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{esc(record.title)}: {STATE_WORDS[record.state]}, {esc(record.id)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _head(record: RunRecord) -> str:
    kind = "Rollback by runbook" if record.rollback else "Runbook"
    return f'<p class="kicker">{kind} <span class="mono">{esc(record.id)}</span></p><h1>{esc(record.title)}</h1>'


def _summary(record: RunRecord) -> str:
    """Return the outcome in one sentence; after a failure also the error and its cell."""
    tone = {RunbookState.DONE: "good", RunbookState.FAILED: "bad"}.get(record.state, "warn")
    done, skipped = record.count(RunbookState.DONE), record.count(RunbookState.SKIPPED)
    left = record.count(RunbookState.NOT_REACHED)
    counts = [f"{counted(done, 'cell')} done"]
    counts += [f"{skipped} skipped"] if skipped else []
    counts += [f"{left} not reached"] if left else []
    word = STATE_WORDS[record.state].capitalize()
    lines = [f'<span class="state {tone}">{word}</span> after {duration(record.elapsed)}: {", ".join(counts)}.']
    failure = record.failure
    if failure:
        if failure.cell:
            lines.append(f"<br>In {link_to(failure.cell)}{_of_section(failure.cell)}:")
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
    changed = _GIT_REMARKS.get(who.changed, "")
    confirmed = "yes; the run was confirmed with --yes" if record.confirmed else "yes"
    facts = [
        ("Started", f"{record.started:%Y-%m-%d %H:%M:%S} UTC"),
        ("Took", duration(record.elapsed)),
        ("By", f"{who.user} on {who.host}"),
        ("Notebook", f"{record.notebook}, SHA-256 {record.digest}"),
        ("Commit", f"{who.commit}{changed}" if who.commit else "the notebook is not in a git repository"),
        ("Database", named),
        ("Protected", confirmed if identity.protected else "no"),
        ("Server", f"{database.server} at {database.address}"),
        ("System identifier", database.system or "this role may not read it"),
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
        return f'{title}<p class="dim">This run wrote nothing to the journal of this database.</p>'
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
        f"{event.at.astimezone(datetime.UTC):%H:%M:%S}",
        f'{esc(event.event)} <span class="{tone}">{esc(event.state)}</span>',
        f'<span class="mono">{esc(event.migration or "")}</span>{esc(step)}',
        f"{event.duration_ms} ms" if event.duration_ms is not None else "",
        link_to(cell) if cell else esc(event.cell or ""),
        esc(event.message or ""),
    ]


def _checks(checks: Sequence[CheckRecord]) -> str:
    if not checks:
        return ""
    rows = [
        [
            '<span class="good">✓ holds</span>' if check.passed else '<span class="bad">✗ does not hold</span>',
            esc(check.title),
            link_to(check.cell),
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
    """Return a table. The columns are text, the cells of the rows are HTML already."""
    kinds = dict.fromkeys(numbers, ' class="num"') | dict.fromkeys(moments, ' class="when"')
    head = "".join(f'<th scope="col">{esc(column)}</th>' for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td{kinds.get(index, str())}>{cell}</td>' for index, cell in enumerate(row))}</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _foot(record: RunRecord) -> str:
    where = f" --database {record.database.identity.name}" if record.database.identity.name else ""
    command = f"sapi migrate:history --runbook {record.id}{where}"
    return (
        "<footer>The database's journal names this run in each of its rows: "
        f"<code>{esc(command)}</code>. The journal and this report are one record.</footer>"
    )
