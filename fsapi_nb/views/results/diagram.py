"""The tables of a database as a picture, as Mermaid's source, and as a table of their columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fsapi_nb.catalog.diagram import Diagram, DiagramSubject, ForeignKey, Mark, Table, TableColumn, most_connected
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import HTML, stored_size
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.diagram.mermaid import comment, mermaid
from fsapi_nb.views.diagram.svg import CHANGE_SIGNS, COLUMN_SIGNS, LINE_SIGNS, Detail, draw
from fsapi_nb.views.document import STORED, Document, Item, Medium, Paragraphs, Picture, Records, Section, paragraph
from fsapi_nb.views.render.html import image_of
from fsapi_nb.views.results.base import Result

_LEFT_OUT = {
    Detail.COLUMNS: "",
    Detail.KEYS: "only the columns of keys are drawn",
    Detail.NAMES: "only names are drawn",
}
#: Of more tables than this not every column, not even those of keys are drawn: nobody could read them.
_MOST = {Detail.COLUMNS: 40, Detail.KEYS: 90}
_ROOM = HTML - 2048  # what stands around the picture
_TABLES = 200  # that a picture has at most


@dataclass(frozen=True, slots=True, repr=False)
class DiagramResult(Result):
    """The tables of a database: a picture in a notebook, Mermaid's source as text, `to_frame()` a row for each column.

    The picture holds as much as a notebook's output has room for: every column, those of keys, the names, or the names
    of the tables with the most foreign keys.
    """

    diagram: Diagram
    identity: Identity | None = None
    of: DiagramSubject = field(default_factory=DiagramSubject)

    @property
    def mermaid(self) -> str:
        """The `erDiagram` source, whole."""
        return "\n".join(mermaid(self.diagram)) + "\n"

    @property
    def svg(self) -> str:
        """The picture with every column, however large, as a document that may be written to a file."""
        return draw(self.diagram, Detail.COLUMNS, title=self.headline(), titled=True).svg

    def headline(self) -> str:
        """Return how much there is, and around what."""
        about = f" around {', '.join(map(visible_line, self.of.centre))}" if self.of.centre else ""
        if not self.diagram.tables:
            return f"no tables{about}{self._on()}"
        tables = sum(table.mark is not Mark.DROPPED for table in self.diagram.tables)
        keys = len(self.diagram.foreign_keys)
        about += f", with what {visible_line(self.of.migration)} changed" if self.of.migration else ""
        return f"{counted(tables, 'table')}, {counted(keys, 'foreign key')}{about}{self._on()}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return Mermaid's source for the text, with comments that say the rest; for HTML the picture and its signs."""
        outside = [f"{counted(self.diagram.outside, 'foreign key')} to tables that are not shown"]
        said = [*self.of.notes, *(outside if self.diagram.outside else [])]
        remarks = [paragraph(text, comment(text)) for text in said]
        changed = [comment(line) for line in _changed_lines(self.diagram)]
        source = Paragraphs([Item([*mermaid(self.diagram), comment(self.headline()), *changed])])
        drawn = self._drawn(remarks) if medium.folded and self.diagram.tables else [Paragraphs(remarks)]
        return Document(self.headline(), [source, *drawn], headed=False)

    def _drawn(self, remarks: list[Item]) -> list[Section]:
        """Return the picture with as much detail as there is room for, and below it what is said of it."""
        count = len(self.diagram.tables)
        for detail in (detail for detail, most in _MOST.items() if count <= most):
            picture = draw(self.diagram, detail, title=self.headline())
            if stored_size(image_of(picture)) <= _ROOM:
                left_out = [paragraph(_LEFT_OUT[detail])] if _LEFT_OUT[detail] else []
                return [picture, Paragraphs([*left_out, *remarks]), self._signs(detail)]
        picture, shown = self._names()
        left_out = [paragraph(_LEFT_OUT[Detail.NAMES])]
        if shown < count:
            text = f"only the names of the {counted(shown, 'table')} with the most foreign keys are drawn, of {count}: "
            left_out = [paragraph(text + "choose others with --around, --schema or --tables")]
        return [picture, Paragraphs([*left_out, *remarks]), self._signs(Detail.NAMES)]

    def _names(self) -> tuple[Picture, int]:
        """Return the picture of as many names as there is room for, and how many they are."""
        shown = min(len(self.diagram.tables), _TABLES)
        while True:
            diagram = most_connected(self.diagram, shown)
            picture = draw(diagram, Detail.NAMES, title=self.headline())
            size = stored_size(image_of(picture))
            if size <= _ROOM or shown == 1:
                return picture, shown
            shown = max(min(shown - 1, int(shown * _ROOM / size * 0.95)), 1)

    def _signs(self, detail: Detail) -> Paragraphs:
        """Return what the picture's signs mean."""
        signs = [COLUMN_SIGNS] if detail is not Detail.NAMES else []
        signs += [LINE_SIGNS] if self.diagram.foreign_keys else []
        signs += [CHANGE_SIGNS] if self.of.migration else []
        return Paragraphs([paragraph(" · ".join(signs))] if signs else [], quiet=True)

    def records(self) -> Records:
        """Return a row for each column, with its type and keys; one without a column for a table that was dropped."""
        columns = ["schema", "table", "column", "type", "not_null", "default", "primary_key", "unique", "references"]
        columns += ["change"] if self.of.migration else []
        rows: list[tuple[Any, ...]] = [
            (
                table.name.schema,
                table.name.name,
                column.name,
                column.type,
                column.not_null,
                column.default,
                column.primary,
                column.unique,
                ", ".join(column.references) or None,
                *([_change(table, column)] if self.of.migration else []),
            )
            for table in self.diagram.tables
            for column in table.columns
        ]
        dropped = [table.name for table in self.diagram.tables if table.mark is Mark.DROPPED]
        empty = [None] * (len(columns) - 3)
        rows += [(name.schema, name.name, *empty, _WORDS[Mark.DROPPED]) for name in dropped]
        return Records(columns, rows)

    def facts(self) -> dict[str, Any]:
        """Return tables with their columns, foreign keys, and Mermaid's source."""
        return {
            **self.subject(),
            "tables": [_table_json(table) for table in self.diagram.tables],
            "foreign_keys": [_key_json(key) for key in self.diagram.foreign_keys],
            "outside": self.diagram.outside,
            **({"around": list(self.of.centre)} if self.of.centre else {}),
            **({"changes_of": self.of.migration, "notes": list(self.of.notes)} if self.of.migration else {}),
            "mermaid": self.mermaid,
        }


_WORDS: dict[Mark | None, str | None] = {
    None: None,
    Mark.ADDED: "created",
    Mark.CHANGED: "changed",
    Mark.DROPPED: "dropped",
}


def _change(table: Table, column: TableColumn) -> str | None:
    """Return what became of a column: those of a new table are new."""
    return _WORDS[column.mark or (Mark.ADDED if table.mark is Mark.ADDED else None)]


def _changed_lines(diagram: Diagram) -> list[str]:
    """Return a line for each table that a migration has changed: its sign, its name, and those of its columns."""
    return [
        f"{table.mark.value} {visible_line(diagram.label(table.name))}"
        + (f": {columns}" if (columns := _changed_columns(table)) else "")
        for table in diagram.tables
        if table.mark
    ]


def _changed_columns(table: Table) -> str:
    marked = [column for column in table.columns if column.mark]
    return ", ".join(f"{column.mark.value} {visible_line(column.name)}" for column in marked if column.mark)


def _table_json(table: Table) -> dict[str, Any]:
    return {
        "schema": table.name.schema,
        "name": table.name.name,
        "partitions": table.partitions,
        **({"change": _WORDS[table.mark]} if table.mark else {}),
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "not_null": column.not_null,
                "default": column.default,
                "primary_key": column.primary,
                "unique": column.unique,
                "references": [each for each in column.references if each],
                **({"change": _WORDS[column.mark]} if column.mark else {}),
            }
            for column in table.columns
        ],
    }


def _key_json(key: ForeignKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "table": str(key.table),
        "columns": list(key.columns),
        "references": str(key.target),
        "referenced_columns": list(key.target_columns),
        "mandatory": key.mandatory,
        "single": key.single,
    }
