"""What `actions_of` says of a statement is what a server does: each rule is run for real, in a transaction rolled back.

Whether a lock, a rewrite, a scan, the building of an index or changed rows is said to be certain or possible, the server
must agree; and each condition must be seen to decide something.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest

from fsapi_nb.actions.builtin_names import OTHER_FUNCTIONS, TYPES, VOLATILE_FUNCTIONS
from fsapi_nb.actions.statement import actions_of
from fsapi_nb.model.action import Condition
from tests.actions.cases import Case, Server, happened, strict
from tests.actions.foreseen import foreseen
from tests.actions.lock_tracer import Seen, locks_while_waiting

#: What no case can show, because a transaction can neither CLUSTER all tables nor VACUUM one.
NOT_SHOWN = {Condition.IF_CLUSTERED, Condition.IF_CHANGED_SINCE}
#: What no version before 18 depends on.
NEW = {Condition.IF_NOT_NULL, Condition.IF_STORED}


def test_locks_are_those_of_the_server(cases: list[Case]) -> None:
    """Each table that was there before is locked as is said; what blocks nothing may be locked besides."""
    faults = [fault for case in cases for fault in _wrong_locks(case)]
    assert not faults, "\n".join(faults)
    assert len(cases) >= 120


def _wrong_locks(case: Case) -> Iterator[str]:
    for name in sorted({*case.possible, *case.seen.locks}):
        mode = case.seen.locks.get(name, 0)
        low, high = case.certain.get(name, 0), case.possible.get(name, 0)
        if strict(mode) > strict(high) or mode < low:
            yield f"{case.statement}: {name} is locked in {mode!r}, and not {low!r} to {high!r}"


@pytest.mark.parametrize("kind", ["rewrites", "scans", "builds_index", "changes_rows"])
def test_work_is_that_of_the_server(cases: list[Case], traced_server: Server, kind: str) -> None:
    """What is said to be certain happens, and nothing happens that is not said to be possible."""
    faults = [fault for case in cases for fault in _wrong_work(traced_server, case, kind)]
    assert not faults, "\n".join(faults)


def _wrong_work(traced_server: Server, case: Case, kind: str) -> Iterator[str]:
    certain, possible = traced_server.named(work for action in case.actions for work in getattr(action, kind))
    did = happened(case, kind)
    if kind == "scans":  # whoever rewrites a table or builds an index reads it; so do queries, under weak locks
        _, read = traced_server.named(
            work for action in case.actions for work in (*action.rewrites, *action.builds_index)
        )
        possible |= read | {name for name in did if strict(case.seen.locks.get(name, 0)) == 0}
    if kind == "changes_rows":
        certain = set()  # there may be none that match
    if kind == "builds_index":  # those of a table that is rewritten are built as well
        _, rewritten = traced_server.named(work for action in case.actions for work in action.rewrites)
        possible |= rewritten
    if not certain <= did <= possible:
        yield f"{case.statement}: {kind} {sorted(did)}, and not {sorted(certain)} to {sorted(possible)}"


def test_each_condition_decides(cases: list[Case], traced_server: Server) -> None:
    """For each condition there is a case where what depends on it happens, and one where it does not."""
    outcomes: dict[Condition, set[bool]] = defaultdict(set)
    for case in cases:
        for action in case.actions:
            for lock in action.locks:
                if lock.condition:
                    for name in traced_server.tables(lock.tables):
                        outcomes[lock.condition].add(case.seen.locks.get(name, 0) >= lock.mode)
            for kind in ("rewrites", "scans", "builds_index", "changes_rows"):
                for work in getattr(action, kind):
                    if work.condition:
                        for name in traced_server.tables(work.tables):
                            outcomes[work.condition].add(name in happened(case, kind))
    shown = set(Condition) - NOT_SHOWN - (NEW if traced_server.version < 18 else set())
    assert {each.name: outcomes[each] for each in shown if len(outcomes[each]) < 2} == {}


#: What PostgreSQL refuses in a transaction: the statement, what another session has done that is in its way, the state
#: that undoes it.
ALONE = [
    ("CREATE INDEX CONCURRENTLY z ON plain (a)", "INSERT INTO plain VALUES (0)", "DROP INDEX z"),
    ("CREATE UNIQUE INDEX CONCURRENTLY z ON plain (a)", "INSERT INTO plain VALUES (0)", "DROP INDEX z"),
    (
        "DROP INDEX CONCURRENTLY orders_spare",
        "SELECT FROM orders",
        "CREATE INDEX orders_spare ON orders (token)",
    ),
    ("REINDEX INDEX CONCURRENTLY orders_total", "UPDATE orders SET body = body", ""),
    ("REINDEX TABLE CONCURRENTLY orders", "UPDATE orders SET body = body", ""),
    ("VACUUM plain", "LOCK TABLE plain IN SHARE UPDATE EXCLUSIVE MODE", ""),
    ("VACUUM (ANALYZE) plain", "LOCK TABLE plain IN SHARE UPDATE EXCLUSIVE MODE", ""),
    ("VACUUM FULL plain", "SELECT FROM plain", ""),
    ("VACUUM logs", "LOCK TABLE logs_two IN SHARE UPDATE EXCLUSIVE MODE", ""),
    (
        "ALTER TABLE logs DETACH PARTITION logs_two CONCURRENTLY",
        "SELECT FROM logs_two",
        "ALTER TABLE logs ATTACH PARTITION logs_two FOR VALUES FROM (10) TO (20)",
    ),
]


@pytest.mark.parametrize(("statement", "blocker", "undo"), ALONE, ids=[case[0] for case in ALONE])
def test_locks_outside_of_a_transaction(traced_server: Server, statement: str, blocker: str, undo: str) -> None:
    """While it waits for another session, it holds, or asks for, no lock but those that are said."""
    actions = actions_of(statement, traced_server.version)
    case = Case(statement, actions, Seen(), foreseen(traced_server.connection, statement))
    traced_server.spread(case)
    case.seen.locks = locks_while_waiting(traced_server.address, statement, blocker, traced_server.before)
    if undo:
        traced_server.connection.execute(undo.encode())
    waited = {name: mode for name, mode in case.seen.locks.items() if strict(mode)}
    assert waited, "it did not wait"
    for name, mode in waited.items():
        assert mode == case.certain.get(name), (name, mode)


def test_names_of_functions_and_types_are_those_of_the_server(traced_server: Server) -> None:
    """A function that is said to be volatile, or not, is so on the server, if it knows it; a type is no domain."""
    rows = traced_server.connection.execute(
        "SELECT proname::text, bool_or(provolatile = 'v') FROM pg_proc"
        " WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY 1"
    ).fetchall()
    volatile = {name for name, is_volatile in rows if is_volatile}
    steady = {name for name, is_volatile in rows if not is_volatile}
    assert volatile & OTHER_FUNCTIONS == set()
    assert steady & VOLATILE_FUNCTIONS == set()
    domains = traced_server.connection.execute("SELECT typname::text FROM pg_type WHERE typtype = 'd'").fetchall()
    assert {name for (name,) in domains} & TYPES == set()
