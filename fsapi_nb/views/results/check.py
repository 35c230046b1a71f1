"""Whether a query that must hold did, and the rows that say why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fsapi_nb.model.result import ResultSet
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.document import STORED, Document, Item, Medium, Paragraphs, ResultTable
from fsapi_nb.views.results.base import Result
from fsapi_nb.views.results.notices import notice_items

if TYPE_CHECKING:
    from fsapi_nb.model.server import Identity

#: Of the rows that should not be there so many are stored; `to_frame()` has the first hundred.
_SHOWN = 20


@dataclass(frozen=True, slots=True, repr=False)
class CheckResult(Result):
    """Whether a check held. `to_frame()` has what its query gave: if it failed, the offending rows.

    `notices` is what the server said meanwhile.
    """

    title: str
    passed: bool
    found: ResultSet
    identity: Identity | None = None
    notices: tuple[str, ...] = ()

    def headline(self) -> str:
        """Return the promise, and whether it was kept."""
        sign, why = ("✓", "") if self.passed else ("✗", f": does not hold, {counted(len(self.found.rows), 'row')}")
        return f"{sign} {visible_line(self.title)}{why}{',' if self.identity else ''}{self._on()}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return what the server said, and if the check failed, the rows."""
        rows = [] if self.passed else [_offending(self.found, medium)]
        columns = [column.name for column in self.found.columns]
        return Document(self.headline(), [ResultTable(columns, rows), Paragraphs(notice_items(self.notices, medium))])

    def records(self) -> ResultSet:
        """Return what the query gave."""
        return self.found

    def facts(self) -> dict[str, Any]:
        """Return title, outcome, rows, and what the server said."""
        return {
            **self.subject(),
            "title": self.title,
            "passed": self.passed,
            "found": self.found,
            "notices": self.notices,
        }

    def metadata(self) -> dict[str, Any]:
        """Return the outcome, for reports that are made of outputs."""
        return {"check": {**self.subject(), "title": self.title, "passed": self.passed}}


def _offending(found: ResultSet, medium: Medium) -> Item:
    """Return the rows as one item: the text aligns them together."""
    from fsapi_nb.views.tables import text_of, text_table

    whole = not medium.folded or len(found.rows) <= _SHOWN
    shown = found if whole else replace(found, rows=found.rows[:_SHOWN])
    lines = [f"  {line}" for line in text_table(shown).splitlines()]
    if not medium.folded:
        return Item(lines)
    rows = [[text_of(value, each) for value, each in zip(row, found.columns, strict=True)] for row in shown.rows]
    return Item(lines, rows, whole)
