"""`Migrator.stop()` wherever a call can stand: it ends as by Ctrl-C, but in any thread, and later calls are as ever."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fsapi_nb import Migrator, stop
from fsapi_nb.errors import Interrupted
from fsapi_nb.events import Event, LockAwaited, StepRetried
from tests.conftest import Project
from tests.faults.held import (
    BUILD,
    COMMIT,
    CONCURRENT,
    IN_TRANSACTION,
    LOCK_WAIT,
    LONG_COPY,
    NOBODY_AT_WORK,
    SHORT_COPY,
    STANDS_STILL,
    Held,
    assert_one_more_run_completes,
    holding,
    stage,
)
from tests.faults.world import World
from tests.postgres.test_session import wait_for

_BUSY = """
    SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND state = 'active' AND backend_type = 'client backend'
"""
_QUIET = f"SELECT NOT ({_BUSY})"


class Call(threading.Thread):
    """A call in a thread of its own, and what it raised; `took` is how long it went on once it was asked to stop."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.error: BaseException | None = None
        self.took = 0.0
        self._act = act
        self.start()

    def run(self) -> None:
        try:
            self._act()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test judges it
            self.error = error

    def stopped(self, migrator: Migrator) -> Interrupted:
        """Stop it; what it raised, which must say that it was stopped."""
        began = time.monotonic()
        migrator.stop()
        self.join(20)
        self.took = time.monotonic() - began
        assert not self.is_alive(), "it goes on"
        assert isinstance(self.error, Interrupted), repr(self.error)
        report(f"{self.took:.2f} s")
        return self.error


def report(what: str) -> None:
    """Keep a figure for whoever wants to see it: FSAPI_NB_FIGURES names a file."""
    if file := os.environ.get("FSAPI_NB_FIGURES"):
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(f"{os.environ.get('PYTEST_CURRENT_TEST')}: {what}\n")


@pytest.mark.parametrize(
    ("held", "said"),
    [
        *((each, "left nothing behind") for each in (IN_TRANSACTION, LOCK_WAIT, COMMIT, SHORT_COPY, LONG_COPY)),
        *((each, "the next run looks whether it happened") for each in CONCURRENT),
    ],
    ids=lambda value: value.name if isinstance(value, Held) else "",
)
def test_a_statement_is_stopped_and_one_more_run_completes(world: World, held: Held, said: str) -> None:
    """In a sleep, a lock wait, a COMMIT, a COPY and every kind of CONCURRENTLY."""
    with stage(world, held) as place:
        migrator = place.migrator(lock_timeout="1min")
        with holding(place, held):
            call = Call(migrator.migrate)
            place.wait_for(STANDS_STILL)
            assert said in str(call.stopped(migrator))
            assert place.value(NOBODY_AT_WORK)
            if "left nothing" in said:
                last = "SELECT state, message FROM migrations_journal WHERE event <> 'schema' ORDER BY id DESC LIMIT 1"
                assert place.rows(last) == [("failed", "interrupted")]
        assert_one_more_run_completes(world, held, place)


def test_a_pause_between_two_attempts_is_stopped(world: World) -> None:
    """Nothing is left of the attempts, and one more run completes."""
    paused = threading.Event()

    def hear(event: Event) -> None:
        if isinstance(event, StepRetried) and event.attempts >= 5:  # the pauses grow
            paused.set()

    with stage(world, LOCK_WAIT) as place:
        migrator = place.migrator(lock_timeout="20ms", observers=[hear])
        with holding(place, LOCK_WAIT):
            call = Call(migrator.migrate)
            assert paused.wait(20)
            assert "left nothing behind" in str(call.stopped(migrator))
        assert_one_more_run_completes(world, LOCK_WAIT, place)


def test_a_wait_for_another_runner_is_stopped_and_disturbs_nobody(world: World) -> None:
    """The other one goes on, and completes."""
    waiting = threading.Event()

    def hear(event: Event) -> None:
        if isinstance(event, LockAwaited):
            waiting.set()

    with stage(world, BUILD) as place:
        with holding(place, BUILD):
            other = Call(place.migrator(lock_timeout="1min").migrate)
            place.wait_for(STANDS_STILL)
            migrator = place.migrator(observers=[hear])
            call = Call(migrator.migrate)
            assert waiting.wait(20)
            call.stopped(migrator)
            place.wait_for(STANDS_STILL)
        other.join(20)
        assert other.error is None
        assert_one_more_run_completes(world, BUILD, place)


def test_a_recovery_is_stopped_and_one_more_run_completes(world: World) -> None:
    """An invalid index that an earlier run left cannot be dropped yet."""
    with stage(world, BUILD) as place:
        migrator = place.migrator(lock_timeout="1min")
        with holding(place, BUILD):
            call = Call(migrator.migrate)
            place.wait_for(STANDS_STILL)
            call.stopped(migrator)
            call = Call(migrator.migrate)
            place.wait_for(STANDS_STILL)
            assert place.value("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'DROP INDEX CONC%'")
            call.stopped(migrator)
        assert_one_more_run_completes(world, BUILD, place)


def test_a_call_that_connects_is_stopped(project: Project) -> None:
    """The server takes the connection and never says a word."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/.s.PGSQL.5432")
        listener.listen()
        migrator = project.migrator(database=f"host={folder} dbname=x user=x sslmode=disable gssencmode=disable")
        call = Call(migrator.status)
        silent, _ = listener.accept()
        with silent:
            call.stopped(migrator)


@pytest.mark.parametrize(
    "act",
    [
        lambda m: m.query("SELECT pg_sleep(60)"),
        lambda m: m.query("INSERT INTO t SELECT 1 FROM pg_sleep(60)"),
        lambda m: m.query("SELECT 1; SELECT pg_sleep(60)"),
        lambda m: m.query("DO $$ BEGIN LOOP RAISE NOTICE 'again'; END LOOP; END $$"),
        lambda m: m.check("c", "SELECT pg_sleep(60) IS NULL"),
        lambda m: m.fresh(migrate=False, yes=True),
    ],
    ids=["query", "write", "several", "notices", "check", "fresh"],
)
def test_what_a_verb_waits_for_is_stopped(project: Project, act: Callable[[Migrator], object]) -> None:
    """The server has ended it, nothing is changed, and the Migrator can be used as before."""
    project.rows("CREATE TABLE t (i int)")
    migrator = project.migrator(lock_timeout="1min")
    with psycopg.connect(project.database) as holder:
        holder.execute("LOCK TABLE t" if "fresh" in act.__code__.co_names else "SELECT 1")
        call = Call(lambda: act(migrator))
        with psycopg.connect(project.database, autocommit=True) as onlooker:
            deadline = time.monotonic() + 20
            while onlooker.execute(_BUSY).fetchone() != (True,):
                assert time.monotonic() < deadline
            call.stopped(migrator)
            assert onlooker.execute(_QUIET).fetchone() == (True,)
    assert project.value("SELECT count(*) FROM t") == 0
    assert migrator.query("SELECT 1").results[0].rows == [(1,)]


def test_a_fresh_that_is_stopped_in_its_migrations_says_that_all_was_dropped(project: Project) -> None:
    """That is committed by then."""
    project.rows("CREATE TABLE t (i int)")
    project.write("a", "SELECT pg_sleep(60);")
    migrator = project.migrator()
    call = Call(lambda: migrator.fresh(yes=True))
    wait_for(project, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    assert call.stopped(migrator).state.startswith(
        "1 object had been dropped and the history emptied, which is committed. "
    )
    assert not project.has("t")


def test_a_script_is_stopped_of_which_much_is_not_sent_yet(project: Project) -> None:
    """The server is slow to stop, and reads nothing meanwhile: the rest of the script waits to be sent, more than once."""
    slow = "DO $$ BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(20); END $$;"
    project.write("a", slow + "".join(f"SELECT '{number}{'x' * 1000}';\n" for number in range(4000)))
    migrator = project.migrator()
    call = Call(migrator.migrate)
    wait_for(project, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    assert "left nothing behind" in call.stopped(migrator).state
    assert project.value(_QUIET)


def test_rows_that_come_as_a_copy_are_stopped(project: Project) -> None:
    """A notebook's query, which reads them while the server sends."""
    pytest.importorskip("numpy")
    migrator = project.migrator()
    call = Call(lambda: migrator.query("SELECT i, pg_sleep(0.01) IS NULL FROM generate_series(1, 1000000) i"))
    wait_for(project, _BUSY)
    call.stopped(migrator)
    assert project.value(_QUIET)


def test_a_rollback_is_stopped_behind_each_of_its_events_and_one_more_completes_it(project: Project) -> None:
    """In both migrations, in each of three steps, and between them: what was rolled back then is not rolled back again."""
    project.rows("CREATE TABLE once (n int); CREATE TABLE base (i int)")
    project.write("first", "CREATE TABLE first (i int);", "INSERT INTO once VALUES (1); DROP TABLE first;")
    project.write(
        "steps",
        "CREATE INDEX i ON base (i);",
        "INSERT INTO once VALUES (2);\nDROP INDEX CONCURRENTLY i;\nINSERT INTO once VALUES (3);",
    )
    stopped, number, told = 0, 0, 1
    while number < told:
        project.rows("TRUNCATE once")
        project.migrator().migrate()
        told = max(told, _stop_rollback(project, number))
        stopped += bool(project.applied())
        if project.applied():
            project.migrator().rollback(everything=True)
        assert project.applied() == []
        assert (project.has("first"), project.has("i")) == (False, False)
        assert project.rows("SELECT n FROM once ORDER BY n") == [(1,), (2,), (3,)]
        number += 1
    assert stopped >= 8


def _stop_rollback(project: Project, number: int) -> int:
    """Roll everything back, stopped at the event of that number; how many events there were."""
    calls: list[Migrator] = []
    heard: list[Event] = []

    def hear(event: Event) -> None:
        heard.append(event)
        if len(heard) == number + 1:
            calls[0].stop()

    calls.append(project.migrator(observers=[hear]))
    with contextlib.suppress(Interrupted):
        calls[0].rollback(everything=True)
    return len(heard)


def test_all_calls_of_a_migrator_are_stopped_and_none_of_another(project: Project) -> None:
    """Each in its thread; a call that begins later goes on."""
    one, other = project.migrator(), project.migrator()
    mine = [Call(lambda: one.query("SELECT pg_sleep(60)")) for _ in range(3)]
    theirs = Call(lambda: other.query("SELECT pg_sleep(1.5)"))
    asleep = "SELECT count(*) = 4 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    wait_for(project, asleep)
    for call in mine:
        call.stopped(one)
    one.query("SELECT 1")
    theirs.join(20)
    assert theirs.error is None


def files_of(method: Any) -> set[str]:
    """Where the method and the functions that it is wrapped in are written."""
    found = {method.__code__.co_filename}
    while method := getattr(method, "__wrapped__", None):
        found.add(method.__code__.co_filename)
    return found


def test_every_verb_can_be_stopped() -> None:
    """But what waits for nothing, and what has an event of its own."""
    verbs = {name for name, value in vars(Migrator).items() if callable(value) and not name.startswith("_")}
    unstoppable = {name for name in verbs if stop.__file__ not in files_of(getattr(Migrator, name))}
    assert unstoppable == {"follow", "known_secrets", "make", "may_lead_to", "same_database", "stop", "trust"}


def test_a_stop_while_nothing_is_under_way_stops_nothing(project: Project) -> None:
    """It is not kept for the next call."""
    project.write("a", "CREATE TABLE a ();")
    migrator = project.migrator()
    migrator.stop()
    assert len(migrator.migrate().done) == 1


@pytest.mark.parametrize("what", ["SELECT pg_sleep(60)", "DO $$ BEGIN LOOP RAISE NOTICE 'again'; END LOOP; END $$"])
def test_sigterm_ends_a_run_in_the_terminal(project: Project, what: str) -> None:
    """Also one that the server floods with notices, in whose midst a signal's exception would be lost."""
    name = project.write("a", f"CREATE TABLE a ();\n{what};")
    command = [
        sys.executable,
        "-m",
        "fsapi_nb.cli",
        "migrate",
        "--database",
        project.database,
        "--dir",
        str(project.folder),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        query = "pg_sleep%" if "sleep" in what else "RAISE%"
        wait_for(
            project,
            f"SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%{query}' AND state = 'active' AND pid <> pg_backend_pid()",
        )
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
        report(f"{time.monotonic() - began:.2f} s")
    assert process.returncode == 130
    assert f"stopped while {name} was running" in said
    assert project.value(_QUIET)
    assert not project.has("a")
