"""Find statements that take long while an earlier one of their transaction keeps others waiting. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fsapi_nb.checks.scripts import LintedStep, ReadStatement
from fsapi_nb.checks.suspicion import Suspicion, is_name
from fsapi_nb.model.action import Blocks
from fsapi_nb.model.forecast import HeldLock, StatementForecast, TableWork
from fsapi_nb.text.words import counted


def work_under_locks(step: LintedStep) -> Iterator[tuple[int, Suspicion]]:
    """Yield what is to say of a transaction in which others wait for work on other tables, if they do.

    It is said of the first such statement, whose number comes with it.
    """
    if not step.in_transaction:
        return
    found = [(each, held) for each in step.read if (held := _held(each.subject.forecast, step.held))]
    if found:
        first, held = found[0]
        yield first.number, _suspicion(first, held, len(found) - 1)


def _held(forecast: StatementForecast, held: Sequence[HeldLock]) -> list[HeldLock]:
    """Return the locks of earlier statements that a statement lets others wait for longer, by work that it surely does."""
    if not _certain_work(forecast):
        return []
    earlier = (lock for lock in held if lock.line < forecast.line and is_name(lock.table))
    return [lock for lock in earlier if not _blocks_itself(forecast, lock)]


def _certain_work(forecast: StatementForecast) -> list[TableWork]:
    return [work for work in forecast.work if not work.condition and is_name(work.table)]


def _blocks_itself(forecast: StatementForecast, held: HeldLock) -> bool:
    """Return whether a statement keeps the same others waiting as the lock that is held, or more."""
    own = [lock.blocks for lock in forecast.locks if lock.table == held.table]
    return Blocks.READS_AND_WRITES in own or held.blocks in own


def _suspicion(statement: ReadStatement, held: Sequence[HeldLock], later: int) -> Suspicion:
    lock = held[0]
    more = len({each.table for each in held}) - 1
    tables = lock.table + (f" and {counted(more, 'other table')}" if more else "")
    this = "this" + (f" and for {counted(later, 'later statement')}" if later else "")
    message = f"{lock.blocks.value} of {tables} wait for {this}: line {lock.line} keeps a lock until the end"
    hint = "put what takes long into a migration of its own."
    (work, *_) = _certain_work(statement.subject.forecast)
    return Suspicion("working-under-lock", message, hint, work.table)
