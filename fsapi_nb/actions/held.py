"""Which locks of a transaction are held longer because of what comes after the statement that takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fsapi_nb.actions.duration import UNNOTICED, add
from fsapi_nb.model.action import Blocks
from fsapi_nb.model.forecast import HeldLock, Span, StatementForecast


def held_locks(statements: Sequence[StatementForecast]) -> Iterator[HeldLock]:
    """Yield the locks that block somebody while later statements of the same transaction take their time.

    Of each table the first lock that blocks writes, and the first that blocks reads as well.
    """
    last = next((index for index in range(len(statements) - 1, 0, -1) if _takes_time(statements[index])), 0)
    if not any(each.blocks for each in statements[:last]):
        return
    after = list(_spans_after(statements))
    known: set[tuple[str, Blocks]] = set()
    for index, statement in enumerate(statements[:last]):
        for lock in statement.blocks:
            if lock.condition is None and (lock.table, lock.blocks) not in known:
                known |= {(lock.table, lock.blocks), (lock.table, Blocks.WRITES)}
                yield HeldLock(lock.table, lock.blocks, statement.line, after[index])


def _takes_time(statement: StatementForecast) -> bool:
    span = statement.span
    return span.high > UNNOTICED if span else bool(statement.work or statement.unknown)


def _spans_after(statements: Sequence[StatementForecast]) -> Iterator[Span | None]:
    """Yield how long the statements from each one on take, in their order."""
    found: list[Span | None] = []
    span: Span | None = Span(0, 0)
    for statement in reversed(statements):
        span = add(span, statement.span)
        found.append(span)
    yield from reversed(found)
