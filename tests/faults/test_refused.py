"""What the server refuses for a while: deadlocks, serialization, timeouts, limits, no room. Nothing stays behind."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from fsapi_nb.errors import StatementFailed
from tests.faults.client import client
from tests.faults.held import BUILD, IN_TRANSACTION, STANDS_STILL, Held, assert_one_more_run_completes, holding, stage
from tests.faults.sweep import Tally
from tests.faults.world import Place, World

_GATE = "SELECT pg_advisory_xact_lock(1);"
_BLOCKED = "SELECT count(*) = {} FROM pg_locks WHERE NOT granted"
DEADLOCK = Held(
    "deadlock",
    f"CREATE TABLE x (i int);\nLOCK TABLE a;\n{_GATE}\nLOCK TABLE b;",
    "CREATE TABLE a (i int); CREATE TABLE b (i int);",
)
SERIALIZATION = Held(
    "serialization",
    f"BEGIN ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE x AS SELECT n FROM s;\n{_GATE}\nUPDATE s SET m = m + 1;\nCOMMIT;",
    "CREATE TABLE s AS SELECT 1 AS n, 1 AS m;",
)
_FULL = "CREATE TABLE x (i int);\nSET LOCAL work_mem = '64kB';\nCREATE TABLE y AS SELECT n FROM generate_series(1, 200000) AS n ORDER BY -n;"
FULL = Held("temporary files", _FULL)
DISK_FULL = Held(
    "disk",
    "CREATE TABLE x (i int);\nCREATE TABLE y TABLESPACE small AS SELECT n FROM generate_series(1, 200000) AS n;",
)
FULL_BUILD = Held(
    "temporary files of a build",
    "SET maintenance_work_mem = '1MB';\nSET max_parallel_maintenance_workers = 0;\nCREATE INDEX CONCURRENTLY d_i ON d (i);",
    "CREATE TABLE d AS SELECT -n AS i FROM generate_series(1, 200000) AS n;",
)


@contextmanager
def gate_shut(place: Place) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Keep the advisory lock that a migration waits for; the connection that is given can let it go."""
    with psycopg.connect(place.address, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(1)")
        yield connection


def retried(place: Place) -> list[str]:
    """What the journal says of attempts that were made again."""
    return [text for (text,) in place.rows("SELECT message FROM migrations_journal WHERE state = 'retried'")]


def test_a_deadlock_of_which_the_run_is_the_victim_is_tried_again(world: World, tally: Tally) -> None:
    """Its transaction is undone, the other one goes on, and then it is done."""
    with stage(world, DEADLOCK) as place:
        place.rows(f"ALTER DATABASE {place.value('SELECT current_database()')} SET deadlock_timeout = '10ms'")
        with psycopg.connect(place.address) as other, gate_shut(place) as gate:
            other.execute("SET LOCAL deadlock_timeout = '1min'; LOCK TABLE b")
            with client(place.address, place.folder) as runner:
                place.wait_for(STANDS_STILL)
                thread = threading.Thread(target=lambda: other.execute("LOCK TABLE a; COMMIT"))
                thread.start()
                place.wait_for(_BLOCKED.format(2))
                gate.execute("SELECT pg_advisory_unlock(1)")
                assert runner.outcome() == ("done", "")
                thread.join(20)
        assert ["40P01" in text for text in retried(place)] == [True]
        with tally.judging("deadlock"):
            assert_one_more_run_completes(world, DEADLOCK, place)


def test_a_serialization_failure_is_tried_again(world: World, tally: Tally) -> None:
    """A file that asks for SERIALIZABLE, and somebody who changes a row that it has seen."""
    with stage(world, SERIALIZATION) as place:
        with gate_shut(place) as gate, client(place.address, place.folder) as runner:
            place.wait_for(STANDS_STILL)
            place.rows("UPDATE s SET m = m")
            gate.execute("SELECT pg_advisory_unlock(1)")
            assert runner.outcome() == ("done", "")
        assert ["40001" in text for text in retried(place)] == [True]
        with tally.judging("serialization failure"):
            assert_one_more_run_completes(world, SERIALIZATION, place)


@pytest.mark.parametrize("held", [IN_TRANSACTION, BUILD], ids=lambda held: held.name)
def test_a_statement_timeout_leaves_nothing_that_one_more_run_does_not_mend(
    world: World, held: Held, tally: Tally
) -> None:
    """In a transaction, and in a build, which leaves an invalid index."""
    with stage(world, held) as place:
        with holding(place, held), pytest.raises(StatementFailed, match="57014"):
            place.migrator(statement_timeout="100ms").migrate()
        with tally.judging(f"statement_timeout in {held.name}"):
            assert_one_more_run_completes(world, held, place)


@pytest.mark.parametrize("held", [FULL, FULL_BUILD], ids=lambda held: held.name)
def test_too_little_room_leaves_nothing_that_one_more_run_does_not_mend(world: World, held: Held, tally: Tally) -> None:
    """`temp_file_limit`, in a transaction and in a build; once there is room, the next run completes."""
    with stage(world, held) as place:
        name = place.value("SELECT current_database()")
        place.rows(f"ALTER DATABASE {name} SET temp_file_limit = '512kB'")
        with pytest.raises(StatementFailed, match="53400"):
            place.migrator().migrate()
        place.rows(f"ALTER DATABASE {name} RESET temp_file_limit")
        with tally.judging(held.name):
            assert_one_more_run_completes(world, held, place)


@pytest.fixture
def small_disk(world: World) -> Iterator[Path]:
    """A file system of a few megabytes, with a tablespace `small` on it; `make_room` makes it larger."""
    if not can_mount():
        pytest.skip("only root may mount a small file system here, so a full disk was NOT tried")
    with tempfile.TemporaryDirectory(prefix="faults-", dir="/tmp") as name, psycopg.connect(world.server) as connection:
        connection.autocommit = True
        ((data,),) = connection.execute("SHOW data_directory").fetchall()
        folder = Path(name)
        folder.chmod(0o755)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", name], check=True)
        try:
            space = folder / "space"
            space.mkdir()
            os.chown(space, Path(data).stat().st_uid, -1)
            connection.execute(f"CREATE TABLESPACE small LOCATION '{space}'".encode())
            yield folder
            # Before it is unmounted: a checkpoint that misses the files would stop the server.
            connection.execute("DROP TABLESPACE small")
            connection.execute("CHECKPOINT")
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def can_mount() -> bool:
    """Whether we may mount a file system; containers seldom may."""
    with tempfile.TemporaryDirectory(prefix="faults-", dir="/tmp") as name:
        command = ["mount", "-t", "tmpfs", "none", name]
        if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", name], check=True)
        return True


def test_a_full_disk_leaves_nothing_and_one_more_run_completes(world: World, small_disk: Path, tally: Tally) -> None:
    """The table does not fit; once there is room, the next run completes."""
    with stage(world, DISK_FULL) as place:
        with pytest.raises(StatementFailed, match="53100"):
            place.migrator().migrate()
        assert place.value("SELECT to_regclass('x') IS NULL")
        subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
        with tally.judging("full disk"):
            assert_one_more_run_completes(world, DISK_FULL, place)
