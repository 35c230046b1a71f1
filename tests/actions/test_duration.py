"""How long work takes: a range that grows with the table, and holds what a server took."""

from __future__ import annotations

import pytest

from fsapi_nb.actions.duration import BRIEF, add_all, brief_span, span_of
from fsapi_nb.model.action import Amount
from fsapi_nb.model.forecast import Span, TableSize, WorkKind
from fsapi_nb.model.table_facts import FoundTable

MB = 1 << 20


def table(rows: int, heap: int, indexes: int = 2) -> FoundTable:
    return FoundTable("t", "r", TableSize(rows, heap * 2), heap, indexes)


#: What servers took, in seconds: PostgreSQL 15, 17 and 18 on two cores, idle and with four times their load.
MEASURED = [
    (WorkKind.SCAN, table(1_000_000, 106 * MB), 0.10, 0.5),
    (WorkKind.INDEX, table(1_000_000, 106 * MB), 0.50, 3.0),
    (WorkKind.REWRITE, table(1_000_000, 106 * MB), 2.00, 14.3),
    (WorkKind.ROWS, table(1_000_000, 106 * MB), 6.00, 23.2),
    (WorkKind.ROWS, table(250_000, 25 * MB, 3), 3.01, 3.9),
    (WorkKind.SCAN, table(300_000, 123 * MB), 0.05, 0.3),
    (WorkKind.INDEX, table(300_000, 123 * MB), 0.20, 1.5),
    (WorkKind.REWRITE, table(20_000, 2 * MB), 0.03, 0.2),
]


@pytest.mark.parametrize(("kind", "found", "least", "most"), MEASURED)
def test_a_range_holds_what_a_server_took(kind: WorkKind, found: FoundTable, least: float, most: float) -> None:
    """A range that is too small is worse than none; one of more than two magnitudes tells nothing."""
    span = span_of(kind, found)
    assert span is not None
    assert span.low <= least <= most <= span.high
    assert span.high < 100 * span.low + 1


@pytest.mark.parametrize("kind", WorkKind)
def test_more_rows_take_longer(kind: WorkKind) -> None:
    """And a table without rows takes a moment."""
    spans = [span_of(kind, table(rows, rows * 100)) for rows in (0, 1_000, 100_000, 10_000_000, 1_000_000_000)]
    assert spans[0] == (BRIEF._replace(low=0.0) if kind is WorkKind.ROWS else Span(0.0, 0.1))
    highs = [span.high for span in spans if span]
    assert sorted(set(highs)) == highs


def test_a_seed_takes_about_as_long_as_a_server_took() -> None:
    """100,000 INSERTs of a row each took 2 to 10 s: a moment for each of them would be hours."""
    span = add_all([brief_span(50)] * 100_000)
    assert span is not None
    assert span.low <= 2.0
    assert 10.0 <= span.high <= 600.0


def test_what_is_done_gently_takes_longer() -> None:
    """CONCURRENTLY reads the table twice, and waits for transactions."""
    found = table(10_000_000, 1_000 * MB)
    once, gently = span_of(WorkKind.INDEX, found), span_of(WorkKind.INDEX, found, gently=True)
    assert once is not None
    assert gently is not None
    assert gently.low > once.low
    assert gently.high > 2 * once.high


def test_rows_that_are_not_known_are_not_guessed() -> None:
    """Not those that a query gives, nor those of a table that nothing was ever counted of; a few take a moment."""
    found = table(1_000_000, 100 * MB)
    assert span_of(WorkKind.ROWS, found, Amount.QUERIED) is None
    assert span_of(WorkKind.ROWS, found._replace(size=TableSize(None, 1))) is None
    assert span_of(WorkKind.ROWS, found._replace(size=None)) is None
    assert span_of(WorkKind.ROWS, found, Amount.WRITTEN) is None
    some = span_of(WorkKind.ROWS, found, Amount.SOME)
    every = span_of(WorkKind.ROWS, found)
    assert some is not None
    assert every is not None
    assert (some.low, some.high) == (0, every.high)
