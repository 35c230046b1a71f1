"""What `actions_of` says of a statement is what a server does: each rule is run for real, in a transaction rolled back.

Whether a lock, a rewrite, a scan, the building of an index or changed rows is said to be certain or possible, the server
must agree; and each condition must be seen to decide something.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from fsapi_nb.actions.builtin_names import OTHER_FUNCTIONS, TYPES, VOLATILE_FUNCTIONS
from fsapi_nb.actions.locks import strongest
from fsapi_nb.actions.statement import actions_of
from fsapi_nb.model.action import Action, Condition, LockMode, TableSet, Work
from tests.actions.lock_kin import tables_of
from tests.actions.lock_tracer import Connection, Relations, Seen, locks_while_waiting, traced
from tests.conftest import MakeDatabase

FOLDER = Path(__file__).parent
#: What no case can show, because a transaction can neither CLUSTER all tables nor VACUUM one.
NOT_SHOWN = {Condition.IF_CLUSTERED, Condition.IF_CHANGED_SINCE}
#: What no version before 18 depends on.
NEW = {Condition.IF_NOT_NULL, Condition.IF_STORED}
_SINCE = re.compile(r"-- from (\d+)")

Spread = dict[str, LockMode]


def statements(version: int) -> Iterator[str]:
    """The cases that a server of that version knows."""
    since = 0
    for line in (FOLDER / "lock_statements.sql").read_text(encoding="utf-8").splitlines():
        if found := _SINCE.match(line):
            since = int(found[1])
        elif line.startswith("--"):
            since = 0
        elif line and since <= version:
            yield line.removesuffix(";")


@dataclass(slots=True)
class Case:
    """A statement, what is said of it, and what it did."""

    statement: str
    actions: tuple[Action, ...]
    seen: Seen
    certain: Spread = field(default_factory=dict)
    possible: Spread = field(default_factory=dict)


@dataclass(slots=True)
class Server:
    """A database with the tables that the cases are about."""

    address: str
    connection: Connection
    before: Relations
    known: dict[TableSet, set[str]] = field(default_factory=dict)

    @property
    def version(self) -> int:
        return self.connection.info.server_version // 10000

    def tables(self, tables: TableSet) -> set[str]:
        if tables not in self.known:
            self.known[tables] = tables_of(self.connection, tables, self.before)
        return self.known[tables]

    def spread(self, case: Case) -> None:
        """Name the tables of the locks that are said to be certain, and of all."""
        for lock in strongest(lock for action in case.actions for lock in action.locks):
            for name in self.tables(lock.tables):
                case.possible[name] = max(case.possible.get(name, lock.mode), lock.mode)
                if lock.condition is None:
                    case.certain[name] = max(case.certain.get(name, lock.mode), lock.mode)

    def named(self, work: Iterable[Work]) -> tuple[set[str], set[str]]:
        """The tables of work that is said to be certain, and of all; those only that have rows of their own."""
        certain: set[str] = set()
        possible: set[str] = set()
        for each in work:
            names = {name for name in self.tables(each.tables) if name in self.stored}
            possible |= names
            certain |= names if each.condition is None else set()
        return certain, possible

    @property
    def stored(self) -> set[str]:
        return {self.before.names[oid] for oid, kind in self.before.kinds.items() if kind in "rm"}


@pytest.fixture(scope="module")
def traced_server(make_database: MakeDatabase) -> Iterator[Server]:
    with make_database() as address, psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute("CREATE TABLESPACE lock_space LOCATION ''")
        try:
            connection.execute((FOLDER / "lock_schema.sql").read_bytes())
            yield Server(address, connection, Relations.read(connection))
        finally:
            connection.execute("DROP TABLESPACE lock_space")


@pytest.fixture(scope="module")
def cases(traced_server: Server) -> list[Case]:
    """All cases, run."""
    found = []
    for statement in statements(traced_server.version):
        actions = actions_of(statement, traced_server.version)
        case = Case(statement, actions, Seen())
        traced_server.spread(case)
        for action in actions:
            for work in action.work:
                traced_server.tables(work.tables)
        try:
            with traced(traced_server.connection, statement, traced_server.before) as seen:
                case.seen = seen
        except psycopg.Error as error:
            pytest.fail(f"{statement}: {error}")
        found.append(case)
    return found


def test_locks_are_those_of_the_server(cases: list[Case]) -> None:
    """Each table that was there before is locked as is said; what blocks nothing may be locked besides."""
    faults = [fault for case in cases for fault in _wrong_locks(case)]
    assert not faults, "\n".join(faults)
    assert len(cases) >= 120


def _wrong_locks(case: Case) -> Iterator[str]:
    for name in sorted({*case.possible, *case.seen.locks}):
        mode = case.seen.locks.get(name, 0)
        low, high = case.certain.get(name, 0), case.possible.get(name, 0)
        if _strict(mode) > _strict(high) or mode < low:
            yield f"{case.statement}: {name} is locked in {mode!r}, and not {low!r} to {high!r}"


def _strict(mode: int) -> int:
    return mode if mode >= LockMode.SHARE_UPDATE_EXCLUSIVE else 0


@pytest.mark.parametrize("kind", ["rewrites", "scans", "builds_index", "changes_rows"])
def test_work_is_that_of_the_server(cases: list[Case], traced_server: Server, kind: str) -> None:
    """What is said to be certain happens, and nothing happens that is not said to be possible."""
    faults = [fault for case in cases for fault in _wrong_work(traced_server, case, kind)]
    assert not faults, "\n".join(faults)


def _wrong_work(traced_server: Server, case: Case, kind: str) -> Iterator[str]:
    certain, possible = traced_server.named(work for action in case.actions for work in getattr(action, kind))
    happened = _happened(case, kind)
    if kind == "scans":  # whoever rewrites a table or builds an index reads it; so do queries, under weak locks
        _, read = traced_server.named(
            work for action in case.actions for work in (*action.rewrites, *action.builds_index)
        )
        possible |= read | {name for name in happened if _strict(case.seen.locks.get(name, 0)) == 0}
    if kind == "changes_rows":
        certain = set()  # there may be none that match
    if kind == "builds_index":  # those of a table that is rewritten are built as well
        _, rewritten = traced_server.named(work for action in case.actions for work in action.rewrites)
        possible |= rewritten
    if not certain <= happened <= possible:
        yield f"{case.statement}: {kind} {sorted(happened)}, and not {sorted(certain)} to {sorted(possible)}"


def _happened(case: Case, kind: str) -> set[str]:
    if case.statement.startswith("TRUNCATE"):  # makes new, empty files, which costs nothing
        return set()
    match kind:
        case "rewrites":
            return case.seen.rewritten
        case "scans":
            return case.seen.scanned
        case "builds_index":
            return {name for name in case.seen.indexed if name in case.seen.locks}
        case _:
            return case.seen.changed


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
                            outcomes[work.condition].add(name in _happened(case, kind))
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
    case = Case(statement, actions, Seen())
    traced_server.spread(case)
    case.seen.locks = locks_while_waiting(traced_server.address, statement, blocker, traced_server.before)
    if undo:
        traced_server.connection.execute(undo.encode())
    strict = {name: mode for name, mode in case.seen.locks.items() if _strict(mode)}
    assert strict, "it did not wait"
    for name, mode in strict.items():
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
