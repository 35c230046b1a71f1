"""Documents as GitHub's Markdown, for a comment on a pull request: names and SQL in it can be neither markup nor mentions.

What is plain prose stays as it is. Anything else is code: a span if backticks can hold it, else an element in which
each mark is an entity, so that it stands in a table, too. A comment holds 65,536 characters: SQL is left out before
statements are, and statements before what is dangerous is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from fsapi_nb.text.command import Advice, Command, Face, Option
from fsapi_nb.text.fold import clip
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import Disclosure, Document, Heading, Paragraphs, ResultTable, Row
from fsapi_nb.views.render.html import cells

#: Characters of one comment.
LONGEST = 60_000
_PROSE = re.compile(r"[\w .,:;()'\"/%…-]*")
_NO_PROSE = re.compile(r"www\.|://|\bGH-\d", re.IGNORECASE)
_BEGINS = re.compile(r"[-+]|\d+[.)] ")  # a list
_SPAN = re.compile(r"[\w .,:;()'\"/%…\\=<>*+!?#$&{}\[\]^~-]*")
_OUTER = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # an underscore that might begin or end emphasis
_MARK = re.compile(r"[^\w ]|_")


@dataclass(slots=True)
class _HeadedTable:
    """A heading with the table below it, what is said under that, and the SQL of its rows."""

    heading: str = ""
    rows: list[Row] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def sql(self) -> str:
        """Return the SQL of all rows, as one script with the lines of the file."""
        found = [(row[0], cell.sql) for row in self.rows for cell in row if isinstance(cell, Disclosure)]
        return "\n\n".join(f"-- line {line}\n{sql.rstrip().removesuffix(';')};" for line, sql in found)


def markdown_of(document: Document) -> str:
    """Return the document as Markdown of at most `LONGEST` characters."""
    head = "\n\n".join([f"### {inline(document.headline)}", *_alerts(document), *_notes(document)])
    blocks = list(_blocks(document))
    room = LONGEST - len(head) - 200
    kept, room = _that_fit([short for short, _ in blocks], room)
    shown = []
    for (short, sql), _ in zip(blocks, range(kept), strict=False):
        fits = len(sql) + 2 <= room
        room -= len(sql) + 2 if fits else 0
        shown.append(f"{short}\n\n{sql}" if sql and fits else short)
    left = len(blocks) - kept
    return "\n\n".join([head, *shown, *([f"… and {counted(left, 'migration')} more"] if left else [])]) + "\n"


def _that_fit(blocks: Sequence[str], room: int) -> tuple[int, int]:
    """Return how many of the first blocks fit, and the room that is left."""
    for count, block in enumerate(blocks):
        if len(block) + 2 > room:
            return count, room
        room -= len(block) + 2
    return len(blocks), room


def _alerts(document: Document) -> list[str]:
    lines = []
    for alert in document.alerts:
        first, *rest = [inline(clip(visible_line(text))) for text in alert.texts]
        lines += [f"- **{alert.label}:** {first}"] if not rest else [f"- **{alert.label}:**"]
        lines += [f"  - {text}" for text in (first, *rest)] if rest else []
    return ["\n".join(lines)] if lines else []


def _notes(document: Document) -> list[str]:
    lines = [f"- {_advice(note.text)}" for note in document.notes]
    return ["\n".join(lines)] if lines else []


def _advice(text: str) -> str:
    """Return a note: its commands as they are typed on a terminal."""
    parts = text.parts if isinstance(text, Advice) else (text,)
    return _side_by_side(
        code(part.typed(Face.TERMINAL))
        if isinstance(part, Command | Option)
        else "<br>".join(inline(clip(line)) for line in visible(part).split("\n"))
        for part in parts
    )


def _side_by_side(pieces: Iterable[str]) -> str:
    """Return pieces behind each other; between two spans stands a blank, as their backticks together would be others."""
    text = ""
    for piece in pieces:
        text += f" {piece}" if text.endswith("`") and piece.startswith("`") else piece
    return text


def _blocks(document: Document) -> Iterator[tuple[str, str]]:
    """Yield what stands below the head, block by block, each with its SQL, folded."""
    for section in document.sections:
        match section:
            case ResultTable():
                columns, rows = cells(section)
                for group in _groups(rows):
                    yield _table(columns, group), _folded(group.sql())
            case Paragraphs(items=items):
                yield from ((inline(line), "") for item in items for line in item.lines)


def _groups(rows: Sequence[Row]) -> list[_HeadedTable]:
    groups: list[_HeadedTable] = []
    for row in rows:
        if isinstance(row, Heading):
            if row.strong:
                groups.append(_HeadedTable(row.text))
            elif groups:
                groups[-1].remarks.append(row.text)
        else:
            groups = groups or [_HeadedTable()]
            groups[-1].rows.append(row)
    return groups


def _table(columns: Sequence[str], group: _HeadedTable) -> str:
    """Return a heading and its table, without the columns in which nothing stands."""
    kept = [n for n in range(len(columns)) if any(row[n] not in ("", None) for row in group.rows)]
    lines = [f"| {' | '.join(columns[n] for n in kept)} |", f"|{' --- |' * len(kept)}"]
    lines += [f"| {' | '.join(_cell(row[n]) for n in kept)} |" for row in group.rows]
    parts = [f"#### {_heading(group.heading)}"] if group.heading else []
    parts += ["\n".join(lines)] if group.rows else []
    return "\n\n".join([*parts, *(inline(clip(remark)) for remark in group.remarks)])


def _heading(text: str) -> str:
    """Return a heading: the names of files are code, so that they are not links."""
    parts = re.split(r"(\S+\.sql(?!\w))", text)
    return _side_by_side(code(part) if number % 2 else _prose(part) for number, part in enumerate(parts))


def _cell(value: object) -> str:
    if isinstance(value, Disclosure):
        hint = f"<br>{code(value.hint)}" if value.hint else ""
        return _cell(value.text) + hint
    return "<br>".join(inline(clip(visible_line(line))) for line in str("" if value is None else value).split("\n"))


def _folded(sql: str) -> str:
    """Return SQL behind a word that opens it, in a fence that nothing in it can close."""
    if not sql:
        return ""
    longest = max(map(len, re.findall(r"`+", sql)), default=0)
    fence = "`" * max(longest + 1, 3)
    return f"<details><summary>SQL</summary>\n\n{fence}sql\n{visible(sql)}\n{fence}\n\n</details>"


def inline(text: str) -> str:
    """Return text within a line: prose as it is, anything else as code."""
    return code(text) if _BEGINS.match(text) else _prose(text)


def _prose(text: str) -> str:
    """Return the same of what does not begin a line."""
    if not _PROSE.fullmatch(text) or _NO_PROSE.search(text):
        return code(text)
    return _OUTER.sub(r"\\_", text)


def code(text: str) -> str:
    """Return text as code, which GitHub searches for neither mentions nor links."""
    line = visible_line(text)
    shown = line.strip(" ")
    if not shown:
        return ""
    span = f"`{shown}`" if _SPAN.fullmatch(shown) else f"<code>{_MARK.sub(_entity, shown)}</code>"
    return f"{' ' * line.startswith(' ')}{span}{' ' * line.endswith(' ')}"


def _entity(mark: re.Match[str]) -> str:
    return f"&#{ord(mark[0])};"
