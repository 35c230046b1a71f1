"""How long work on a table takes, as a wide range: a model of few terms, with rates from measurements.

Measured on servers of 15 to 18 with tables of 0.1 to 10 million rows: a model of this kind was wrong by a factor of at
most 2.3 for the machine that it was fitted on. Machines, disks and caches differ by more, so that each rate has a fast
and a slow end. The range is meant to hold the truth; a reader is shown its class only.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log2
from typing import NamedTuple

from fsapi_nb.model.action import Amount
from fsapi_nb.model.forecast import Span, WorkKind
from fsapi_nb.model.table_facts import FoundTable

#: What anything takes: parsing, catalogs, a message to the server and back.
INSTANT = Span(0.0, 0.1)
#: What a statement takes that changes few rows and no catalog: a seed has 100,000 of them.
BRIEF = Span(10e-6, 2e-3)
#: Up to this time, in seconds, nobody notices that a lock is held.
UNNOTICED = 1.0


class Rate(NamedTuple):
    """Seconds for one unit of work, on a fast machine with all in memory, and on a slow one with a cold disk."""

    fast: float
    slow: float


_MEGABYTE = 1 << 20
#: Reading a table, for each byte, and looking at each of its rows.
SCAN = Rate(1 / (4000 * _MEGABYTE), 1 / (100 * _MEGABYTE))
ROW = Rate(0.02e-6, 0.4e-6)
#: Writing a table again, for each byte, its WAL included.
REWRITE = Rate(1 / (400 * _MEGABYTE), 1 / (30 * _MEGABYTE))
#: Computing a new value of a row.
VALUE = Rate(0.05e-6, 6e-6)
#: Sorting keys and writing an index, for each row and level of the sort.
SORT = Rate(5e-9, 100e-9)
#: Writing a row of an existing table, and an entry of each of its indexes.
WRITE = Rate(0.7e-6, 12e-6)
ENTRY = Rate(0.3e-6, 10e-6)
#: Reading the values of an INSERT, and inline data of a COPY, for each byte.
VALUES = Rate(1 / (20 * _MEGABYTE), 1 / _MEGABYTE)
COPIED = Rate(1 / (60 * _MEGABYTE), 1 / (3 * _MEGABYTE))
#: How often CONCURRENTLY reads a table more than without, and waits for transactions in between, up to how often.
CONCURRENTLY = Rate(1.5, 4.0)


def span_of(
    kind: WorkKind, table: FoundTable, amount: Amount = Amount.ALL, *, gently: bool = False, indexes: int = 1
) -> Span | None:
    """Return how long work on a table takes, None if it is not known how many rows there are.

    Args:
        kind: The kind of work.
        table: The table, with its size.
        amount: Which of its rows.
        gently: Whether it is done CONCURRENTLY.
        indexes: How many indexes are built.
    """
    if amount in {Amount.WRITTEN, Amount.QUERIED} or table.size is None or table.size.rows is None:
        return None
    times = Rate(*(_time(kind, table, table.size.rows, speed, indexes) for speed in (0, 1)))
    if gently:
        times = Rate(times.fast * CONCURRENTLY.fast, times.slow * CONCURRENTLY.slow)
    least = BRIEF if kind is WorkKind.ROWS else INSTANT
    return Span(0.0 if amount is Amount.SOME else times.fast, times.slow + least.high)


def _time(kind: WorkKind, table: FoundTable, rows: int, speed: int, indexes: int) -> float:
    scan = table.heap * SCAN[speed] + rows * ROW[speed]
    match kind:
        case WorkKind.SCAN:
            return scan
        case WorkKind.INDEX:
            return indexes * (scan + _sort(rows, speed))
        case WorkKind.REWRITE:
            return scan + table.heap * REWRITE[speed] + rows * VALUE[speed] + table.indexes * _sort(rows, speed)
        case WorkKind.ROWS:
            return scan + rows * (WRITE[speed] + table.indexes * ENTRY[speed])


def _sort(rows: int, speed: int) -> float:
    return rows * log2(rows + 2) * SORT[speed]


def brief_span(size: int) -> Span:
    """Return how long a statement of so many characters takes that changes no more rows than stand in it."""
    return Span(BRIEF.low + size * VALUES.fast, BRIEF.high + size * VALUES.slow)


def copy_span(size: int) -> Span:
    """Return how long a COPY of so many bytes of inline data takes."""
    return Span(size * COPIED.fast, size * COPIED.slow + INSTANT.high)


def add_all(spans: Iterable[Span | None]) -> Span | None:
    """Return how long all of them take, one after the other; None if it is not known of one."""
    found: Span | None = Span(0, 0)
    for span in spans:
        found = add(found, span)
    return found


def add(one: Span | None, other: Span | None) -> Span | None:
    """Return how long both take, one after the other; None if it is not known of one."""
    return None if one is None or other is None else Span(one.low + other.low, one.high + other.high)
