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
    beginning: str = ""
    reached_at: float = field(default_factory=time.monotonic)
    read_at: float | None = None
    failed_at: float | None = None
    reader: threading.Thread | None = None

    def has(self, tables: frozenset[str], beginning: str) -> bool:
        """Return whether the names are fresh, and have what is asked for."""
        if self.read_at is None or self.read_at < self.reached_at or not tables <= self.tables:
            return False
        if time.monotonic() - self.read_at > FRESH:
            return False
        return self.names.whole or (beginning.startswith(self.beginning) and bool(self.beginning) == bool(beginning))


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
        while not found.has(tables, beginning) and time.monotonic() < until:
            reader = found.reader
            if reader is None or not reader.is_alive():
                if found.failed_at is not None and time.monotonic() - found.failed_at < AGAIN:
                    break
                reader = self._start(found, tables, beginning)
            reader.join(max(0.0, until - time.monotonic()))
        return found.names

    def _find(self, migrator: Migrator) -> _ReachedDatabase | None:
        return next((known for known in self._known if known.migrator.same_database(migrator)), None)

    def _start(self, known: _ReachedDatabase, tables: frozenset[str], beginning: str) -> threading.Thread:
        """Start to read, in a thread that ends by itself."""
        typed = "" if known.names.whole else beginning

        def read() -> None:
            begun = time.monotonic()
            try:
                found = known.migrator.names(tables, beginning=typed)
            except Exception:  # noqa: BLE001 - a Tab reports nothing; the next cell does
                known.failed_at = time.monotonic()
                return
            known.names, known.tables, known.beginning, known.read_at = found, tables, typed, begun

        known.reader = threading.Thread(target=read, name="fsapi_nb names", daemon=True)
        known.reader.start()
        return known.reader
