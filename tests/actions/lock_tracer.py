"""What a statement does on a real server: the session's own locks, new files of tables, scans, built indexes, and rows.

Locks on indexes, TOAST tables and sequences that a table owns count as locks on that table.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from fsapi_nb.model.action import LockMode

Connection = psycopg.Connection[tuple[Any, ...]]

_MODES = {mode.name.title().replace("_", "") + "Lock": mode for mode in LockMode}
# Each relation that was there before, with the table that it belongs to and its file.
_RELATIONS = """
    SELECT c.oid::int, COALESCE(i.indrelid, t.oid, d.refobjid, c.oid)::int, c.relname::text, c.relkind::text,
        pg_relation_filenode(c.oid)::int
    FROM pg_class AS c
    LEFT JOIN pg_class AS t ON t.reltoastrelid = c.oid
    LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
    LEFT JOIN pg_depend AS d ON c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    WHERE c.oid >= 16384 AND c.relkind <> 'c'
"""
_LOCKS = """
    SELECT relation::int, mode FROM pg_locks WHERE pid = %s AND locktype = 'relation' AND relation >= 16384
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_COUNTS = """
    SELECT relid::int, COALESCE(seq_scan, 0), n_tup_ins + n_tup_upd + n_tup_del
    FROM pg_stat_xact_all_tables WHERE relid >= 16384
"""


@dataclass(slots=True)
class Seen:
    """What a statement did, by the names of tables that were there before."""

    locks: dict[str, LockMode] = field(default_factory=dict)
    rewritten: set[str] = field(default_factory=set)
    scanned: set[str] = field(default_factory=set)
    indexed: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Relations:
    """The relations of a database at one moment."""

    owners: Mapping[int, int]
    names: Mapping[int, str]
    kinds: Mapping[int, str]
    files: Mapping[int, int | None]

    @classmethod
    def read(cls, connection: Connection) -> Relations:
        """Read them from the catalog."""
        rows = connection.execute(_RELATIONS).fetchall()
        return cls(
            {row[0]: row[1] for row in rows},
            {row[0]: row[2] for row in rows},
            {row[0]: row[3] for row in rows},
            {row[0]: row[4] for row in rows},
        )

    def table(self, oid: int) -> str | None:
        """Return the name of the table that a relation belongs to; None of what was not there."""
        while (owner := self.owners.get(oid, oid)) != oid:
            oid = owner
        return self.names.get(oid)


@contextmanager
def traced(connection: Connection, statement: str, before: Relations) -> Iterator[Seen]:
    """Run a statement in a transaction; yield what it did while the transaction is open, and roll it back."""
    notices: list[str] = []

    def listen(diagnostic: psycopg.errors.Diagnostic) -> None:
        notices.append(diagnostic.message_primary or "")

    seen = Seen()
    connection.add_notice_handler(listen)
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL client_min_messages = debug1")
            counted = {row[0]: row[1:] for row in connection.execute(_COUNTS)}
            held = held_by(connection)
            connection.execute(statement.encode())
            connection.execute("SET LOCAL client_min_messages = warning")
            add_locks(seen, held_by(connection) - held, before)
            for oid, scans, rows in connection.execute(_COUNTS):
                if (name := before.table(oid)) is not None and before.kinds[oid] in "rmp":
                    old_scans, old_rows = counted.get(oid, (0, 0))
                    seen.scanned |= {name} if scans > old_scans else set()
                    seen.changed |= {name} if rows > old_rows else set()
            after = Relations.read(connection)
            for oid, file in before.files.items():
                changed = oid in after.files and after.files[oid] != file
                name = before.table(oid)
                if changed and name and before.kinds[oid] in "rm":
                    seen.rewritten.add(name)
            for message in notices:
                if message.startswith("building index "):
                    table = message.split('"')[3]
                    seen.indexed.add(table)
            yield seen
    finally:
        connection.remove_notice_handler(listen)


def held_by(connection: Connection) -> set[Any]:
    """Return the locks on relations that a session holds, each with its mode."""
    return set(connection.execute(_LOCKS, [connection.info.backend_pid]))


def add_locks(seen: Seen, locks: set[Any], before: Relations) -> None:
    """Add locks to what was seen, by the names of the tables that were there before."""
    for oid, mode in locks:
        if (name := before.table(oid)) is not None:
            seen.locks[name] = max(seen.locks.get(name, LockMode.ACCESS_SHARE), _MODES[mode])


def locks_while_waiting(address: str, statement: str, blocker: str, before: Relations) -> dict[str, LockMode]:
    """Return the locks that a statement holds or waits for, outside of a transaction, while another session is in its way.

    `blocker` is what that session has done in a transaction that is still open.
    """
    seen = Seen()
    with (
        psycopg.connect(address, autocommit=True) as other,
        psycopg.connect(address, autocommit=True) as own,
        psycopg.connect(address, autocommit=True) as watch,
    ):
        other.execute(b"BEGIN")
        other.execute(blocker.encode())
        own.execute("SET statement_timeout = '20s'")
        thread = threading.Thread(target=own.execute, args=(statement.encode(),))
        thread.start()
        waits = "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted"
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            ((waiting,),) = watch.execute(waits, [own.info.backend_pid])
            if waiting:
                break
            time.sleep(0.002)
        add_locks(seen, set(watch.execute(_LOCKS, [own.info.backend_pid])), before)
        other.execute(b"ROLLBACK")
        thread.join()
    return seen.locks
