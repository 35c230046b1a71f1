"""The tables of a database as a picture, as Mermaid's source, and as a table of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fsapi_nb.catalog.diagram import Diagram
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import HTML, stored_size
from fsapi_nb.text.safe import esc
from fsapi_nb.views.diagram.mermaid import comment, mermaid
from fsapi_nb.views.diagram.svg import COLUMN_SIGNS, LINE_SIGNS, MANY, Detail, svg
from fsapi_nb.views.results.base import Result, counted
from fsapi_nb.views.results.markup import html_of

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
        """How much there is."""
        if not self.diagram.tables:
            return f"no tables{self._on()}"
        tables, keys = len(self.diagram.tables), len(self.diagram.foreign_keys)
        return f"{counted(tables, 'table')}, {counted(keys, 'foreign key')}{self._on()}"

    def lines(self, *, times: bool = False) -> list[str]:
        """Mermaid's source, and as its comments what it does not say."""
        return [*mermaid(self.diagram), *(comment(remark) for remark in [self.headline(), *self.remarks()])]

    def remarks(self) -> Sequence[str]:
        """What leads out of the picture."""
        outside = self.diagram.outside
        return [f"{counted(outside, 'foreign key')} to tables that are not shown"] if outside else []

    def html(self) -> str:
        """The headline, the picture, and what its signs mean; a table where it would be too large."""
        if not self.diagram.tables:
            return html_of(self.headline(), [], [], self.remarks())
        picture, detail = self._picture()
        left_out = [_LEFT_OUT[detail]] if detail and _LEFT_OUT[detail] else []
        remarks = [*left_out, *self.remarks()]
        if detail is None:
            large = "too many tables for a picture: choose some with --schema or --tables"
            rows: list[Sequence[Any]] = [
                (self.diagram.label(table.name), len(table.columns)) for table in self.diagram.tables
            ]
            return html_of(self.headline(), ["table", "columns"], rows, [large, *remarks])
        signs = [COLUMN_SIGNS] if detail is not Detail.NAMES else []
        signs += [LINE_SIGNS] if self.diagram.foreign_keys else []
        below = "".join(f"<p>{esc(line)}</p>" for line in [*remarks, *([" · ".join(signs)] if signs else [])])
        head = html_of(self.headline(), [], [], ()).removesuffix("</div>")
        return f'{head}<div style="overflow:auto;padding:8px 0">{picture}</div>{below}</div>'

    def _picture(self) -> tuple[str, Detail | None]:
        """The picture with as much detail as there is room for."""
        count = len(self.diagram.tables)
        details = list(Detail) if count <= MANY else [Detail.NAMES] if count <= _MOST else []
        for detail in details:
            picture = svg(self.diagram, detail, title=self.headline())
            if stored_size(picture) <= _ROOM:
                return picture, detail
        return "", None

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """A row for each column, with its type and keys."""
        columns = ["schema", "table", "column", "type", "not_null", "default", "primary_key", "unique", "references"]
        return columns, [
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

    def to_json(self) -> dict[str, Any]:
        """Tables with their columns, foreign keys, and Mermaid's source."""
        return {
            **self.subject(),
            "tables": [
                {
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
                for table in self.diagram.tables
            ],
            "foreign_keys": [
                {
                    "name": key.name,
                    "table": str(key.table),
                    "columns": list(key.columns),
                    "references": str(key.target),
                    "referenced_columns": list(key.target_columns),
                    "mandatory": key.mandatory,
                    "single": key.single,
                }
                for key in self.diagram.foreign_keys
            ],
            "outside": self.diagram.outside,
            "mermaid": self.mermaid,
        }
