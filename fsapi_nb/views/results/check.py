"""Whether a query that must hold did, and the rows that say why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsapi_nb.model.result import ResultSet
from fsapi_nb.text.safe import visible, visible_line
from fsapi_nb.text.wrap import hang
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.notices import brief_notices, notice_remarks

if TYPE_CHECKING:
    import pandas

    from fsapi_nb.model.server import Identity

#: Of the rows that should not be there so many are shown; `to_frame()` has the first hundred.
_SHOWN = 20


@dataclass(frozen=True, slots=True, repr=False)
class CheckResult(Result):
    """Whether a check held. `to_frame()` has what its query gave: where it failed, the offending rows.

    `notices` is what the server said meanwhile.
    """

    title: str
    passed: bool
    found: ResultSet
    identity: Identity | None = None
    notices: tuple[str, ...] = ()

    def headline(self) -> str:
        """The promise, and whether it was kept."""
        return f"{'✓' if self.passed else '✗'} {visible_line(self.title)}{'' if self.passed else self._why()}{',' if self.identity else ''}{self._on()}"

    def _why(self) -> str:
        count = len(self.found.rows)
        return f": does not hold, {count} row{'s' if count != 1 else ''}"

    def lines(self, *, times: bool = False) -> list[str]:
        """The headline; where it failed, the rows as a table."""
        from fsapi_nb.views.tables import text_table

        said = [line for notice in self.notices for line in hang(visible(notice), "  ")]
        if self.passed:
            return [self.headline(), *said]
        return [self.headline(), *(f"  {line}" for line in text_table(self.found).splitlines()), *said]

    def brief(self) -> list[str]:
        """The headline and the first rows."""
        from fsapi_nb.views.tables import text_table

        said = brief_notices(self.notices)
        if self.passed:
            return [self.headline(), *said]
        shown = ResultSet(self.found.columns, self._rows(), self.found.command)
        return [self.headline(), *(f"  {line}" for line in text_table(shown).splitlines()), *said]

    def remarks(self) -> Sequence[str]:
        """What the server said."""
        return notice_remarks(self.notices)

    def _rows(self) -> Sequence[tuple[object, ...]]:
        return self.found.rows[:_SHOWN]

    def table(self) -> tuple[list[str], list[Sequence[Any]]]:
        """What the query gave."""
        return [column.name for column in self.found.columns], list(self.found.rows)

    def to_frame(self) -> pandas.DataFrame:
        """What the query gave, typed by column."""
        from fsapi_nb.views.frames import to_frame

        return self._about(to_frame(self.found))

    def preview(self) -> tuple[list[str], list[Sequence[Any]]]:
        """Where it failed, the first rows, as text."""
        from fsapi_nb.views.tables import text_of

        if self.passed:
            return [], []
        columns = self.found.columns
        rows: list[Sequence[Any]] = [
            [text_of(value, column) for value, column in zip(row, columns, strict=True)] for row in self._rows()
        ]
        return [column.name for column in columns], rows

    def metadata(self) -> dict[str, Any]:
        """For reports that are made of outputs."""
        return {"check": {**self.subject(), "title": self.title, "passed": self.passed}}

    def to_json(self) -> dict[str, Any]:
        """Title, outcome, rows, and what the server said."""
        from fsapi_nb.views.tables import to_json

        found, said = to_json(self.found), list(self.notices)
        return {**self.subject(), "title": self.title, "passed": self.passed, "found": found, "notices": said}
