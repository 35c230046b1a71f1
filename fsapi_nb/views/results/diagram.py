"""The tables of a database as a picture, as Mermaid's source, and as a table of their columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fsapi_nb.catalog.diagram import Diagram, ForeignKey, Table
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import HTML, stored_size
from fsapi_nb.text.words import counted
from fsapi_nb.views.diagram.mermaid import comment, mermaid
from fsapi_nb.views.diagram.svg import COLUMN_SIGNS, LINE_SIGNS, MANY, Detail, svg
from fsapi_nb.views.document import (
    STORED,
    Document,
    Item,
    Medium,
    Paragraphs,
    Picture,
    Records,
    ResultTable,
    Section,
    paragraph,
)
from fsapi_nb.views.results.base import Result

_LEFT_OUT = {
    Detail.COLUMNS: "",
    Detail.KEYS: "only the columns of keys are drawn",
    Detail.NAMES: "only names are drawn",
}
_ROOM = HTML - 2048  # what stands around the picture
_MOST = 200  # of more tables not even the names have room there


@dataclass(frozen=True, slots=True, repr=False)
class DiagramResult(Result):
    """The tables of a database: a picture in a notebook, Mermaid's source as text, `to_frame()` a row for each column.

    The picture holds as much as a notebook's output has room for: every column, those of keys, or the names.
    """

    diagram: Diagram
    identity: Identity | None = None

    @property
    def mermaid(self) -> str:
        """The `erDiagram` source, whole."""
        return "\n".join(mermaid(self.diagram)) + "\n"

    @property
    def svg(self) -> str:
        """The picture with every column, however large, as a document that may be written to a file."""
        return svg(self.diagram, Detail.COLUMNS, title=self.headline())

    def headline(self) -> str:
        """Return how much there is."""
        if not self.diagram.tables:
            return f"no tables{self._on()}"
        tables, keys = len(self.diagram.tables), len(self.diagram.foreign_keys)
        return f"{counted(tables, 'table')}, {counted(keys, 'foreign key')}{self._on()}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return Mermaid's source for the text, with comments that say the rest; for HTML the picture and its signs.

        If the picture would be too large, the HTML has a table of the tables.
        """
        outside = [f"{counted(self.diagram.outside, 'foreign key')} to tables that are not shown"]
        remarks = [paragraph(text, comment(text)) for text in outside if self.diagram.outside]
        source = Paragraphs([Item([*mermaid(self.diagram), comment(self.headline())])])
        drawn = self._drawn(remarks) if medium.folded and self.diagram.tables else [Paragraphs(remarks)]
        return Document(self.headline(), [source, *drawn], headed=False)

    def _drawn(self, remarks: list[Item]) -> list[Section]:
        """Return the picture with as much detail as there is room for, between what is said of it."""
        count = len(self.diagram.tables)
        details = list(Detail) if count <= MANY else [Detail.NAMES] if count <= _MOST else []
        for detail in details:
            picture = svg(self.diagram, detail, title=self.headline())
            if stored_size(picture) <= _ROOM:
                left_out = [paragraph(_LEFT_OUT[detail])] if _LEFT_OUT[detail] else []
                return [Picture(picture), Paragraphs([*left_out, *remarks, *self._signs(detail)])]
        rows = [Item(rows=[(self.diagram.label(each.name), len(each.columns))]) for each in self.diagram.tables]
        large = paragraph("too many tables for a picture: choose some with --schema or --tables")
        return [ResultTable(["table", "columns"], rows), Paragraphs([large, *remarks])]

    def _signs(self, detail: Detail) -> list[Item]:
        """Return what the picture's signs mean."""
        signs = [COLUMN_SIGNS] if detail is not Detail.NAMES else []
        signs += [LINE_SIGNS] if self.diagram.foreign_keys else []
        return [paragraph(" · ".join(signs))] if signs else []

    def records(self) -> Records:
        """Return a row for each column, with its type and keys."""
        columns = ["schema", "table", "column", "type", "not_null", "default", "primary_key", "unique", "references"]
        rows = [
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
            )
            for table in self.diagram.tables
            for column in table.columns
        ]
        return Records(columns, rows)

    def facts(self) -> dict[str, Any]:
        """Return tables with their columns, foreign keys, and Mermaid's source."""
        return {
            **self.subject(),
            "tables": [_table_json(table) for table in self.diagram.tables],
            "foreign_keys": [_key_json(key) for key in self.diagram.foreign_keys],
            "outside": self.diagram.outside,
            "mermaid": self.mermaid,
        }


def _table_json(table: Table) -> dict[str, Any]:
    return {
        "schema": table.name.schema,
        "name": table.name.name,
        "partitions": table.partitions,
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "not_null": column.not_null,
                "default": column.default,
                "primary_key": column.primary,
                "unique": column.unique,
                "references": [each for each in column.references if each],
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
