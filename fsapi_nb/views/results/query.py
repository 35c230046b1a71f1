"""What a query gave."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fsapi_nb.text.fold import Fold
from fsapi_nb.views.document import STORED, Document, Item, Medium, Paragraphs, Records, ResultTable, gap, paragraph
from fsapi_nb.views.render.frame import frame_of
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.notices import notice_items
from fsapi_nb.views.shown_frames import FORM, TEXT
from fsapi_nb.views.text_form import is_text, text_lines

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from fsapi_nb.model.result import ResultSet
    from fsapi_nb.model.server import Identity


_RESULTS = Fold(10, 5)
_ROWS = Fold(20, 10)


@dataclass(frozen=True, slots=True, repr=False)
class QueryResult(Result):
    """What a query gave: a result for each statement. `to_frame()` is the last that has columns.

    `notices` is what the server said beside them, in order: `WARNING: no privileges were granted for "t"`.
    """

    results: tuple[ResultSet, ...]
    identity: Identity | None = None
    notices: tuple[str, ...] = ()
    # The frame that was made. Every later one shares its memory and belongs to its receiver.
    _frames: list[pandas.DataFrame] = field(default_factory=list, init=False, compare=False)

    @property
    def last(self) -> ResultSet | None:
        """The last result that has columns."""
        return next((result for result in reversed(self.results) if result.columns), None)

    def headline(self) -> str:
        """Return the first line of the first result."""
        return _lines(self.results[0], STORED)[0] if self.results else "(no statement)"

    def document(self, medium: Medium = STORED) -> Document:
        """Return every result as an aligned table, and the command of each that has none.

        The HTML has the commands, if there are several: rows are for the DataFrame, which a notebook shows instead.
        """
        alone = len(self.results) == 1
        results = medium.items(
            _RESULTS,
            self.results,
            lambda result: _item(result, medium, alone=alone),
            lambda left: gap(f"… {len(left)} results more", f"… {len(left)} results more"),
        )
        where = self._on().strip()
        said = [*notice_items(self.notices, medium), *([paragraph(where, where)] if self.identity else [])]
        table = ResultTable(["command"], results or [Item(["(no statement)"])])
        headline = results[0].lines[0] if results else "(no statement)"
        return Document(headline, [table, Paragraphs(said)], headed=False)

    def records(self) -> Records | ResultSet:
        """Return the last result that has columns; the commands if none has."""
        return self.last or Records(["command"], [(result.command,) for result in self.results])

    def to_frame(self) -> pandas.DataFrame:
        """Return the last result that has columns, typed by column; the commands if none has."""
        from fsapi_nb.views.frames import own_copy

        if not self._frames:
            self._frames.append(frame_of(self.records(), self.identity))
            if self.notices:
                self._frames[0].attrs["notices"] = list(self.notices)
            if self.last is not None and is_text(self.last):
                self._frames[0].attrs[FORM] = TEXT
        return self._about(own_copy(self._frames[0]))

    def to_arrow(self) -> pyarrow.Table:
        """Return the last result that has columns as an Arrow table, with exact types; the commands if none has.

        The types are in `docs/notebook.md`. Large results are made of the bytes that the server sent: about as quick as
        receiving them.

        Raises:
            ConfigurationError: pyarrow is not installed (`fsapi_nb[arrow]`).
            UsageError: A value is one that Arrow's type cannot hold, such as `infinity`.
        """
        from fsapi_nb.views.arrow.table import to_table

        return to_table(self._tabular())

    def to_polars(self) -> polars.DataFrame:
        """Return the last result that has columns as a DataFrame of polars, through Arrow; the commands if none has.

        Raises:
            ConfigurationError: polars or pyarrow is not installed.
            UsageError: A value or a name is one that polars cannot hold.
        """
        from fsapi_nb.views.arrow.table import to_polars

        return to_polars(self._tabular())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the result as Arrow's stream, by which polars, duckdb and others read it without a copy."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def _tabular(self) -> ResultSet:
        """Return the last result that has columns, or the commands as one."""
        from fsapi_nb.model.result import Column, ResultSet

        if self.last is not None:
            return self.last
        return ResultSet((Column("command", 25, "text"),), [(result.command,) for result in self.results], "")

    def facts(self) -> dict[str, Any]:
        """Return every result: columns, rows as exact values, command; and what the server said."""
        return {**self.subject(), "results": self.results, "notices": self.notices}


def _item(result: ResultSet, medium: Medium, *, alone: bool) -> Item:
    whole = not medium.folded or not result.columns or is_text(result) or not _is_long(result)
    return Item(_lines(result, medium), [] if alone else [(result.command,)], whole)


def _lines(result: ResultSet, medium: Medium) -> list[str]:
    """Return a result as an aligned table; of many rows the first and the last are stored, aligned among themselves."""
    from fsapi_nb.views.tables import text_table

    if not result.columns:
        return [result.command]
    if is_text(result):
        return text_lines(row[0] for row in result.rows)
    if not medium.folded or not _is_long(result):
        return text_table(result).splitlines()
    rows = [*result.rows[: _ROWS.first], *result.rows[-_ROWS.last :]]
    lines = text_table(replace(result, rows=rows)).splitlines()
    lines.insert(2 + _ROWS.first, f" … {len(result.rows) - len(rows)} rows more")
    lines[-1] = f"({len(result.rows)} rows)"
    return lines


def _is_long(result: ResultSet) -> bool:
    return len(result.rows) > _ROWS.first + _ROWS.last + 1
