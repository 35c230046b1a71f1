"""What a database holds: every object on one screen."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from fsapi_nb.catalog.schema.overview import RELATIONS, Overview, SchemaObject
from fsapi_nb.model.forecast import TableSize
from fsapi_nb.model.server import Identity
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted, plural
from fsapi_nb.views.aligned import aligned
from fsapi_nb.views.document import (
    STORED,
    Document,
    Heading,
    Item,
    Medium,
    Paragraphs,
    Records,
    ResultTable,
    Row,
    Section,
    notes_of,
    paragraph,
)
from fsapi_nb.views.forecast.quantities import byte_words, list_of, row_words
from fsapi_nb.views.results.base import Result

_COLUMNS = ("name", "columns", "rows", "size", "vacuum or analyze", "what", "comment")
_TITLES = ("columns", "rows", "size", "vacuum or analyze")
_RIGHT = frozenset({1, 2, 3})
_FOLD = Fold(80, 20)
_FOLD_OF_OTHERS = Fold(20, 5)
_MOST_KINDS = 8  # in the headline
_MOST_WORDS = 160  # characters of a detail or a comment, whose first line is shown


@dataclass(frozen=True, slots=True, repr=False)
class SchemaResult(Result):
    """What a database holds: `objects` by kind and name; `to_frame()` has a row for each, with exact figures.

    `pattern` and `kind` are what was asked for; without them, parts of other objects (partitions, sequences of
    columns), what belongs to extensions and fsapi_nb's own tables are left out.
    """

    overview: Overview
    objects: tuple[SchemaObject, ...]
    pattern: str | None = None
    kind: str | None = None
    identity: Identity | None = None

    def headline(self) -> str:
        """Return how much there is of each kind."""
        of = f" like {visible_line(self.pattern)}" if self.pattern else ""
        counted_ones = [each for each in self.objects if each.kind != "schema" or self.kind == "schema"]
        if not counted_ones:
            nothing = f"No {self.kind or 'object'}{of}" if self.pattern or self.kind else "Nothing in the database yet"
            return f"{nothing}{self._on()}."
        counts = Counter(each.kind for each in counted_ones)
        parts = [_counted(count, kind) for kind, count in counts.items()]
        shown, more = parts[:_MOST_KINDS], len(parts) - _MOST_KINDS
        rest = f" and {counted(more, 'other kind')}" if more > 0 else ""
        return f"{', '.join(shown)}{rest}{of}{self._on()}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return a line for each object, by kind; with times, when tables were maintained. Of many the first and the last."""
        items = _items(self.objects, medium)
        sections: list[Section] = [ResultTable(list(_COLUMNS), items, sparse=True), Paragraphs(self._remarks())]
        return Document(self.headline(), sections, notes_of(self.overview.notes, medium))

    def _remarks(self) -> list[Item]:
        """Return what else a reader may want: how an object is shown, and whether only the history is there."""
        ours = [each.written for each in self.overview.objects if each.is_history and not each.owned]
        if not any(each.kind != "schema" for each in self.objects):
            if not ours or self.pattern or self.kind:
                return []
            text = f"Only fsapi_nb's own history is there: {visible_line(list_of(ours, 5))}."
            return [paragraph(text, f"  {text}")]
        example = next((each for each in self.objects if each.kind != "schema"), None)
        if self.pattern or example is None:
            return []
        text = Advice(command("schema", "NAME"), " shows one of them, ", command("schema", "PATTERN*"), " some.")
        return [paragraph(text, Advice("  ", text))]

    def records(self) -> Records:
        """Return a row for each object, sizes in bytes, times in UTC."""
        columns = [
            *("kind", "schema", "name", "arguments", "columns", "rows", "rows_exact", "bytes", "partitions"),
            *("vacuumed_at", "analyzed_at", "owner", "detail", "comment", "extension"),
        ]
        return Records(columns, [_record(each) for each in self.objects])

    def facts(self) -> dict[str, Any]:
        """Return the objects, and what was asked for."""
        return {
            **self.subject(),
            "pattern": self.pattern,
            "kind": self.kind,
            "objects": self.records(),
            "notes": self.overview.notes,
        }


def _record(each: SchemaObject) -> tuple[object, ...]:
    size = each.size or TableSize(None, 0)
    stored = each.size is not None
    return (
        *(each.kind, each.schema, each.name, each.arguments, each.columns),
        *(size.rows, size.exact if stored else None, size.size if stored else None, each.partitions),
        *(each.vacuumed, each.analyzed, each.owner or None, each.detail or None, each.comment, each.extension),
    )


class _SchemaLine(NamedTuple):
    """A line of the text in its cells, and the same as a row of the table."""

    cells: Sequence[str]
    row: Row
    whole: bool = True


def _items(objects: Sequence[SchemaObject], medium: Medium) -> list[Item]:
    """Return an item for each object, by kind below headings; in the text, columns of relations are below each other."""
    entries: list[_SchemaLine] = []
    lines: list[str] = []
    for together, found in groupby(objects, lambda each: each.kind in RELATIONS):
        block = [
            entry
            for kind, of_kind in groupby(found, lambda each: each.kind)
            for entry in _group(kind, list(of_kind), medium)
        ]
        if together:
            has = [any(len(each.cells) > place and each.cells[place] for each in block) for place in range(1, 5)]
            titles = [title if there else "" for title, there in zip(_TITLES, has, strict=True)]
            block[0] = block[0]._replace(cells=[block[0].cells[0], *titles])
        entries += block
        lines += aligned([each.cells for each in block], right=_RIGHT if together else (), indent=0)
    return [Item([line], [each.row], each.whole) for line, each in zip(lines, entries, strict=True)]


def _group(kind: str, found: Sequence[SchemaObject], medium: Medium) -> list[_SchemaLine]:
    """Return the entries of one kind below a heading."""
    fold = medium.fold(_FOLD if kind == "table" else _FOLD_OF_OTHERS)
    title = plural(kind)
    return [
        _SchemaLine([title], Heading(title)),
        *fold.apply(found, lambda each: [_entry(each, medium)], lambda left: _gap(f"… {len(left):,} more {title}")),
    ]


def _entry(each: SchemaObject, medium: Medium) -> _SchemaLine:
    row = _row(each, medium)
    name, *cells, what, comment = row
    said = "; ".join(part for part in (what, comment) if part)
    return _SchemaLine([f"  {visible_line(name)}", *cells, visible_line(said)], row)


def _gap(words: str) -> _SchemaLine:
    return _SchemaLine([f"  {words}"], Heading(words, strong=False), whole=False)


def _row(each: SchemaObject, medium: Medium) -> tuple[str, ...]:
    """Return the cells of an object: as the HTML shows them."""
    what = each.detail
    if each.partitions is not None:
        what = counted(each.partitions, "partition")
    return (
        each.written,
        "" if each.columns is None else str(each.columns),
        rows_of(each.size),
        byte_words(each.size.size) if each.size else "",
        _day(each) if medium.times else "",
        _brief(what),
        _brief(each.comment or ""),
    )


def rows_of(size: TableSize | None) -> str:
    """Return how many rows a table has, without the word; that nobody knows if it was never analyzed."""
    if size is None:
        return ""
    return row_words(size).removesuffix("s").removesuffix(" row") or "not analyzed"


def _day(each: SchemaObject) -> str:
    moments = [moment for moment in (each.vacuumed, each.analyzed) if moment is not None]
    return f"{max(moments).astimezone(datetime.UTC):%Y-%m-%d}" if moments else ""


def _brief(text: str) -> str:
    first = text.strip().split("\n", 1)[0]
    return first if len(first) <= _MOST_WORDS else first[: _MOST_WORDS - 1] + "…"


def _counted(count: int, kind: str) -> str:
    return f"{count:,} {kind if count == 1 else plural(kind)}"
