"""From rules to facts: the locks and the work of one statement on the tables that it names."""

from __future__ import annotations

from collections.abc import Iterable

from fsapi_nb.actions.lock_rules import Rules
from fsapi_nb.model.action import Condition, Kin, LockMode, TableLock, TableSet, Work


def locks(rules: Rules, name: str, version: int, *, only: bool = False) -> tuple[TableLock, ...]:
    """Return the locks that rules give for a relation of that name; `only` says that ONLY stands before it."""
    return tuple(
        TableLock(TableSet(name, rule.kin), rule.mode, rule.condition)
        for rule in rules
        if rule.since <= version <= rule.until and not (only and rule.only)
    )


def on_table(name: str, mode: LockMode) -> tuple[TableLock, ...]:
    """Return the lock on the one table of that name."""
    return (TableLock(TableSet(name), mode),)


def work(name: str, condition: Condition | None = None, *, only: bool = False) -> tuple[Work, ...]:
    """Return work on a table and, unless ONLY stands before it, on its partitions and heirs."""
    kinds = (Kin.SELF,) if only else (Kin.SELF, Kin.DESCENDANTS)
    return tuple(Work(TableSet(name, kin), condition) for kin in kinds)


def merging(found: Iterable[Work]) -> tuple[Work, ...]:
    """Return work that partitions and heirs are spared if they have it already."""
    return tuple(
        each if each.tables.kin is Kin.SELF else Work(each.tables, each.condition or Condition.UNLESS_EXISTS)
        for each in found
    )


def conditional(found: Iterable[Work], condition: Condition) -> tuple[Work, ...]:
    """Return work that depends on that, or on what it depends on already."""
    return tuple(Work(each.tables, each.condition or condition) for each in found)


def strongest(found: Iterable[TableLock]) -> tuple[TableLock, ...]:
    """Return the strongest lock on each set of tables; one that depends on something, only if it is stronger than that."""
    certain: dict[TableSet, TableLock] = {}
    possible: dict[TableSet, TableLock] = {}
    for lock in found:
        known = certain if lock.condition is None else possible
        if lock.tables not in known or known[lock.tables].mode < lock.mode:
            known[lock.tables] = lock
    stronger = (lock for tables, lock in possible.items() if tables not in certain or certain[tables].mode < lock.mode)
    return (*certain.values(), *stronger)
