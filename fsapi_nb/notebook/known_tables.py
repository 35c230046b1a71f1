"""Keep the names of the databases that cells of this notebook have reached, for completion.

A Tab must not connect to a database that no cell has connected to, and must not wait for one. So names are read only of
databases that a magic has reached, by a connection of their own in a thread of their own, which a Tab waits for no longer
than `PATIENCE`; what is there by then is offered, and the rest at the next Tab. Names may be out of date for a moment:
they are read again after each cell that may have changed them, and after `FRESH` seconds.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fsapi_nb.catalog.database_names import DatabaseNames

if TYPE_CHECKING:
    from fsapi_nb.migrator import Migrator

#: Seconds that a Tab waits for names; that names are believed; until a failed reading is tried again.
PATIENCE, FRESH, AGAIN = 0.08, 30.0, 5.0
#: Relations whose columns are read at once, at most: a cell names fewer.
_MOST_TABLES = 50
_MOST_DATABASES = 8


@dataclass(slots=True)
class _ReachedDatabase:
    """What is known of one database: the names, what they were asked for, and when."""

    migrator: Migrator
    names: DatabaseNames = field(default_factory=DatabaseNames)
    tables: frozenset[str] = frozenset()
    beginnings: frozenset[str] = frozenset()
    reached_at: float = field(default_factory=time.monotonic)
    read_at: float | None = None
    failed_at: float | None = None
    reader: threading.Thread | None = None

    def is_fresh(self) -> bool:
        """Return whether the names were read after the last cell, and not long ago."""
        return self.read_at is not None and self.read_at >= self.reached_at and time.monotonic() - self.read_at <= FRESH

    def lacks(self, tables: frozenset[str], beginning: str) -> tuple[frozenset[str], str | None] | None:
        """Return which tables and which beginning of names must be read, None if nothing must be."""
        if not self.is_fresh():
            return tables, "" if self.names.whole else beginning
        known = self.names.whole or beginning in self.beginnings
        if not known and any(each and beginning.startswith(each) for each in self.beginnings):
            known = True
        if known and tables <= self.tables:
            return None
        return tables - self.tables, None if known else beginning

    def keep(self, names: DatabaseNames, tables: frozenset[str], beginning: str | None, begun: float) -> None:
        """Keep what was read: beside what is there if that is fresh, else in its place."""
        beginnings = frozenset() if beginning is None else frozenset({beginning})
        if self.is_fresh():
            self.names, self.tables = self.names.with_more(names), self.tables | tables
            self.beginnings |= beginnings
        else:
            self.names, self.tables, self.beginnings, self.read_at = names, tables, beginnings, begun


class KnownTables:
    """The names of the databases that were reached, one entry each."""

    def __init__(self) -> None:
        self._known: list[_ReachedDatabase] = []

    def reached(self, migrator: Migrator) -> None:
        """Remember that a cell has reached the database: its names may be read now, and may have changed."""
        found = self._find(migrator)
        if found is None:
            self._known = [*self._known[1 - _MOST_DATABASES :], _ReachedDatabase(migrator)]
        else:
            found.migrator, found.reached_at, found.failed_at = migrator, time.monotonic(), None

    def names(self, migrator: Migrator, tables: frozenset[str] = frozenset(), beginning: str = "") -> DatabaseNames:
        """Return the names of a database as far as they are known: none if no cell has reached it.

        Args:
            migrator: The way to the database, as a cell would go.
            tables: The relations whose columns are wanted, without their schemas.
            beginning: What is typed of a name, for databases with too many of them.
        """
        found = self._find(migrator)
        if found is None:
            return DatabaseNames()
        tables = frozenset(sorted(tables)[:_MOST_TABLES])
        until = time.monotonic() + PATIENCE
        while (missing := found.lacks(tables, beginning)) and time.monotonic() < until:
            reader = found.reader
            if reader is None or not reader.is_alive():
                if found.failed_at is not None and time.monotonic() - found.failed_at < AGAIN:
                    break
                reader = self._start(found, *missing)
            reader.join(max(0.0, until - time.monotonic()))
        return found.names

    def _find(self, migrator: Migrator) -> _ReachedDatabase | None:
        return next((known for known in self._known if known.migrator.same_database(migrator)), None)

    def _start(self, known: _ReachedDatabase, tables: frozenset[str], beginning: str | None) -> threading.Thread:
        """Start to read, in a thread that ends by itself."""

        def read() -> None:
            begun = time.monotonic()
            try:
                found = known.migrator.names(tables, beginning=beginning)
            except Exception:  # noqa: BLE001 - a Tab reports nothing; the next cell does
                known.failed_at = time.monotonic()
                return
            known.keep(found, tables, beginning, begun)

        known.reader = threading.Thread(target=read, name="fsapi_nb names", daemon=True)
        known.reader.start()
        return known.reader
