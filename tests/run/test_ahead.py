"""Migrations that are sent before the one in front of them is answered: what that must not change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from fsapi_nb.errors import Interrupted, StatementFailed
from fsapi_nb.events import Event, MigrationFinished, StatementStarted, StepRetried
from fsapi_nb.postgres import session as sessions
from fsapi_nb.postgres.connect import open_session
from fsapi_nb.postgres.pipeline import Message
from tests.conftest import Project
from tests.faults.proxy import Action, Proxy, Rule
from tests.faults.proxy import Message as Said
from tests.faults.sweep import answer_of, commits_of
from tests.postgres.test_session import wait_for

_SLEEPS = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"


@pytest.fixture
def counted(project: Project) -> Callable[[int], list[str]]:
    """So many migrations, each of which makes a table and takes a number that no rollback gives back; their names."""
    project.rows("CREATE SEQUENCE taken")

    def write(count: int) -> list[str]:
        up = "CREATE TABLE t{0} (i int);\nSELECT nextval('taken');"
        return [project.write(f"m{number}", up.format(number), f"DROP TABLE t{number};") for number in range(count)]

    return write


def test_what_stands_behind_a_migration_that_fails_never_runs(
    project: Project, counted: Callable[[int], list[str]]
) -> None:
    """Not even for a moment: a sequence forgets nothing."""
    before = counted(2)
    project.write("bad", "CREATE TABLE bad (i int);\nSELECT 1/0;")
    counted(8)
    with pytest.raises(StatementFailed) as caught:
        project.migrator().migrate(changes=False)
    assert caught.value.applied == tuple(before)
    assert project.applied() == before
    assert project.value("SELECT last_value FROM taken") == 2
    assert project.value("SELECT count(*) FROM migrations_journal") == 3


def test_each_migration_is_told_in_its_turn(project: Project, counted: Callable[[int], list[str]]) -> None:
    """A migration is told of once the one before it is committed, however early it was sent."""
    names = counted(12)
    heard: list[tuple[str, str]] = []

    def hear(event: Event) -> None:
        if isinstance(event, StatementStarted | MigrationFinished):
            heard.append((type(event).__name__, event.migration))

    result = project.migrator(observers=[hear]).migrate(changes=False)
    one = ["StatementStarted", "StatementStarted", "MigrationFinished"]
    assert heard == [(what, name) for name in names for what in one]
    assert [done.name for done in result.done] == names == project.applied()


def test_a_migration_that_is_tried_again_keeps_its_place(project: Project, counted: Callable[[int], list[str]]) -> None:
    """Those behind it were sent, are passed over with it, and run after it."""
    first = counted(1)
    project.rows("CREATE TABLE held (i int)")
    blocked = project.write("blocked", "ALTER TABLE held ADD j int;")
    behind = project.write("behind", "CREATE TABLE behind AS SELECT j FROM held;")
    retried: list[StepRetried] = []
    with ExitStack() as stack:
        holder = stack.enter_context(psycopg.connect(project.database))
        holder.execute("SELECT FROM held")

        def hear(event: Event) -> None:
            if isinstance(event, StepRetried):
                assert project.applied() == first
                retried.append(event)
                holder.rollback()

        result = project.migrator(lock_timeout="50ms", observers=[hear]).migrate(changes=False)
    assert [event.step.parts[0].migration.name for event in retried] == [blocked]
    assert [done.name for done in result.done] == [*first, blocked, behind]


def test_migrations_that_were_committed_unheard_are_found_done(
    project: Project, counted: Callable[[int], list[str]], tmp_path: Path
) -> None:
    """The connection is lost after the server has carried out several that it could not tell of."""
    names = counted(3)
    messages = _messages(project, tmp_path)
    project.rows("DROP TABLE t0, t1, t2, migrations, migrations_journal, migrations_scripts")
    rule = Rule(answer_of(messages, commits_of(messages)[-len(names)]), Action.SILENT)
    proxy = Proxy(project.database, tmp_path, rule)

    def cut() -> None:
        assert proxy.fired.wait(20)
        wait_for(project, "SELECT count(*) = 3 FROM migrations")
        proxy.close()

    cutting = threading.Thread(target=cut)
    cutting.start()
    direct = iter([proxy.address])
    migrator = project.migrator(database=lambda: psycopg.connect(next(direct, project.database)))
    result = migrator.migrate(changes=False)
    cutting.join()
    assert [done.name for done in result.done] == names == project.applied()
    assert project.value("SELECT last_value FROM taken") == 6


def _messages(project: Project, folder: Path) -> list[Said]:
    proxy = Proxy(project.database, folder)
    direct = iter([proxy.address])
    project.migrator(database=lambda: psycopg.connect(next(direct, project.database))).migrate(changes=False)
    proxy.close()
    (folder / ".s.PGSQL.5432").unlink()
    return proxy.messages


def test_an_interrupt_between_two_migrations_stops_those_that_were_sent(
    project: Project, counted: Callable[[int], list[str]]
) -> None:
    """What the server has begun meanwhile is cancelled and undone; the error says how far it came."""
    (first,) = counted(1)
    slow = project.write("slow", "CREATE TABLE slow (i int);\nSELECT pg_sleep(60);")
    counted(2)
    started = time.monotonic()
    caught = _interrupted(project, after="SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%'")
    assert time.monotonic() - started < 30
    assert caught.applied == (first,)
    assert f"{slow} was rolled back and left nothing behind" in caught.state
    assert project.applied() == [first]
    assert not project.has("slow")
    assert project.value(_SLEEPS) == 0
    assert project.value("SELECT last_value FROM taken") == 1
    assert project.rows("SELECT state, message FROM migrations_journal WHERE state <> 'done'") == [
        ("failed", "interrupted")
    ]


def test_an_interrupt_tells_of_what_was_committed_before_it(
    project: Project, counted: Callable[[int], list[str]]
) -> None:
    """Those that the server had finished when it was told to stop are applied, and the error says so."""
    names = counted(4)
    caught = _interrupted(project, after="SELECT count(*) = 4 FROM migrations")
    assert caught.applied == tuple(names)
    assert f"{names[-1]} had been committed in that moment" in caught.state
    assert project.applied() == names
    assert project.migrator().migrate(changes=False).done == ()


def _interrupted(project: Project, *, after: str) -> Interrupted:
    """What a run ends with that is interrupted once its first migration is told as finished, and `after` gives true."""
    finished: list[Event] = []

    def hear(event: Event) -> None:
        if isinstance(event, MigrationFinished):
            finished.append(event)
            if len(finished) == 1:
                wait_for(project, after)
                raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        project.migrator(observers=[hear]).migrate(changes=False)
    return caught.value


def test_a_session_that_could_not_be_cleaned_is_cleaned_again(
    project: Project, counted: Callable[[int], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent behind that has not run, and runs then."""
    project.rows("CREATE SEQUENCE cleaned")
    hiccup = b"SELECT 1 / (pg_catalog.nextval('public.cleaned') - 3)"
    monkeypatch.setattr(sessions, "RESET_SESSION", (*sessions.RESET_SESSION, hiccup))
    names = counted(8)
    assert [done.name for done in project.migrator().migrate(changes=False).done] == names == project.applied()
    assert project.value("SELECT last_value FROM taken") == 8
    assert project.value("SELECT count(*) FROM migrations_journal") == 8


def test_nothing_runs_behind_a_session_that_could_not_be_cleaned(project: Project) -> None:
    """The next one is told that it was passed over; the connection goes on."""
    with open_session(project.database, application="test", settings={"lock_timeout": "5s"}) as session:
        session.send([Message(b"CREATE TABLE a (i int)")], awaited=[0], then=[Message(b"SELECT 1/0")])
        session.send([Message(b"CREATE TABLE b (i int)")], last=True)
        assert session.prelude_succeeded()
        session.receive(1)
        assert not session.prelude_succeeded()
        session.mark_dirty()
        session.clean()
        assert session.is_tidy()
    assert not project.has("b")


def test_each_migration_took_what_the_history_says(project: Project) -> None:
    """By our own clock, those whose answers come together would have taken no time."""
    names = [project.write(f"m{n}", f"CREATE TABLE m{n} (i int); SELECT pg_sleep(0.005);") for n in range(8)]
    steps = project.write(
        "steps", "CREATE TABLE s (i int); SELECT pg_sleep(0.005);\nCREATE INDEX CONCURRENTLY s_i ON s (i);"
    )
    result = project.migrator().migrate(changes=False)
    recorded = dict(project.rows("SELECT name, duration_ms FROM migrations"))
    assert {done.name: round(done.elapsed * 1000) for done in result.done if done.name in names} == {
        name: recorded[name] for name in names
    }
    assert min(recorded.values()) >= 5
    assert result.done[-1].name == steps
    assert result.done[-1].elapsed >= 0.005
