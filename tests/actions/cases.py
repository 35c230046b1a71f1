"""The statements that are run on a server to see what they do, and what is said of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fsapi_nb.actions.locks import strongest
from fsapi_nb.model.action import Action, Kin, LockMode, TableSet, Work
from tests.actions.foreseen import Foreseen
from tests.actions.lock_kin import tables_of
from tests.actions.lock_tracer import Connection, Relations, Seen

FOLDER = Path(__file__).parent
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
    foreseen: Foreseen
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

    def stored_below(self, table: str) -> set[str]:
        """The partitions of a table that have rows."""
        return self.tables(TableSet(table, Kin.PARTITIONS)) & self.stored

    @property
    def stored(self) -> set[str]:
        return {self.before.names[oid] for oid, kind in self.before.kinds.items() if kind in "rm"}


def strict(mode: int) -> int:
    """The mode, 0 of one that blocks no other schema change."""
    return mode if mode >= LockMode.SHARE_UPDATE_EXCLUSIVE else 0


def happened(case: Case, kind: str) -> set[str]:
    """The tables on which work of that kind was done."""
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
