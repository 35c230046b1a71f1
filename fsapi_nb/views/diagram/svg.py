"""A diagram of tables as SVG: without script, style sheet, font or file from elsewhere; all text is escaped.

Text and lines take the colour of the page, so that it can be read on a light and on a dark one; other colours only
repeat what words and shapes say. The same diagram gives the same SVG.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from fsapi_nb.catalog.diagram import Diagram, ForeignKey, Table, TableColumn
from fsapi_nb.text.safe import esc, visible
from fsapi_nb.text.width import text_width
from fsapi_nb.text.words import counted
from fsapi_nb.views.diagram.layout import Box, Edge, Layout, Point, lay_out
from fsapi_nb.views.diagram.mermaid import short_type

#: What the signs mean: those of columns, those of lines.
COLUMN_SIGNS = "PK primary key · FK foreign key · U unique · * not null"
LINE_SIGNS = "line: foreign key, dashed where it may be null · crow's foot: many rows, bar: at most one"
#: Of more tables than this only the names are drawn.
MANY = 40
_LONGEST = 30  # characters of a name or type
_CHARACTER, _ROW, _HEAD, _PADDING = 7.23, 18, 24, 8
_FONT = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_LINE, _TONE = "#7d8590", "#2c7be5"
_EDGE = 12  # around everything


class Detail(Enum):
    """How much is drawn of each table."""

    COLUMNS = "every column"
    KEYS = "columns of keys"
    NAMES = "names"


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A table as it is drawn: its title, what stands beside it, and its rows of marks, name and type."""

    table: Table
    title: str
    note: str
    rows: tuple[tuple[str, str, str], ...]
    places: dict[str, int]

    @property
    def box(self) -> Box:
        marks, names, types = (max((text_width(row[part]) for row in self.rows), default=0) for part in range(3))
        inside = max(
            marks + names + types + (3 if self.rows else 0), text_width(self.title) + text_width(self.note) + 2
        )
        return Box(round(inside * _CHARACTER) + 2 * _PADDING, _HEAD + len(self.rows) * _ROW + (4 if self.rows else 0))

    def port(self, column: str) -> int:
        """Return how far below the top a line to that column ends."""
        return _HEAD + self.places[column] * _ROW + _ROW // 2 if column in self.places else _HEAD // 2


def svg(diagram: Diagram, detail: Detail, *, title: str) -> str:
    """Return the diagram as one `svg` element. `title` is what a screen reader says."""
    drawn = [_draw(table, diagram.label(table.name), detail) for table in diagram.tables]
    places = {table.name: index for index, table in enumerate(diagram.tables)}
    edges = [
        Edge(
            places[key.table],
            drawn[places[key.table]].port(key.columns[0]),
            places[key.target],
            drawn[places[key.target]].port(key.target_columns[0]),
        )
        for key in diagram.foreign_keys
    ]
    layout = lay_out([each.box for each in drawn], edges)
    parts = [
        *_opening(layout, title, _described(diagram)),
        *(_line(key, points, diagram) for key, points in zip(diagram.foreign_keys, layout.lines, strict=True)),
        *(part for each, corner in zip(drawn, layout.corners, strict=True) for part in _table(each, corner)),
        "</svg>",
    ]
    return "".join(parts)


def _draw(table: Table, label: str, detail: Detail) -> _Drawn:
    shown: Sequence[TableColumn] = ()
    if detail is Detail.COLUMNS:
        shown = table.columns
    elif detail is Detail.KEYS:
        shown = [column for column in table.columns if column.primary or column.unique or column.references]
    rows = [(_marks(column), _clipped(column.name), _type(column, table)) for column in shown]
    left_out = len(table.columns) - len(shown)
    if left_out and detail is Detail.KEYS:
        rows.append(("", f"… {left_out} more", ""))
    note = counted(table.partitions, "partition") if table.partitions else ""
    places = {column.name: place for place, column in enumerate(shown)}
    return _Drawn(table, _clipped(label), note, tuple(rows), places)


def _marks(column: TableColumn) -> str:
    marks = (("PK", column.primary), ("FK", bool(column.references)), ("U", column.unique))
    return " ".join(mark for mark, is_one in marks if is_one)


def _type(column: TableColumn, table: Table) -> str:
    """Return the type, without its schema if that is the table's own."""
    name = short_type(column.type).removeprefix(f"{table.name.schema}.")
    return _clipped(name) + ("*" if column.not_null else "")


def _opening(layout: Layout, title: str, description: str) -> Iterator[str]:
    width, height = layout.width + 2 * _EDGE, layout.height + 2 * _EDGE
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="{-_EDGE} {-_EDGE} {width} {height}" font-family="{esc(_FONT)}" font-size="12" fill="currentColor" '
        f'style="max-width:none">'
    )
    yield f"<title>{esc(title)}</title><desc>{esc(description)}</desc>"


def _described(diagram: Diagram) -> str:
    """Return what refers to what, in words, for readers who do not see it."""
    words = [f"{diagram.label(key.table)} refers to {diagram.label(key.target)}" for key in diagram.foreign_keys[:20]]
    more = len(diagram.foreign_keys) - len(words)
    return "; ".join([*words, *([f"and {more} more"] if more else [])]) or "no foreign keys"


def _table(drawn: _Drawn, corner: Point) -> Iterator[str]:
    x, y = corner
    box = drawn.box
    yield (
        f'<g transform="translate({x} {y})"><title>{esc(drawn.table.name)}</title>'
        f'<rect width="{box.width}" height="{box.height}" rx="4" fill="{_LINE}" fill-opacity=".1" stroke="{_LINE}"/>'
        f'<rect width="{box.width}" height="{_HEAD}" rx="4" fill="{_TONE}" fill-opacity=".22"/>'
        f'<text x="{_PADDING}" y="16" font-weight="700">{esc(drawn.title)}</text>'
    )
    right = box.width - _PADDING
    if drawn.note:
        yield f'<text x="{right}" y="16" text-anchor="end" opacity=".75">{esc(drawn.note)}</text>'
    if drawn.rows:
        marks = max(text_width(row[0]) for row in drawn.rows)
        names = _PADDING + (round((marks + 1) * _CHARACTER) if marks else 0)
        yield _text_column(_PADDING, [row[0] for row in drawn.rows], 'font-size="10" font-weight="700"')
        yield _text_column(names, [row[1] for row in drawn.rows])
        yield _text_column(right, [row[2] for row in drawn.rows], 'text-anchor="end" opacity=".75"')
    yield "</g>"


def _text_column(x: int, words: Sequence[str], attributes: str = "") -> str:
    spans = "".join(
        f'<tspan x="{x}" y="{_HEAD + place * _ROW + 14}">{esc(word)}</tspan>'
        for place, word in enumerate(words)
        if word
    )
    return f"<text {attributes}>{spans}</text>" if spans else ""


def _line(key: ForeignKey, points: Sequence[Point], diagram: Diagram) -> str:
    """Return the line of a foreign key: a crow's foot or a bar at its start, a bar at its end."""
    path = f"M{points[0][0]} {points[0][1]}"
    for before, (x, y) in itertools.pairwise(points):
        path += f"H{x}" if y == before[1] else f"V{y}"
    (x, y), out = points[0], 1 if points[1][0] > points[0][0] else -1
    start = f"M{x + 7 * out} {y - 5}v10" if key.single else f"M{x} {y - 5}L{x + 11 * out} {y}L{x} {y + 5}"
    (x, y), out = points[-1], 1 if points[-2][0] > points[-1][0] else -1
    name = f"{key.name}: {_side(diagram.label(key.table), key.columns)} → "
    name += _side(diagram.label(key.target), key.target_columns)
    dashes = "" if key.mandatory else ' stroke-dasharray="5 3"'
    return (
        f'<g fill="none" stroke="{_LINE}" stroke-width="1.4"><title>{esc(name)}</title>'
        f'<path d="{path}"{dashes}/><path d="{start}M{x + 7 * out} {y - 5}v10"/></g>'
    )


def _side(table: str, columns: Sequence[str]) -> str:
    return f"{table} ({', '.join(columns)})"


def _clipped(text: str) -> str:
    """Return a name on one line, cut to a bounded width."""
    line = visible(text).replace("\n", "\\n").replace("\t", "\\t")
    if text_width(line) <= _LONGEST:
        return line
    kept, width = "", 1
    for character in line:
        width += text_width(character)
        if width > _LONGEST:
            break
        kept += character
    return kept + "…"
