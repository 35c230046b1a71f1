"""A statement outside of a transaction that another transaction is in the way of: waited for, or tried again."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from fsapi_nb.errors import Interrupted, StatementFailed
from fsapi_nb.events import Event, StepRetried
from fsapi_nb.model.status import State
from tests.conftest import Project
from tests.postgres.test_session import wait_for

_AT_A_LOCK = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '{}%'"


@pytest.fixture
def writer(project: Project) -> Iterator[psycopg.Connection]:
    """An open transaction that has written to a table."""
    project.rows("CREATE TABLE t (i int); INSERT INTO t VALUES (1), (2)")
    with psycopg.connect(project.database) as connection:
        connection.execute("INSERT INTO t VALUES (3)")
        yield connection


class Retries:
    """Hears of every attempt that is made again; the first `count` of them are let by before `then` is done."""

    def __init__(self, then: psycopg.Connection, count: int = 2) -> None:
        self.reasons: list[str] = []
        self._then, self._count = then, count

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepRetried):
            self.reasons.append(event.reason)
            if len(self.reasons) == self._count:
                self._then.rollback()


def is_valid(project: Project, name: str) -> object:
    return project.value(f"SELECT indisvalid FROM pg_index WHERE indexrelid = '{name}'::regclass")


@pytest.mark.parametrize(
    ("before", "up"),
    [
        ("SELECT 1", "CREATE INDEX CONCURRENTLY x ON t (i)"),
        ("SELECT 1", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS x ON t (i)"),
        ("CREATE INDEX x ON t (i)", "REINDEX INDEX CONCURRENTLY x"),
        ("CREATE INDEX x ON t (i); CREATE INDEX y ON t (i)", "DROP INDEX CONCURRENTLY y"),
    ],
    ids=["create", "unique", "reindex", "drop"],
)
def test_what_blocks_nobody_waits_longer_than_lock_timeout(
    project: Project, writer: psycopg.Connection, before: str, up: str
) -> None:
    """One attempt is enough; other sessions read and write meanwhile, and lock_timeout is as before then."""
    writer.commit()
    project.rows(before)
    writer.execute("INSERT INTO t VALUES (4)")
    name = project.write("x", f"{up};\nCREATE TABLE after AS SELECT current_setting('lock_timeout') AS l;")
    retries = Retries(writer)
    run = threading.Thread(target=lambda: project.migrator(lock_timeout="50ms", observers=[retries]).migrate())
    run.start()
    wait_for(project, _AT_A_LOCK.format(up.split(" x", maxsplit=1)[0]))
    project.rows("SELECT pg_sleep(0.2)")  # several times lock_timeout
    project.rows("INSERT INTO t VALUES (5)")
    writer.commit()
    run.join()
    assert project.applied() == [name]
    assert retries.reasons == []
    assert is_valid(project, "x")
    assert project.value("SELECT l FROM after") == "50ms"


@pytest.mark.parametrize(
    ("holder", "up", "done"),
    [
        (
            "LOCK TABLE t",
            "-- fsapi: lock_timeout=50ms\nCREATE INDEX CONCURRENTLY x ON t (i)",
            "to_regclass('x') IS NOT NULL",
        ),
        (
            "INSERT INTO t VALUES (4)",
            "SET lock_timeout = '50ms';\nCREATE INDEX CONCURRENTLY x ON t (i)",
            "to_regclass('x') IS NOT NULL",
        ),
        ("LOCK TABLE t", "VACUUM FULL t", "true"),
        ("SELECT FROM p", "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY", "NOT EXISTS (SELECT FROM pg_inherits)"),
        ("LOCK TABLE t", "-- fsapi: transaction=off\nREINDEX TABLE t", "true"),
    ],
    ids=["of its own", "set by the script", "vacuum", "detach", "reindex"],
)
def test_what_gives_up_for_a_lock_is_tried_again(
    project: Project, writer: psycopg.Connection, holder: str, up: str, done: str
) -> None:
    """What an attempt has left is dropped before the next one, and the journal tells of each."""
    writer.rollback()
    project.rows(
        "CREATE TABLE p (i int) PARTITION BY RANGE (i); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)"
    )
    writer.execute(holder.encode())
    name = project.write("x", f"{up};")
    retries = Retries(writer)
    usual = "5s" if "lock_timeout" in up else "50ms"
    project.migrator(lock_timeout=usual, observers=[retries]).migrate()
    assert project.applied() == [name]
    assert set(retries.reasons) == {"lock timeout"}
    assert len(retries.reasons) >= 2
    assert project.value(f"SELECT {done}")
    assert project.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
    states = [
        state for (state,) in project.rows("SELECT state FROM migrations_journal WHERE NOT in_transaction ORDER BY id")
    ]
    assert states == ["started", *["retried"] * len(retries.reasons), "done"]


def test_one_that_waits_in_vain_says_how_long_and_the_next_run_completes(
    project: Project, writer: psycopg.Connection
) -> None:
    """The invalid index that it leaves is dropped then, which waits for others in the same way."""
    name = project.write("x", "CREATE INDEX CONCURRENTLY x ON t (i);")
    with pytest.raises(StatementFailed, match="55P03") as caught:
        project.migrator(lock_timeout="50ms", max_wait=0.3).migrate()
    assert "failed, and the next run begins with it" in str(caught.value)
    run = threading.Thread(target=lambda: project.migrator(lock_timeout="50ms").migrate())
    run.start()
    wait_for(project, _AT_A_LOCK.format("DROP INDEX CONCURRENTLY"))
    project.rows("SELECT pg_sleep(0.2)")
    writer.commit()
    run.join()
    assert project.applied() == [name]
    assert is_valid(project, "x")


@pytest.mark.parametrize(
    ("option", "then"),
    [("", ""), ("-- fsapi: statement_timeout=100ms\n", "ALTER TABLE p1 ADD x int;"), ("", "DROP TABLE p1;")],
    ids=["lock", "statement", "followed"],
)
def test_a_detach_that_gave_up_half_way_is_finished_by_the_next_run(
    project: Project, writer: psycopg.Connection, option: str, then: str
) -> None:
    """PostgreSQL detaches in two transactions, and refuses to begin again behind the first."""
    writer.rollback()
    project.rows("CREATE TABLE p (i int) PARTITION BY LIST (i); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
    writer.execute("SELECT FROM p")
    name = project.write("x", f"{option}ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;\n{then}")
    with pytest.raises(StatementFailed, match="timeout"):
        project.migrator(lock_timeout="1min" if option else "50ms", max_wait=0.1).migrate()
    assert project.value("SELECT inhdetachpending FROM pg_inherits")
    writer.rollback()
    assert "the detach is pending" in str(project.migrator().migrate())
    assert project.applied() == [name]
    assert project.value("SELECT count(*) FROM pg_inherits") == 0


def test_what_no_catalog_tells_of_is_not_tried_again(project: Project, writer: psycopg.Connection) -> None:
    """A part of it may have happened."""
    project.write("x", "-- fsapi: transaction=off\nDO $$ BEGIN LOCK TABLE t; END $$;")
    retries = Retries(writer)
    with pytest.raises(StatementFailed, match="55P03"):
        project.migrator(lock_timeout="50ms", observers=[retries]).migrate()
    assert retries.reasons == []
    assert project.migrator().status().statuses[0].state is not State.APPLIED


@pytest.mark.parametrize("verb", ["rollback", "redo"])
@pytest.mark.parametrize("then", ["migrate", "rollback", "redo"])
def test_a_drop_that_was_stopped_half_way_leaves_no_invalid_index(
    project: Project, writer: psycopg.Connection, verb: str, then: str
) -> None:
    """PostgreSQL makes the index invalid before it waits, and says nothing of that: the next run completes the drop."""
    writer.commit()
    first = project.write("first", "CREATE TABLE u (i int);", "DROP TABLE u;")
    name = project.write("x", "CREATE INDEX CONCURRENTLY x ON t (i);", "DROP INDEX CONCURRENTLY x;")
    migrator = project.migrator()
    migrator.migrate()
    writer.execute("INSERT INTO t VALUES (4)")
    run = threading.Thread(target=lambda: pytest.raises(Interrupted, getattr(migrator, verb)))
    run.start()
    wait_for(project, _AT_A_LOCK.format("DROP INDEX CONCURRENTLY"))
    migrator.stop()
    run.join()
    assert not is_valid(project, "x")
    assert migrator.status().statuses[-1].state is State.IN_DOUBT
    writer.commit()
    result = getattr(migrator, then)()
    if (verb, then) == ("rollback", "redo"):
        assert f"an earlier rollback of {name} is complete by that; `sapi migrate` applies it again" in result.notes
    if then == "rollback" or (verb, then) == ("rollback", "redo"):  # what a redo would roll back is gone already
        assert (project.applied(), project.value("SELECT to_regclass('x')")) == ([first], None)
    else:
        assert (project.applied(), is_valid(project, "x")) == ([first, name], True)


def test_the_drop_of_an_index_that_was_invalid_before_is_run_again(
    project: Project, writer: psycopg.Connection
) -> None:
    """Then its state does not tell whether the drop had begun."""
    writer.commit()
    project.rows("CREATE INDEX x ON t (i); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'x'::regclass")
    name = project.write("drop", "DROP INDEX CONCURRENTLY x;")
    migrator = project.migrator()
    writer.execute("INSERT INTO t VALUES (4)")
    run = threading.Thread(target=lambda: pytest.raises(Interrupted, migrator.migrate))
    run.start()
    wait_for(project, _AT_A_LOCK.format("DROP INDEX CONCURRENTLY"))
    migrator.stop()
    run.join()
    writer.commit()
    migrator.migrate()
    assert (project.applied(), project.value("SELECT to_regclass('x')")) == ([name], None)
