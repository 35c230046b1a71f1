"""What a query gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.notices import brief_notices, notice_remarks

if TYPE_CHECKING:
    import pandas

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
    # The frame that was made, so that it and every later one share its memory, and each is whoever's own who has it.
    _frames: list[pandas.DataFrame] = field(default_factory=list, init=False, compare=False)

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
        said = [line for notice in self.notices for line in hang(visible(notice), "  ")]
        return [*(lines or ["(no statement)"]), *said, *self._where()]

    def _where(self) -> list[str]:
        """The database."""
        return [self._on().strip()] if self.identity else []

    def remarks(self) -> Sequence[str]:
        """What the server said, and the database."""
        return [*notice_remarks(self.notices), *self._where()]

    def brief(self) -> list[str]:
        """Of many results and of many rows the first and the last."""
        lines = _RESULTS.apply(self.results, _brief_lines, lambda gap: f"… {len(gap)} results more")
        return [*(lines or ["(no statement)"]), *brief_notices(self.notices), *self._where()]

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Of many commands the first and the last; a single one is the headline."""
        if len(self.results) == 1:
            return [], []
        rows: list[Sequence[Any]] = _RESULTS.apply(
            self.results, lambda result: [(result.command,)], lambda gap: (f"… {len(gap)} results more",)
        )
        return ["command"], rows

    def _is_everything(self, lines: list[str]) -> bool:
        # Where rows are left out, the whole table need not be drawn to know it.
        large = any(len(result.rows) > _ROWS.first + _ROWS.last + 1 for result in self.results)
        return not large and Result._is_everything(self, lines)

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """The commands; the rows are in `to_frame()`."""
        return ["command"], [(result.command,) for result in self.results]

    def to_frame(self) -> pandas.DataFrame:
        """The last result that has columns, typed by column; the commands where none has."""
        from fsapi_nb.views.frames import own_copy, to_frame

        if not self._frames:
            # Not super(): the class that `slots=True` makes anew is not the one a zero-argument super() knows.
            self._frames.append(to_frame(self.last) if self.last else Result.to_frame(self))
            if self.notices:
                self._frames[0].attrs["notices"] = list(self.notices)
        return self._about(own_copy(self._frames[0]))

    def to_json(self) -> dict[str, Any]:
        """Every result: columns, rows as exact values, command; and what the server said."""
        from fsapi_nb.views.tables import to_json

        said, found = list(self.notices), [to_json(result) for result in self.results]
        return {**self.subject(), "results": found, "notices": said}


def _brief_lines(result: ResultSet) -> list[str]:
    """A result as an aligned table; of many rows the first and the last, aligned among themselves."""
    from fsapi_nb.views.tables import text_table

    if not result.columns:
        return [result.command]
    rows = _ROWS.apply(result.rows, lambda row: [row], lambda gap: ())
    lines = text_table(replace(result, rows=[row for row in rows if row])).splitlines()
    if len(rows) < len(result.rows):
        lines.insert(2 + _ROWS.first, f" … {len(result.rows) - len(rows) + 1} rows more")
        lines[-1] = f"({len(result.rows)} rows)"
    return lines
