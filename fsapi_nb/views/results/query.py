"""What a query gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsapi_nb.views.results.base import Result

if TYPE_CHECKING:
    import pandas

    from fsapi_nb.database.query import ResultSet


@dataclass(frozen=True, slots=True, repr=False)
class QueryResult(Result):
    """What a query gave: a result for each statement. `to_frame()` is the last that has columns."""

    results: tuple[ResultSet, ...]

    @property
    def last(self) -> ResultSet | None:
        """The last result that has columns."""
        return next((result for result in reversed(self.results) if result.columns), None)

    def lines(self, *, times: bool = False) -> list[str]:
        """Every result as an aligned table, and the command of each that has none."""
        from fsapi_nb.views.tables import text_table

        lines: list[str] = []
        for result in self.results:
            lines += text_table(result).splitlines() if result.columns else [result.command]
        return lines or ["(no statement)"]

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The commands; the rows are in `to_frame()`."""
        return ["command"], [(result.command,) for result in self.results]

    def to_frame(self) -> pandas.DataFrame:
        """The last result that has columns, typed by column; the commands where none has."""
        from fsapi_nb.views.frames import to_frame

        # Not super(): the class that `slots=True` makes anew is not the one a zero-argument super() knows.
        return to_frame(self.last) if self.last else Result.to_frame(self)

    def to_json(self) -> dict[str, Any]:
        """Every result: columns, rows as exact values, command."""
        from fsapi_nb.views.tables import to_json

        return {"results": [to_json(result) for result in self.results]}
