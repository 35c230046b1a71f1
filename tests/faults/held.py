"""Migrations whose run stands still at an exact place, until the test lets it go on: there a fault can be put.

A `gate` table says how long a statement sleeps; what waits for a lock is held by an open transaction of the test.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import psycopg

from tests.faults.migrations import Migrations
from tests.faults.sweep import compare
from tests.faults.world import Place, Snapshot, World

_SLEEP = "SELECT pg_sleep(seconds) FROM gate;"
_TRIGGER = (
    "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN PERFORM pg_sleep(seconds) FROM gate; RETURN NEW; END $$; "
)
_PARTITIONED = (
    "CREATE TABLE p (i int) PARTITION BY RANGE (i); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);"
)
#: A run that stands still at a lock or in a sleep.
STANDS_STILL = """
    SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fsapi_nb'
    AND state = 'active' AND wait_event_type IN ('Lock', 'Timeout')
"""
NOBODY_AT_WORK = """
    SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'fsapi_nb'
    AND state <> 'idle'
"""
_ends: dict[str, Snapshot] = {}


@dataclass(frozen=True, slots=True)
class Held:
    """What is there before, the migration's UP, and the SQL of the open transaction that it waits for, if not the gate.

    `truth` tells whether it happened, where in another database no catalog does.
    """

    name: str
    up: str
    prepare: str = ""
    holder: str | None = None
    truth: str | None = None

    @property
    def migrations(self) -> Migrations:
        """A migration before it, and itself."""
        truths = (("2026_01_01_00_01_held.sql", "up", 1, self.truth),) if self.truth else ()
        return Migrations("held", (("CREATE TABLE before (i int);", "DROP TABLE before;"), (self.up, "")), truths)


def _index(name: str, up: str, more: str = "") -> Held:
    """A build or drop that waits for a writer."""
    prepare = f"CREATE TABLE d (i int); INSERT INTO d VALUES (1), (2); {more}"
    return Held(name, up, prepare, "INSERT INTO d VALUES (3)")


IN_TRANSACTION = Held("statement", f"CREATE TABLE x (i int);\n{_SLEEP}\nINSERT INTO x VALUES (1);")
LOCK_WAIT = Held("lock", "CREATE TABLE x (i int);\nALTER TABLE gate ADD COLUMN j int;", holder="SELECT FROM gate")
COMMIT = Held(
    "commit",
    "INSERT INTO w VALUES (1);",
    f"CREATE TABLE w (i int); {_TRIGGER}"
    "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON w DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();",
)
_COPY = f"CREATE TABLE w (t text); {_TRIGGER} CREATE TRIGGER at_once BEFORE INSERT ON w FOR EACH ROW EXECUTE FUNCTION wait();"
SHORT_COPY = Held("short copy", "CREATE TABLE x (i int);\nCOPY w FROM stdin;\none\ntwo\n\\.", _COPY)
LONG_COPY = Held("long copy", "COPY w FROM stdin;\n" + f"{'x' * 4000}\n" * 500 + "\\.", _COPY)
BUILD = _index("build", "CREATE INDEX CONCURRENTLY d_i ON d (i);")
UNNAMED = replace(
    _index("unnamed", "CREATE INDEX CONCURRENTLY ON d (i);"), truth="SELECT to_regclass('d_i_idx') IS NOT NULL"
)
UNIQUE = _index("unique", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS d_i ON d (i);")
DROP = _index("drop", "DROP INDEX CONCURRENTLY d_i;", "CREATE INDEX d_i ON d (i);")
REINDEX = _index("reindex", "REINDEX INDEX CONCURRENTLY d_i;", "CREATE INDEX d_i ON d (i);")
REINDEX_TABLE = _index("reindex table", "REINDEX TABLE CONCURRENTLY d;", "CREATE INDEX d_i ON d (i);")
DETACH = Held("detach", "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;", _PARTITIONED, "SELECT FROM p")
CONCURRENT = (BUILD, DETACH, REINDEX, UNNAMED, UNIQUE, DROP, REINDEX_TABLE)


@contextlib.contextmanager
def stage(world: World, held: Held) -> Iterator[Place]:
    """A place with what must be there before."""
    with world.place(held.migrations) as place:
        place.rows(f"CREATE TABLE gate AS SELECT 0.0::float AS seconds; {held.prepare}")
        yield place


@contextlib.contextmanager
def holding(place: Place, held: Held) -> Iterator[None]:
    """Keep its runs from going on."""
    if held.holder is None:
        place.rows("UPDATE gate SET seconds = 60")
        yield
        place.rows("UPDATE gate SET seconds = 0")
        return
    with psycopg.connect(place.address) as connection:
        connection.execute(held.holder.encode())
        yield
        connection.close()  # which is no error where the server has gone meanwhile


def undisturbed_end(world: World, held: Held) -> Snapshot:
    """What a run leaves that nothing kept from going on; found out once, for it is always the same."""
    if held.name not in _ends:
        with stage(world, held) as place:
            place.migrator().migrate()
            _ends[held.name] = place.snapshot()
    return _ends[held.name]


def assert_one_more_run_completes(world: World, held: Held, place: Place) -> None:
    """The run after the fault ends as one without a fault."""
    place.migrator().migrate()
    difference = compare(undisturbed_end(world, held), place.snapshot())
    assert not difference, difference
