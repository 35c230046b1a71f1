"""A list of indexes, partitioned relations, privileges, roles or databases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fsapi_nb.catalog.schema.own_lists import CatalogList
from fsapi_nb.model.server import Identity
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import plural
from fsapi_nb.views.aligned import aligned
from fsapi_nb.views.document import STORED, Document, Item, Medium, Records, ResultTable, gap
from fsapi_nb.views.forecast.quantities import byte_words
from fsapi_nb.views.results.base import Result

_FOLD = Fold(60, 20)
_WIDTH = 140  # columns of a line of the text
_WIDEST = 60


@dataclass(frozen=True, slots=True, repr=False)
class CatalogListResult(Result):
    """A list from the catalog: `to_frame()` has a row for each, sizes in bytes. `pattern` is what was asked for."""

    found: CatalogList
    pattern: str | None = None
    identity: Identity | None = None

    def headline(self) -> str:
        """Return how many there are."""
        count, noun = len(self.found.rows), self.found.noun
        of = f" like {visible_line(self.pattern)}" if self.pattern else ""
        words = noun if count == 1 else plural(noun)
        return f"{count or 'No'} {words}{of}{self._on()}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return a line for each; with times, what the server counts, which differs from run to run."""
        counts = () if medium.times else self.found.numbers
        rows = [
            tuple("" if place in counts else self._cell(place, value) for place, value in enumerate(row))
            for row in self.found.rows
        ]
        right = {*self.found.numbers, *([] if self.found.bytes is None else [self.found.bytes])}
        used = [any(row[place] for row in rows) for place in range(len(self.found.columns))]
        titles = [title if there else "" for title, there in zip(self.found.columns, used, strict=True)]
        title, *lines = aligned([titles, *rows], right=right, width=_WIDTH, widest=_WIDEST)
        items = medium.items(
            _FOLD,
            list(zip(lines, rows, strict=True)),
            lambda pair: Item([pair[0]], [pair[1]]),
            lambda left: gap(f"  … {len(left)} more", f"… {len(left)} more"),
        )
        table = ResultTable(list(self.found.columns), [Item([title]), *items] if rows else [], sparse=True)
        return Document(self.headline(), [table])

    def _cell(self, place: int, value: object) -> str:
        if value is None:
            return ""
        if place == self.found.bytes and isinstance(value, int):
            return byte_words(value)
        return f"{value:,}" if place in self.found.numbers and isinstance(value, int) else visible_line(str(value))

    def records(self) -> Records:
        """Return a row for each; sizes in bytes."""
        return Records([name.replace(" ", "_") for name in self.found.columns], self.found.rows)

    def facts(self) -> dict[str, Any]:
        """Return the list, and what was asked for."""
        return {**self.subject(), "kind": self.found.noun, "pattern": self.pattern, "rows": self.records()}
