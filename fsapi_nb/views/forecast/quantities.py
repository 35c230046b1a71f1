"""Rows, bytes and times as a reader wants them: in classes and ranges, with no more digits than are known."""

from __future__ import annotations

from collections.abc import Sequence

from fsapi_nb.actions.duration import UNNOTICED
from fsapi_nb.model.forecast import Span, TableSize

INSTANT = "instant"
_SECONDS, _MINUTE, _HOUR, _DAY = 30, 60, 3_600, 86_400
#: What a range begins and ends with, in its unit.
_ROUND = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 300, 500, 1_000)
_EXACT = 1_000_000  # rows below which a counted number has all its digits
_SMALL = 1024 * 1024  # bytes below which nobody wants to know


def row_words(size: TableSize | None) -> str:
    """Return how many rows: `12 rows`, `about 12,000 rows`, `12.4 M rows`; empty if that is not known."""
    rows = size.rows if size else None
    if size is None or rows is None:
        return ""
    if rows >= _EXACT:
        return f"{_short(rows)} rows"
    if size.exact or rows < 10:
        return counted_rows(rows)
    return f"about {counted_rows(_rounded(rows))}"


def its_rows(size: TableSize | None) -> str:
    """Return the rows as those of something: `its 12 rows`, `about 12,000 rows`; `its rows` if nothing is known."""
    rows = row_words(size)
    return rows if rows.startswith("about") or rows.endswith(("M rows", "bn rows")) else f"its {rows or 'rows'}"


def counted_rows(rows: int) -> str:
    """Return a number of rows with all its digits: `1,000 rows`."""
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def size_words(size: TableSize | None) -> str:
    """Return how large a table is: `12.4 M rows, 3.1 GB`; of a small one only its rows."""
    if size is None:
        return ""
    return ", ".join(part for part in (row_words(size), byte_words(size.size)) if part)


def byte_words(size: int) -> str:
    """Return a number of bytes: `3.1 GB`; empty if it is small."""
    if size < _SMALL:
        return ""
    value, units = size / _SMALL, ["MB", "GB", "TB", "PB"]
    while value >= 1_000 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:.0f} {units[0]}" if value >= 10 else f"{value:.1f} {units[0]}"


def is_instant(span: Span | None) -> bool:
    """Return whether it is known to be over at once."""
    return span is not None and span.high <= UNNOTICED


def is_slow(span: Span | None) -> bool:
    """Return whether it may take longer than seconds."""
    return span is not None and span.high > _SECONDS


def span_words(span: Span) -> str:
    """Return a time as its class: `instant`, `seconds`, `2 to 10 min`."""
    if is_instant(span):
        return INSTANT
    if span.high <= _SECONDS:
        return "seconds"
    if span.high <= _MINUTE:
        return "up to a minute"
    if span.high <= 2 * _HOUR:
        return _range(span, _MINUTE, "min")
    return _range(span, _HOUR, "h") if span.high <= 2 * _DAY else _range(span, _DAY, "days")


def during(span: Span, verb: str = "for") -> str:
    """Return a time as how long something lasts: `for an instant`, `for 2 to 10 min`."""
    return f"{verb} {'an instant' if is_instant(span) else span_words(span)}"


def _range(span: Span, unit: int, word: str) -> str:
    low = max((each for each in _ROUND if each <= span.low / unit), default=0)
    high = min((each for each in _ROUND if each >= span.high / unit), default=_ROUND[-1])
    if not low:
        return f"up to {high} {word}"
    return f"about {low} {word}" if low >= high else f"{low} to {high} {word}"


def _short(number: int) -> str:
    return f"{number / 1e9:.1f} bn" if number >= 999_950_000 else f"{number / 1e6:.1f} M"


def _rounded(number: int) -> int:
    """Return an estimate with its first two digits."""
    scale = int("1".ljust(len(str(number)) - 1, "0"))
    return round(number / scale) * scale


def list_of(names: Sequence[str], most: int) -> str:
    """Return names in a row; of more than `most` the first, and how many others there are."""
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
