"""The locks of a statement on the tables that it means: the strongest on each, partitions with their table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fsapi_nb.actions.conditions import holds
from fsapi_nb.actions.lookup import Lookup, MeantTable
from fsapi_nb.actions.plan import StatementActions
from fsapi_nb.model.action import Action, Condition, Kin, LockMode, TableLock
from fsapi_nb.model.forecast import TableBlock


class Lock(NamedTuple):
    """A lock on one table that is meant."""

    meant: MeantTable
    mode: LockMode
    condition: Condition | None = None


def locks_of(statement: StatementActions, lookup: Lookup) -> list[Lock]:
    """Return the strongest lock of a statement on each table; one that depends on something only if it is stronger."""
    certain: dict[str, Lock] = {}
    possible: dict[str, Lock] = {}
    for action in statement.actions:
        for lock in action.locks:
            for found in _on_tables(lock, action, statement, lookup):
                known = certain if found.condition is None else possible
                before = known.get(found.meant.name)
                if before is None or before.mode < found.mode:
                    known[found.meant.name] = found
    stronger = (lock for name, lock in possible.items() if name not in certain or certain[name].mode < lock.mode)
    return [*certain.values(), *stronger]


def _on_tables(lock: TableLock, action: Action, statement: StatementActions, lookup: Lookup) -> Iterator[Lock]:
    for meant in lookup.tables(lock.tables, statement):
        if meant.is_new:
            continue
        condition = lock.condition
        if condition is not None:
            is_so = holds(condition, action, lock.tables, meant, statement, lookup, is_lock=True)
            if is_so is False:
                continue
            condition = None if is_so else condition
        elif lock.tables.kin is Kin.DEPENDENT and meant.number in lookup.touched:
            condition = Condition.IF_DEPENDED_ON  # what depended on it may be gone
        yield Lock(meant, lock.mode, condition)


def blocks_of(locks: Iterable[Lock]) -> tuple[TableBlock, ...]:
    """Return the locks as they are shown: partitions that are locked like their table are only counted."""
    found = list(locks)
    whole = {lock.meant.number: lock for lock in found if lock.meant.table and lock.meant.table.kind == "p"}
    counts: dict[int | None, int] = {}
    shown = []
    for lock in found:
        table = lock.meant.table
        parent = table.parent if table else None
        while parent in whole and _covers(whole[parent], lock):
            top, above = parent, whole[parent].meant.table
            parent = above.parent if above else None
            if parent not in whole or not _covers(whole[parent], lock):
                counts[top] = counts.get(top, 0) + 1
                break
        else:
            shown.append(lock)
    return tuple(_block(lock, counts.get(lock.meant.number, 0)) for lock in shown)


def _covers(whole: Lock, part: Lock) -> bool:
    return whole.condition is None and whole.mode >= part.mode


def _block(lock: Lock, partitions: int) -> TableBlock:
    return TableBlock(lock.meant.name, lock.mode, lock.mode.blocks, lock.condition, partitions)
