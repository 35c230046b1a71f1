"""The columns of a table by their values: how many are NULL, how many differ, the least, the greatest, the most frequent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fsapi_nb.catalog.profile.value import ColumnProfile, ProfileSource, TableProfile
from fsapi_nb.model.forecast import TableSize
from fsapi_nb.model.server import Identity
from fsapi_nb.text.command import Advice, command
from fsapi_nb.text.fold import Fold
from fsapi_nb.text.safe import visible_line
from fsapi_nb.text.words import counted
from fsapi_nb.views.aligned import aligned, cut
from fsapi_nb.views.document import (
    STORED,
    Document,
    Item,
    Medium,
    Paragraphs,
    Records,
    ResultTable,
    gap,
    notes_of,
    paragraph,
)
from fsapi_nb.views.forecast.quantities import counted_rows, row_words
from fsapi_nb.views.results.base import Result

_COLUMNS = ("column", "type", "null", "distinct", "min", "max", "most frequent")
_RIGHT = frozenset({2, 3})
_FOLD = Fold(60, 20)
_WIDTH = 140  # columns of a line of the text, which has seven things to say
_WIDEST = 24  # columns of a value
_FREQUENT = 3  # values that are shown


@dataclass(frozen=True, slots=True, repr=False)
class ProfileResult(Result):
    """The profile of a table: `to_frame()` has a row for each column, with exact shares.

    Figures of the server's statistics are estimates. Values of columns that are named like secrets are stars.
    """

    profile: TableProfile
    identity: Identity | None = None

    def headline(self) -> str:
        """Return which table it is, how large, and where the figures come from."""
        profile = self.profile
        name, columns = visible_line(profile.written), counted(len(profile.columns), "column")
        match profile.source:
            case ProfileSource.TABLE:
                what = f"{columns}, {counted_rows(profile.rows or 0)}, all read"
            case ProfileSource.SAMPLE:
                what = f"{columns}, {counted_rows(profile.rows or 0)} read, {_share_words(profile.share)}"
            case ProfileSource.STATISTICS:
                rows = row_words(TableSize(profile.rows, 0)) or "rows unknown"
                what = f"{columns}, {rows}; estimates of the last ANALYZE"
            case ProfileSource.NOTHING:
                what = f"{columns}, nothing is known of its values"
        return f"{profile.kind} {name}: {what}{self._on()}"

    def document(self, medium: Medium = STORED) -> Document:
        """Return a line for each column; with times, how old the estimates are."""
        rows = [_row(each) for each in self.profile.columns]
        title, *lines = aligned([_COLUMNS, *rows], right=_RIGHT, width=_WIDTH)
        if self.profile.source is ProfileSource.NOTHING:
            lines, title = [line for line, row in zip(lines, rows, strict=True) if row[-1]], ""
        items = medium.items(
            _FOLD,
            list(zip(lines, rows, strict=False)),
            lambda pair: Item([pair[0]], [pair[1]]),
            lambda left: gap(f"  … {len(left)} columns more", f"… {len(left)} columns more"),
        )
        table = ResultTable(list(_COLUMNS), [Item([title] if title else []), *items], sparse=True)
        return Document(self.headline(), [table, Paragraphs(self._remarks(medium))], notes_of(self._notes(), medium))

    def _notes(self) -> list[str]:
        """Return what the role may not see, and what else makes the figures others than those of the table."""
        profile = self.profile
        notes = []
        if not profile.sees_all:
            hidden = "row-level security hides rows of this table from this role"
            figures = {
                ProfileSource.TABLE: ": the figures are of those that it sees",
                ProfileSource.SAMPLE: ": the figures are of those that it sees",
            }
            notes.append(hidden + figures.get(profile.source, ", so PostgreSQL shows it no statistics"))
        unseen = [visible_line(each.name) for each in profile.columns if each.why.startswith("this role")]
        if unseen:
            notes.append(f"this role has no right to SELECT {', '.join(unseen)}")
        return notes

    def _remarks(self, medium: Medium) -> list[Item]:
        """Return where the figures come from, and how better ones are had."""
        profile = self.profile
        exact = command("schema", profile.called, profile=True, exact=True)
        texts: list[str] = []
        match profile.source:
            case ProfileSource.STATISTICS:
                texts.append(Advice("ANALYZE reads a sample of the rows; ", exact, " reads the table."))
                if medium.times and profile.analyzed_at:
                    changed = f", {counted_rows(profile.changed)} changed since" if profile.changed is not None else ""
                    texts.append(f"analyzed {profile.analyzed_at:%Y-%m-%d %H:%M} UTC{changed}")
            case ProfileSource.NOTHING if profile.kind in ("view", "foreign table"):
                texts.append(Advice("PostgreSQL keeps no statistics of it; ", exact, " reads it."))
            case ProfileSource.NOTHING if profile.sees_all and any(not each.why for each in profile.columns):
                texts.append(
                    Advice(f"it was never analyzed: ANALYZE {profile.written}; or ", exact, " reads the table.")
                )
            case ProfileSource.SAMPLE:
                texts.append(
                    "the sample is of whole pages by chance, and the same each time: least, greatest and different"
                )
                texts[-1] += " values may be missing from it" if profile.share else ""
        return [paragraph(text, Advice("  ", text)) for text in texts]

    def records(self) -> Records:
        """Return a row for each column; shares from 0 to 1, values as PostgreSQL writes them."""
        columns = ["column", "type", "nulls", "distinct", "min", "max", "frequent", "frequent_share", "note"]
        rows = [
            (
                *(each.name, each.type, each.nulls, each.distinct, each.minimum, each.maximum),
                [value for value, _ in each.frequent],
                [share for _, share in each.frequent],
                each.why or None,
            )
            for each in self.profile.columns
        ]
        return Records(columns, rows)

    def facts(self) -> dict[str, Any]:
        """Return the table, where the figures come from, and the columns."""
        profile = self.profile
        return {
            **self.subject(),
            "schema": profile.schema,
            "name": profile.name,
            "kind": profile.kind,
            "source": profile.source.value,
            "rows": profile.rows,
            "share": profile.share,
            "analyzed_at": profile.analyzed_at.isoformat() if profile.analyzed_at else None,
            "changed_since": profile.changed,
            "sees_all_rows": profile.sees_all,
            "columns": self.records(),
        }


def _row(each: ColumnProfile) -> tuple[str, ...]:
    frequent = ", ".join(f"{_value(value)} {percent(share)}" for value, share in each.frequent[:_FREQUENT])
    return (
        visible_line(each.name),
        visible_line(each.type),
        "" if each.nulls is None else percent(each.nulls),
        "" if each.distinct is None else f"{each.distinct:,}",
        _value(each.minimum),
        _value(each.maximum),
        frequent or (f"({visible_line(each.why)})" if each.why else ""),
    )


def _value(value: str | None) -> str:
    if value is None:
        return ""
    return (
        cut(visible_line(value), _WIDEST)
        if value.strip() == value and value
        else f"'{cut(visible_line(value), _WIDEST)}'"
    )


def percent(share: float) -> str:
    """Return a share in percent, with no more digits than are of use: `0 %`, `<0.1 %`, `1.2 %`, `61 %`, `100 %`."""
    number = 100 * share
    if number in (0.0, 100.0):
        return f"{number:.0f} %"
    if number < 0.1:
        return "<0.1 %"
    if number > 99.9:
        return ">99.9 %"
    return f"{number:.1f} %" if number < 10 or number > 99 else f"{number:.0f} %"


def _share_words(share: float | None) -> str:
    return "the first of them" if share is None else f"a sample of about {percent(share)} of the table"
