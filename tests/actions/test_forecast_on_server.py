"""What a forecast says of tables is what a server does: each case is foreseen, then run in a transaction rolled back.

The rules of `test_lock_rules` say on what a lock or work depends; a forecast decides it from the catalog where it can.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from fsapi_nb.actions.conditions import holds
from fsapi_nb.actions.lookup import Lookup
from fsapi_nb.model.action import Condition, LockMode
from fsapi_nb.model.forecast import WorkKind
from tests.actions.cases import Case, Server, happened, strict

#: What is left to the reader: it concerns partitions and heirs, or what the catalog does not tell before it is tried.
LEFT_OPEN = {
    Condition.IF_INHERITED,
    Condition.IF_MERGED,
    Condition.UNLESS_ITSELF,
    Condition.IF_NOT_NULL,
    Condition.IF_DEPENDED_ON,
    Condition.IF_PARENT_HAS_INDEXES,
    Condition.IF_CHANGED,
    Condition.IF_CLUSTERED,
    Condition.IF_CHANGED_SINCE,
}
#: What can only be ruled out, as it depends on the types; and what can only be certain, as rows may come.
ONE_WAY = {Condition.IF_COLUMN_IS_CHECKED: False, Condition.IF_ROWS: True}
_KINDS = {
    WorkKind.REWRITE: "rewrites",
    WorkKind.SCAN: "scans",
    WorkKind.INDEX: "builds_index",
    WorkKind.ROWS: "changes_rows",
}


def test_locks_are_foreseen(cases: list[Case], traced_server: Server) -> None:
    """Each table is locked as is said: what has no condition for certain, what is not said not at all."""
    faults = [fault for case in cases for fault in _wrong_locks(case, traced_server)]
    assert not faults, "\n".join(faults)
    assert len(cases) >= 120


def _wrong_locks(case: Case, server: Server) -> Iterator[str]:
    certain: dict[str, LockMode] = {}
    possible: dict[str, LockMode] = {}
    for lock in case.foreseen.locks:
        name = server.before.table(lock.meant.number) if lock.meant.number is not None else None
        if name is None:
            yield f"{case.statement}: {lock.meant.name} is not known"
            continue
        possible[name] = max(possible.get(name, lock.mode), lock.mode)
        if lock.condition is None:
            certain[name] = max(certain.get(name, lock.mode), lock.mode)
    for name in sorted({*possible, *case.seen.locks}):
        mode, low, high = (found.get(name, 0) for found in (case.seen.locks, certain, possible))
        if strict(mode) > strict(high) or mode < low:
            yield f"{case.statement}: {name} is locked in {mode!r}, and not {low!r} to {high!r}"


def test_work_is_foreseen(cases: list[Case], traced_server: Server) -> None:
    """A table is rewritten, scanned, indexed or changed as is said."""
    faults = [fault for case in cases for kind in _KINDS for fault in _wrong_work(case, kind, traced_server)]
    assert not faults, "\n".join(faults)


def _wrong_work(case: Case, kind: WorkKind, server: Server) -> Iterator[str]:
    certain, possible = _foreseen(case, kind, server)
    did = happened(case, _KINDS[kind])
    if kind is WorkKind.SCAN:  # whoever rewrites a table or builds an index reads it; so do queries, under weak locks
        possible |= _foreseen(case, WorkKind.REWRITE, server)[1] | _foreseen(case, WorkKind.INDEX, server)[1]
        possible |= {name for name in did if strict(case.seen.locks.get(name, 0)) == 0}
    if kind is WorkKind.ROWS:
        certain = set()  # there may be none that match
    if kind is WorkKind.INDEX:
        possible |= _foreseen(case, WorkKind.REWRITE, server)[1]
    if not certain <= did <= possible:
        yield f"{case.statement}: {kind.value} {sorted(did)}, and not {sorted(certain)} to {sorted(possible)}"


def _foreseen(case: Case, kind: WorkKind, server: Server) -> tuple[set[str], set[str]]:
    """The tables of work that is said to be certain, and of all, partitions included."""
    certain: set[str] = set()
    possible: set[str] = set()
    for work in case.foreseen.work:
        if work.kind is kind:
            names = server.stored_below(work.table) if work.partitions else {work.table.rpartition(".")[2]}
            possible |= names & server.stored
            if work.condition is None:
                assert not work.partitions or work.partitions == len(names & server.stored), case.statement
                certain |= names & server.stored
    return certain, possible


def test_conditions_are_decided_both_ways(cases: list[Case], traced_server: Server) -> None:
    """The catalog tells of each condition that it is so, and that it is not; what it cannot tell is not guessed."""
    decided: dict[Condition, set[bool]] = defaultdict(set)
    for case in cases:
        for condition, is_so in _decisions(case):
            if is_so is not None:
                decided[condition].add(is_so)
    expected = {condition: {True, False} for condition in set(Condition) - LEFT_OPEN}
    expected |= {condition: {is_so} for condition, is_so in ONE_WAY.items()}
    if traced_server.version < 18:
        del expected[Condition.IF_STORED]
    assert dict(decided) == expected


def _decisions(case: Case) -> Iterator[tuple[Condition, bool | None]]:
    lookup = Lookup(case.foreseen.facts)
    statement = case.foreseen.statement
    for action in statement.actions:
        found = [(each.tables, each.condition, True) for each in action.locks]
        found += [(each.tables, each.condition, False) for each in action.work]
        for tables, condition, is_lock in found:
            if condition is not None:
                for meant in lookup.tables(tables, statement):
                    yield condition, holds(condition, action, tables, meant, statement, lookup, is_lock=is_lock)
