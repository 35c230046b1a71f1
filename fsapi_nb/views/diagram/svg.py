"""A diagram of tables as SVG: boxes with their columns, and a line for each foreign key; all text is escaped.

The same diagram gives the same SVG.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from fsapi_nb.catalog.diagram import Diagram, ForeignKey, Mark, Table, TableColumn
from fsapi_nb.text.safe import esc, visible
from fsapi_nb.text.width import text_width
from fsapi_nb.text.words import counted
from fsapi_nb.views.diagram.layout import Box, Edge, Point, lay_out
from fsapi_nb.views.diagram.mermaid import short_type
from fsapi_nb.views.diagram.paths import path_of, segments
from fsapi_nb.views.diagram.picture import picture
from fsapi_nb.views.document import Picture

#: What the signs mean: those of columns, those of lines, those of changes.
COLUMN_SIGNS = "PK primary key · FK foreign key · U unique · * not null"
LINE_SIGNS = "line: foreign key, dashed where it may be null · crow's foot: many rows, bar: at most one"
CHANGE_SIGNS = f"{Mark.ADDED.value} new · {Mark.CHANGED.value} changed · {Mark.DROPPED.value} dropped"
_LONGEST = 30  # characters of a name or type
_CHARACTER, _ROW, _HEAD, _PADDING = 7.23, 18, 24, 8
_QUIET_AT_RIGHT = " class='q' text-anchor='end'"
_CLASSES = {Mark.ADDED: "add", Mark.CHANGED: "chg", Mark.DROPPED: "del"}


class Detail(Enum):
    """How much is drawn of each table; of one that a migration has changed, what it changed as well."""

    COLUMNS = "every column"
    KEYS = "columns of keys"
    NAMES = "names"


@dataclass(frozen=True, slots=True)
class _Row:
    """A column as it is drawn."""

    marks: str
    name: str
    type: str
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A table as it is drawn: its title, what stands beside it, and its rows."""

    table: Table
    title: str
    note: str
    rows: tuple[_Row, ...]
    places: dict[str, int]

    @property
    def gutter(self) -> int:
        """How much room signs of changes have before the columns."""
        return round(2 * _CHARACTER) if any(row.mark for row in self.rows) else 0

    @property
    def box(self) -> Box:
        marks = max((text_width(row.marks) for row in self.rows), default=0)
        names = max((text_width(row.name) for row in self.rows), default=0)
        types = max((text_width(row.type) for row in self.rows), default=0)
        inside = max(
            marks + names + types + (3 if self.rows else 0), text_width(self.title) + text_width(self.note) + 2
        )
        width = round(inside * _CHARACTER) + self.gutter + 2 * _PADDING
        return Box(width, _HEAD + len(self.rows) * _ROW + (4 if self.rows else 0))

    def port(self, column: str) -> int:
        """Return how far below the top a line to that column ends."""
        return _HEAD + self.places[column] * _ROW + _ROW // 2 if column in self.places else _HEAD // 2


def draw(diagram: Diagram, detail: Detail, *, title: str, titled: bool = False) -> Picture:
    """Return the diagram as a picture.

    Args:
        title: The first words for readers who do not see it.
        titled: Whether each part says its whole name when it is pointed at. An image of a notebook cannot.
    """
    drawn = [_drawn(table, diagram.label(table.name), detail) for table in diagram.tables]
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
        *_lines(diagram, layout.lines, titled=titled),
        *_tables(drawn, layout.corners),
        *(_table_pointed_at(each, corner) for each, corner in zip(drawn, layout.corners, strict=True) if titled),
    ]
    return picture(parts, layout.width, layout.height, title=title, description=_described(diagram))


def _drawn(table: Table, label: str, detail: Detail) -> _Drawn:
    with_types = detail is Detail.COLUMNS
    shown = [column for column in table.columns if column.mark or _is_shown(column, detail)]
    rows = [
        _Row(_marks(column), _clipped(column.name), _type(column, table) if with_types else "", column.mark)
        for column in shown
    ]
    left_out = len(table.columns) - len(shown)
    if left_out and rows:
        rows.append(_Row("", f"… {left_out} more", ""))
    note = counted(table.partitions, "partition") if table.partitions else ""
    title = f"{table.mark.value} {_clipped(label)}" if table.mark else _clipped(label)
    return _Drawn(table, title, note, tuple(rows), {column.name: place for place, column in enumerate(shown)})


def _is_shown(column: TableColumn, detail: Detail) -> bool:
    if detail is Detail.KEYS:
        return column.primary or column.unique or bool(column.references)
    return detail is Detail.COLUMNS


def _marks(column: TableColumn) -> str:
    marks = (("PK", column.primary), ("FK", bool(column.references)), ("U", column.unique))
    return " ".join(mark for mark, is_one in marks if is_one)


def _type(column: TableColumn, table: Table) -> str:
    """Return the type, without its schema if that is the table's own."""
    name = short_type(column.type).removeprefix(f"{table.name.schema}.")
    return _clipped(name) + ("*" if column.not_null else "")


def _described(diagram: Diagram) -> str:
    """Return what refers to what, in words, for readers who do not see it."""
    words = [f"{diagram.label(key.table)} refers to {diagram.label(key.target)}" for key in diagram.foreign_keys[:20]]
    more = len(diagram.foreign_keys) - len(words)
    return "; ".join([*words, *([f"and {more} more"] if more else [])]) or "no foreign keys"


def _tables(drawn: Sequence[_Drawn], corners: Sequence[Point]) -> Iterator[str]:
    """Yield all boxes and heads, and then all text by its kind: one element for each table would be twice as long."""
    boxes, heads, words = [], [], _Words()
    for each, (x, y) in zip(drawn, corners, strict=True):
        box = each.box
        boxes.append(f"M{x},{y}h{box.width}v{box.height}h{-box.width}z")
        heads.append(f"M{x},{y}h{box.width}v{_HEAD}h{-box.width}z")
        _write_table(each, x, y, words)
    yield f"<path class='b' d='{''.join(boxes)}'/><path class='h' d='{''.join(heads)}'/>"
    dropped = [box for each, box in zip(drawn, boxes, strict=True) if each.table.mark is Mark.DROPPED]
    yield f"<path class='l' stroke-dasharray='2 4' d='{''.join(dropped)}'/>" if dropped else ""
    yield from words.elements()


@dataclass(slots=True)
class _Words:
    """All text of a picture, by the attributes that it has."""

    spans: dict[str, list[str]] = field(default_factory=dict)

    def write(self, attributes: str, x: int, y: int, text: str) -> None:
        if text:
            self.spans.setdefault(attributes, []).append(f"<tspan x='{x}' y='{y}'>{esc(text)}</tspan>")

    def elements(self) -> Iterator[str]:
        for attributes, spans in self.spans.items():
            yield f"<text{attributes}>{''.join(spans)}</text>"


def _write_table(drawn: _Drawn, x: int, y: int, words: _Words) -> None:
    left, right = x + _PADDING, x + drawn.box.width - _PADDING
    words.write(f" class='k{_class_of(drawn.table.mark)}'", left, y + 16, drawn.title)
    words.write(_QUIET_AT_RIGHT, right, y + 16, drawn.note)
    marks = max((text_width(row.marks) for row in drawn.rows), default=0)
    names = left + drawn.gutter + (round((marks + 1) * _CHARACTER) if marks else 0)
    for place, row in enumerate(drawn.rows):
        line = y + _HEAD + place * _ROW + 14
        if row.mark:
            words.write(f" class='k{_class_of(row.mark)}'", left, line, row.mark.value)
        words.write(" class='s'", left + drawn.gutter, line, row.marks)
        words.write("", names, line, row.name)
        words.write(_QUIET_AT_RIGHT, right, line, row.type)


def _class_of(mark: Mark | None) -> str:
    return f" {_CLASSES[mark]}" if mark else ""


def _table_pointed_at(drawn: _Drawn, corner: Point) -> str:
    """Return a box that is not seen, and says the whole name of the table when it is pointed at."""
    box, title = drawn.box, esc(drawn.table.name)
    place = f"x='{corner[0]}' y='{corner[1]}' width='{box.width}' height='{box.height}'"
    return f"<rect {place} fill='#000' fill-opacity='0'><title>{title}</title></rect>"


def _lines(diagram: Diagram, lines: Sequence[Sequence[Point]], *, titled: bool) -> Iterator[str]:
    """Yield the lines of the foreign keys: dashed where a row may refer to nothing."""
    whole: list[Sequence[Point]] = []
    dashed: list[Sequence[Point]] = []
    for key, points in zip(diagram.foreign_keys, lines, strict=True):
        (whole if key.mandatory else dashed).append(points)
    solid = segments(whole)
    yield f"<path class='l' d='{path_of(solid)}'/>" if solid else ""
    more = [each for each in segments(dashed) if each not in set(solid)]
    yield f"<path class='l' stroke-dasharray='5 3' d='{path_of(more)}'/>" if more else ""
    ends = dict.fromkeys(
        sign for key, points in zip(diagram.foreign_keys, lines, strict=True) for sign in _ends(key, points)
    )
    yield f"<path class='l' d='{''.join(ends)}'/>" if ends else ""
    if titled:
        for key, points in zip(diagram.foreign_keys, lines, strict=True):
            yield _pointed_at(key, points, diagram)


def _ends(key: ForeignKey, points: Sequence[Point]) -> tuple[str, str]:
    """Return the signs at the ends of a line: a crow's foot or a bar where it begins, a bar where it ends."""
    (x, y), out = points[0], 1 if points[1][0] > points[0][0] else -1
    start = f"M{x + 7 * out},{y - 5}v10" if key.single else f"M{x},{y - 5}l{11 * out},5l{-11 * out},5"
    (x, y), out = points[-1], 1 if points[-2][0] > points[-1][0] else -1
    return start, f"M{x + 7 * out},{y - 5}v10"


def _pointed_at(key: ForeignKey, points: Sequence[Point], diagram: Diagram) -> str:
    """Return a line that is not seen, but wide enough to point at, with the whole name of the foreign key."""
    sides = f"{_side(diagram.label(key.table), key.columns)} → {_side(diagram.label(key.target), key.target_columns)}"
    path = path_of(segments([points]))
    return (
        f"<path d='{path}' fill='none' stroke='#000' stroke-opacity='0' stroke-width='7'>"
        f"<title>{esc(f'{key.name}: {sides}')}</title></path>"
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
