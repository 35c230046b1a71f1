"""Who blocks whom: seen while a step waits, told with the error when it gives up, asked at any time."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from fsapi_nb.errors import StatementFailed
from fsapi_nb.events import Event, RunStarted, StatementWatched, StepRetried
from fsapi_nb.model.server import QueuePart
from tests.conftest import Project

EMPTY = (
    "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'fsapi_nb%' AND datname = current_database()"
)


@contextlib.contextmanager
def holding(project: Project, statement: str, application: str = "a report") -> Iterator[psycopg.Connection]:
    """A session that keeps a transaction open after that statement."""
    with psycopg.connect(project.database, application_name=application) as connection:
        connection.execute(statement.encode())
        yield connection
        connection.rollback()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alter(project: Project) -> str:
    project.rows("CREATE TABLE orders (id int PRIMARY KEY, total int)")
    project.rows("INSERT INTO orders VALUES (1, 10)")
    return project.write("alter", "ALTER TABLE orders ADD COLUMN paid boolean;", "ALTER TABLE orders DROP COLUMN paid;")


def test_the_error_of_a_lock_timeout_says_who_blocked(project: Project) -> None:
    """User, application, state, query, relation and lock mode; as a DataFrame with the pid on the error."""
    alter(project)
    with holding(project, "SELECT * FROM orders /* the monthly report */") as other:
        with pytest.raises(StatementFailed) as caught:
            project.migrator(lock_timeout="3s", max_wait=0).migrate()
        error, pid = caught.value, other.info.backend_pid
    assert error.sqlstate == "55P03"
    assert "blocked by postgres, a report, idle in transaction: holds ACCESS SHARE on table public.orders" in str(error)
    assert "the monthly report" in str(error)
    assert str(pid) not in str(error)
    assert error.blockers is not None
    (row,) = error.blockers.to_frame().to_dict("records")
    assert (row["part"], row["pid"], row["mode"]) == ("blocks", pid, "ACCESS SHARE")
    assert (row["lock"], row["state"]) == ("table public.orders", "idle in transaction")
    assert row["transaction_s"] >= 0
    assert not project.applied()


def test_attempts_are_counted_on_the_table(project: Project) -> None:
    """A step that was tried again says how often, beside who was in the way."""
    alter(project)
    retries: list[StepRetried] = []

    def hear(event: Event) -> None:
        if isinstance(event, StepRetried):
            retries.append(event)

    with holding(project, "LOCK TABLE orders IN SHARE MODE"), pytest.raises(StatementFailed) as caught:
        project.migrator(lock_timeout="500ms", max_wait=2.0, observers=(hear,)).migrate()
    error = caught.value
    assert error.attempts == len(retries) + 1 > 1
    assert error.blockers is not None
    assert f"{error.attempts} attempts" in error.blockers.headline()
    assert "tried again for 2 s" in str(error)
    assert "attempts" not in str(error)


def test_blockers_are_told_while_a_step_waits_and_gone_when_they_let_go(project: Project) -> None:
    """Those who block, those who queue behind us; then the step goes on, and no watching connection is left."""
    name = alter(project)
    seen: list[StatementWatched] = []

    def hear(event: Event) -> None:
        if isinstance(event, StatementWatched):
            seen.append(event)

    with holding(project, "LOCK TABLE orders IN ACCESS SHARE MODE") as first:
        run = threading.Thread(target=project.migrator(lock_timeout="20s", observers=(hear,)).migrate)
        run.start()
        until(lambda: seen and seen[-1].blockage.blockers)
        behind = threading.Thread(target=project.rows, args=("SELECT count(*) FROM orders",))
        behind.start()
        until(lambda: len(seen[-1].blockage.sessions) == 2)
        blockage, statement = seen[-1].blockage, seen[-1].statement
        assert [(s.part, s.mode, s.granted) for s in blockage.sessions] == [
            (QueuePart.BLOCKS, "ACCESS SHARE", True),
            (QueuePart.WAITS, "ACCESS SHARE", False),
        ]
        assert blockage.blockers[0].pid == first.info.backend_pid
        assert blockage.sessions[1].blocked_by == (blockage.waiter,)
        assert statement is not None
        assert statement.traits.kind == "ALTER TABLE"
        result = project.migrator().blockers()
        assert [s.pid for s in result.blockage.sessions] == [s.pid for s in blockage.sessions]
        assert result.headline() == f"1 session blocks the migration, 1 session behind it on {project.label}."
    run.join()
    behind.join()
    assert project.applied() == [name]
    until(lambda: project.value(EMPTY))


def test_who_blocked_an_earlier_step_is_not_blamed_for_a_later_one(project: Project) -> None:
    """The first migration waits and goes on; the second fails of itself, too quickly to be looked at."""
    alter(project)
    project.write("fails", "DO $$ BEGIN RAISE EXCEPTION 'as if' USING ERRCODE = 'lock_not_available'; END $$;")
    seen: list[StatementWatched] = []

    def hear(event: Event) -> None:
        if isinstance(event, StatementWatched):
            seen.append(event)

    failed: list[StatementFailed] = []

    def migrate() -> None:
        with pytest.raises(StatementFailed) as caught:
            project.migrator(lock_timeout="20s", max_wait=0, observers=(hear,)).migrate()
        failed.append(caught.value)

    with holding(project, "LOCK TABLE orders IN ACCESS SHARE MODE"):
        run = threading.Thread(target=migrate)
        run.start()
        until(lambda: seen and seen[-1].blockage.blockers)
    run.join()
    assert failed[0].sqlstate == "55P03"
    assert failed[0].blockers is None


def test_a_chain_of_blockers_begins_with_its_cause(project: Project) -> None:
    """We wait for one that waits for another: both are told, the one that waits for nobody first."""
    alter(project)
    project.rows("CREATE TABLE other (i int)")
    with psycopg.connect(project.database) as middle, holding(project, "LOCK TABLE other", "the cause") as cause:
        middle.execute("SELECT * FROM orders")
        waiting = threading.Thread(target=middle.execute, args=(b"SELECT * FROM other",))
        waiting.start()
        until(lambda: project.migrator().blockers().blockage)
        with pytest.raises(StatementFailed) as caught:
            project.migrator(lock_timeout="3s", max_wait=0).migrate()
        pids = [cause.info.backend_pid, middle.info.backend_pid]
    waiting.join()
    assert caught.value.blockage is not None
    assert [session.pid for session in caught.value.blockage.sessions] == pids


@pytest.mark.parametrize(
    ("held", "up", "lock"),
    [
        ("UPDATE orders SET total = 11 WHERE id = 1", "UPDATE orders SET total = 12;", "a row of table public.orders"),
        ("INSERT INTO orders VALUES (2, 2)", "INSERT INTO orders VALUES (2, 3);", "a row that its transaction changed"),
        ("SELECT pg_advisory_xact_lock(7)", "SELECT pg_advisory_xact_lock(7);", "advisory"),
        ("LOCK TABLE migrations_journal IN SHARE MODE", "SELECT 1;", "table public.migrations_journal"),
    ],
    ids=["row", "unique key", "advisory lock", "our own tables"],
)
def test_every_kind_of_lock_is_named(project: Project, held: str, up: str, lock: str) -> None:
    """Tables, rows, keys that another transaction inserts, advisory locks; while the history is written, too."""
    alter(project)
    project.migrator().migrate()
    project.write("waits", up)
    with holding(project, held), pytest.raises(StatementFailed) as caught:
        project.migrator(lock_timeout="3s", max_wait=0).migrate()
    assert caught.value.blockage is not None
    assert [session.lock for session in caught.value.blockage.blockers] == [lock]


def test_an_index_build_that_waits_for_old_transactions_says_so(project: Project) -> None:
    """The server's own phase is told, with whom it waits for: PostgreSQL gives no lock timeout while it counts them."""
    alter(project)
    project.write("index", "CREATE INDEX CONCURRENTLY orders_total ON orders (total);")
    seen: list[StatementWatched] = []

    def hear(event: Event) -> None:
        if isinstance(event, StatementWatched):
            seen.append(event)

    project.migrator().migrate(count=1)
    with holding(project, "INSERT INTO orders VALUES (3, 3)"):
        run = threading.Thread(target=project.migrator(lock_timeout="20s", observers=(hear,)).migrate)
        run.start()
        until(lambda: seen and seen[-1].progress and seen[-1].blockage)
        progress = seen[-1].progress
    run.join()
    assert progress is not None
    assert (progress.command, progress.relation) == ("CREATE INDEX CONCURRENTLY", "public.orders")
    assert progress.phase.startswith("waiting for")
    assert (progress.done, progress.total, progress.unit) == (0, 1, "sessions")
    assert len(project.applied()) == 2


def test_a_prepared_transaction_that_blocks_is_told(project: Project) -> None:
    """It has no session: pid 0, and a state that says what it is."""
    alter(project)
    if not int(project.value("SHOW max_prepared_transactions")):
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            project.rows_in_session("BEGIN", "LOCK TABLE orders", "PREPARE TRANSACTION 'x'")
        return
    project.rows_in_session("BEGIN", "LOCK TABLE orders", "PREPARE TRANSACTION 'x'")
    try:
        with pytest.raises(StatementFailed) as caught:
            project.migrator(lock_timeout="3s", max_wait=0).migrate()
        assert caught.value.blockage is not None
        assert [(s.pid, s.state) for s in caught.value.blockage.blockers] == [(0, "prepared transaction")]
    finally:
        project.rows_in_session("ROLLBACK PREPARED 'x'")


def test_passwords_in_the_queries_of_others_are_not_shown(project: Project) -> None:
    """A blocker's query is cut short, and without the password in it."""
    alter(project)
    long = f"SELECT 'password=''hunter2''', '{'x' * 300}' FROM orders"
    with holding(project, long), pytest.raises(StatementFailed) as caught:
        project.migrator(lock_timeout="3s", max_wait=0).migrate()
    assert caught.value.blockage is not None
    (session,) = caught.value.blockage.blockers
    assert session.query is not None
    assert "hunter2" not in str(caught.value)
    assert len(session.query) <= 120


def test_nobody_blocks_where_nobody_waits(project: Project) -> None:
    """An open transaction alone is no blocker."""
    alter(project)
    with holding(project, "LOCK TABLE orders"):
        result = project.migrator().blockers()
    assert not result.blockage
    assert result.lines() == [f"Nobody waits for a lock on {project.label}."]
    assert list(result.to_frame().columns)[:3] == ["part", "pid", "user"]


def test_queues_are_shown_without_a_runner_too(project: Project) -> None:
    """All queues of the database: who waits for nobody blocks, all others wait."""
    alter(project)
    with holding(project, "LOCK TABLE orders") as first:
        waiting = threading.Thread(target=project.rows, args=("SELECT count(*) FROM orders",))
        waiting.start()
        until(lambda: project.migrator().blockers().blockage)
        blockage = project.migrator().blockers().blockage
        assert [s.part for s in blockage.sessions] == [QueuePart.BLOCKS, QueuePart.WAITS]
        assert blockage.sessions[1].blocked_by == (first.info.backend_pid,)
    waiting.join()


def test_a_quick_run_is_not_watched(project: Project) -> None:
    """No second connection where nothing takes longer than a moment."""
    project.write("who", "CREATE TABLE who AS SELECT application_name FROM pg_stat_activity;")
    events: list[Event] = []
    project.migrator(observers=(events.append,)).migrate()
    assert project.value("SELECT count(*) FROM who WHERE application_name LIKE '%watching%'") == 0
    assert isinstance(events[0], RunStarted)
    assert not [event for event in events if isinstance(event, StatementWatched)]


def test_where_nobody_else_can_connect_a_run_goes_on_unwatched(project: Project) -> None:
    """No second connection can be had: then nobody is told how far it is, and nothing else changes."""
    door = "UPDATE pg_database SET datallowconn = {} WHERE datname = current_database();"
    project.write("close", door.format("false"))
    project.write("slow", "SELECT pg_sleep(0.8);")
    project.write("open", door.format("true"))
    events: list[Event] = []
    project.migrator(observers=(events.append,)).migrate()
    assert len(project.applied()) == 3
    assert not [event for event in events if isinstance(event, StatementWatched)]
