"""The session that migrations run in: clean for each file, polite to others, and recognisable."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb.errors import (
    CannotConnect,
    HistoryError,
    Interrupted,
    Locked,
    ReadOnlyDatabase,
    StatementFailed,
    UsageError,
)
from fsapi_nb.events import Event, StepRetried
from fsapi_nb.servers import embedded
from tests.conftest import Project


def wait_for(project: Project, query: str) -> None:
    """Until the query gives true; the exact state is waited for, not some time."""
    deadline = time.monotonic() + 20
    while not project.value(query):
        assert time.monotonic() < deadline, query
        time.sleep(0.01)


@pytest.mark.parametrize(
    "leak",
    [
        "CREATE SCHEMA elsewhere; SET search_path TO elsewhere",
        "SELECT set_config('search_path', '', false)",
        "SET lock_timeout TO '1ms'; SET statement_timeout TO '1d'",
        "SET ROLE pg_read_all_data",
        "CREATE TEMP TABLE leaked (i int)",
        "SET standard_conforming_strings TO off",
        "SET client_encoding TO 'LATIN1'",
        "SET session_replication_role TO replica",
        "PREPARE leaked AS SELECT 1",
        "SET TIME ZONE 'Asia/Tokyo'",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, DEFERRABLE",
    ],
)
def test_nothing_leaks_from_one_file_into_the_next(project: Project, leak: str) -> None:
    """Role, search_path, settings, temporary tables, prepared statements: each file begins as the first did."""
    state = (
        "CREATE TABLE public.{0} AS SELECT current_user::text, current_setting('search_path') AS path, "
        "current_setting('lock_timeout') AS l, current_setting('statement_timeout') AS s, "
        "current_setting('TimeZone') AS z, current_setting('standard_conforming_strings') AS c, 'é'::text AS text, "
        "current_setting('session_replication_role') AS r, current_setting('client_encoding') AS e, "
        "to_regclass('leaked') AS t, current_setting('default_transaction_isolation') AS i, "
        "(SELECT count(*) FROM pg_prepared_statements) AS p"
    )
    first = project.write("before", state.format("before"))
    leaking = project.write("leak", leak + ";")
    last = project.write("after", state.format("after"))
    project.migrator().migrate()
    assert project.rows("SELECT * FROM before") == project.rows("SELECT * FROM after")
    assert project.applied() == [first, leaking, last]


def test_a_role_that_a_script_takes_holds_for_its_later_steps(project: Project) -> None:
    """And the history is written as the role that we are, which may more."""
    role = f"maker_{project.value('SELECT current_database()')}"
    project.rows(f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}")
    steps = (
        "SET ROLE {0};\nCREATE TABLE a (i int);\n{1}CREATE INDEX CONCURRENTLY a_i ON a (i);\n{1}CREATE TABLE b (i int);"
    )
    project.write("steps", steps.format(role, "SET client_encoding TO 'LATIN1';\n"), "DROP TABLE a, b;")
    try:
        project.migrator().migrate()
        owners = "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relname IN ('a', 'b')"
        assert project.rows(owners) == [(role,)]
        assert len(project.applied()) == 1
    finally:
        project.rows(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_the_session_is_polite_and_has_a_name(project: Project) -> None:
    """lock_timeout, a check that the client is alive, an end for idle transactions; and who we are."""
    project.write(
        "settings",
        "CREATE TABLE t AS SELECT current_setting('lock_timeout') AS l, "
        "current_setting('client_connection_check_interval') AS c, "
        "current_setting('idle_in_transaction_session_timeout') AS i, current_setting('application_name') AS a;",
    )
    project.migrator(application="fsapi_nb:orders.ipynb").migrate()
    assert project.rows("SELECT * FROM t") == [("5s", "1s", "1min", "fsapi_nb:orders.ipynb")]


def test_lock_timeout_can_be_set_for_a_run_and_for_a_file(project: Project) -> None:
    """The file's own word counts most."""
    query = "CREATE TABLE {} AS SELECT current_setting('lock_timeout') AS l;"
    project.write("a", query.format("a"))
    project.write("b", "-- fsapi: lock_timeout=7s\n" + query.format("b"))
    project.write("c", query.format("c"))
    project.migrator(lock_timeout="9s").migrate()
    assert [project.value(f"SELECT l FROM {name}") for name in "abc"] == ["9s", "7s", "9s"]
    with pytest.raises(UsageError, match="not a duration"):
        project.migrator(lock_timeout="soon")


def test_a_lock_that_does_not_come_is_given_up(project: Project) -> None:
    """After lock_timeout the migration is rolled back; whoever held the lock is not disturbed."""
    project.write("t", "CREATE TABLE t (i int);")
    project.migrator().migrate()
    project.write("alter", "CREATE TABLE u (i int);\nALTER TABLE t ADD COLUMN j int;")
    with psycopg.connect(project.database) as reader:
        reader.execute("SELECT * FROM t")
        with pytest.raises(StatementFailed, match="lock timeout") as caught:
            project.migrator(lock_timeout="50ms", max_wait=2).migrate()
    assert caught.value.sqlstate == "55P03"
    states = [
        state for (state,) in project.rows("SELECT state FROM migrations_journal WHERE migration LIKE '%alter.sql'")
    ]
    assert states[:-1] == ["retried"] * (len(states) - 1)
    assert (len(states) > 1, states[-1]) == (True, "failed")
    assert not project.has("u")
    assert len(project.migrator().migrate().done) == 1


def test_a_lock_that_comes_late_is_waited_for_by_trying_again(project: Project) -> None:
    """The step is undone each time, so nobody queues behind us for longer than lock_timeout; each attempt is told."""
    project.write("t", "CREATE TABLE t (i int);")
    project.migrator().migrate()
    project.write("alter", "CREATE TABLE u (i int);\nALTER TABLE t ADD COLUMN j int;")
    events: list[Event] = []
    reader = psycopg.connect(project.database)
    reader.execute("SELECT * FROM t")

    def hear(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepRetried) and event.attempts == 2:
            reader.rollback()

    project.migrator(lock_timeout="20ms", observers=[hear]).migrate()
    reader.close()
    retries = [event for event in events if isinstance(event, StepRetried)]
    assert [(event.attempts, event.reason) for event in retries][:2] == [(1, "lock timeout"), (2, "lock timeout")]
    assert project.has("u")
    assert project.value("SELECT count(*) FROM migrations_journal WHERE state = 'retried'") == len(retries)


def test_a_statement_timeout_of_the_role_is_said_and_can_be_overridden(project: Project) -> None:
    """It holds unless the run says otherwise."""
    database = project.value("SELECT current_database()")
    project.rows(f"ALTER DATABASE {database} SET statement_timeout = '2s'")
    project.write("quick", "SELECT 1;")
    assert any("statement_timeout is 2s" in note for note in project.migrator().migrate().notes)
    project.write("slow", "SELECT pg_sleep(2.5);")
    with pytest.raises(StatementFailed, match="--statement-timeout"):
        project.migrator().migrate()
    result = project.migrator(statement_timeout="1min").migrate()
    assert (len(result.done), result.notes) == (1, ())


def test_settings_reach_sql(project: Project) -> None:
    """`--set env=dev` is current_setting('fsapi.env', true); byte for byte, in every file, and nowhere else."""
    value = "it's {x} %s \\ é $1"
    for table in ("a", "b"):
        project.write(table, f"CREATE TABLE {table} AS SELECT current_setting('fsapi.env', true) AS env;")
    project.migrator(settings={"env": value}).migrate()
    assert (project.value("SELECT env FROM a"), project.value("SELECT env FROM b")) == (value, value)
    project.write("c", "CREATE TABLE c AS SELECT current_setting('fsapi.env', true) AS env;")
    project.migrator().migrate()
    assert project.value("SELECT env FROM c") is None
    with pytest.raises(UsageError):
        project.migrator(settings={"a b": "x"})


def test_another_runner_is_waited_for_and_named(project: Project) -> None:
    """One runner at a time; the wait is bounded, and the error says who is at work."""
    project.write("slow", "SELECT pg_sleep(30);")
    other = threading.Thread(
        target=lambda: pytest.raises(StatementFailed, project.migrator(application="the other").migrate)
    )
    other.start()
    wait_for(
        project,
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%')",
    )
    try:
        with pytest.raises(Locked, match="the other") as caught:
            project.migrator(max_wait=0.3).migrate()
        assert "--max-wait" in str(caught.value)
    finally:
        project.rows("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'the other'")
        other.join()


def test_runners_that_start_together_apply_everything_once(project: Project) -> None:
    """Eight at once, on a database without our tables: each migration is applied by one of them, none fails."""
    names = [project.write(f"m{i}", f"CREATE TABLE m{i} (i int);") for i in range(5)]
    barrier = threading.Barrier(8)
    outcomes: list[object] = []

    def run() -> None:
        barrier.wait()
        try:
            outcomes.append(len(project.migrator().migrate().done))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it
            outcomes.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(isinstance(outcome, int) for outcome in outcomes), outcomes
    assert sum(outcome for outcome in outcomes if isinstance(outcome, int)) == 5
    assert project.applied() == names


def test_concurrent_builds_are_not_disturbed_by_a_waiting_runner(project: Project) -> None:
    """A runner that waits holds no snapshot: the other's CREATE INDEX CONCURRENTLY ends."""
    project.write("t", "CREATE TABLE t (i int);")
    project.migrator().migrate()
    project.write("i", "CREATE INDEX CONCURRENTLY t_i ON t (i);")
    errors: list[BaseException] = []

    def run() -> None:
        try:
            project.migrator().migrate()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test reports it
            errors.append(error)

    with psycopg.connect(project.database) as writer:
        writer.execute("INSERT INTO t VALUES (1)")
        threads = [threading.Thread(target=run) for _ in range(2)]
        threads[0].start()
        wait_for(project, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%')")
        threads[1].start()
        wait_for(project, "SELECT count(*) = 2 FROM pg_stat_activity WHERE application_name = 'fsapi_nb'")
        writer.rollback()
    for thread in threads:
        thread.join()
    assert errors == []
    assert project.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_i'::regclass")


def test_a_script_that_lets_the_lock_go_is_found_out(project: Project) -> None:
    """The next migration does not run without the lock."""
    project.write("unlock", "SELECT pg_advisory_unlock_all();")
    project.write("next", "CREATE TABLE t (i int);")
    with pytest.raises(Exception, match="pg_advisory_unlock_all"):
        project.migrator().migrate()
    assert not project.has("t")


def interrupted_while_asleep(project: Project) -> Interrupted:
    """What a run ends with that is interrupted in a `pg_sleep`."""

    def interrupt() -> None:
        wait_for(
            project,
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%')",
        )
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Interrupted) as caught:
        project.migrator().migrate()
    thread.join()
    return caught.value


def test_an_interrupt_cancels_on_the_server(project: Project) -> None:
    """Ctrl-C: the statement ends, the migration is rolled back, the lock is free, and the message says so."""
    first = project.write("first", "CREATE TABLE a (i int);")
    project.write("slow", "CREATE TABLE b (i int);\nSELECT pg_sleep(60);")

    caught = interrupted_while_asleep(project)
    assert "left nothing behind" in caught.state
    assert caught.applied == (first,)
    assert (
        project.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%'"
        )
        == 0
    )
    assert project.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database IS NOT NULL") == 0
    assert not project.has("b")
    assert project.applied() == [first]


def test_no_server_is_a_clear_error(project: Project) -> None:
    """Without a traceback of the driver's, and without the password."""
    project.write("a", "SELECT 1;")
    with pytest.raises(CannotConnect) as caught:
        project.migrator(database="postgresql://joe:s3cret-canary@127.0.0.1:1/x").migrate()
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "→" in str(caught.value)


def test_an_unknown_database_is_a_clear_error(project: Project) -> None:
    """With its name."""
    with pytest.raises(CannotConnect, match="nowhere"):
        project.migrator(database=make_conninfo(project.database, dbname="nowhere")).status()


def test_a_role_that_may_create_nothing_is_told(project: Project) -> None:
    """Which role, which schema, and what its owner can do; nothing was run."""
    project.write("a", "CREATE TABLE a (i int);")
    database = project.value("SELECT current_database()")
    project.rows("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    name = f"reader_{database}"
    project.rows(f"CREATE ROLE {name} LOGIN")
    project.rows(f"GRANT CONNECT ON DATABASE {database} TO {name}")
    try:
        options = conninfo_to_dict(project.database) | {"options": f"-c role={name}"}
        with pytest.raises(HistoryError, match="GRANT USAGE, CREATE ON SCHEMA public"):
            project.migrator(database=make_conninfo("", **options)).migrate()
    finally:
        project.rows(f"DROP OWNED BY {name}")
        project.rows(f"DROP ROLE {name}")
    assert not project.has("a")


def test_a_replica_is_refused_before_anything_is_written(project: Project, tmp_path: Path) -> None:
    """A server in recovery, as every standby is; what can be read of it still is."""
    home = tmp_path / "replica" / ".fsapi_nb"
    address = embedded.attach(home)
    try:
        project.write("a", "CREATE TABLE a (i int);")
        with psycopg.connect(address, autocommit=True) as connection:
            ((folder,),) = connection.execute("SHOW data_directory").fetchall()
        embedded.stop(home)
        owner = os.stat(folder)
        signal_file = Path(folder) / "standby.signal"
        signal_file.touch()
        os.chown(signal_file, owner.st_uid, owner.st_gid)
        replica = project.migrator(database=embedded.attach(home))
        with pytest.raises(ReadOnlyDatabase, match="replica") as caught:
            replica.migrate()
        assert "target_session_attrs=read-write" in str(caught.value)
        assert len(replica.pending().statuses) == 1
    finally:
        embedded.destroy(home)


def test_a_clock_that_jumps_changes_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Order is that of the rows, times are the server's, durations those of a clock that cannot jump."""
    names = [project.write(name, f"CREATE TABLE {name} (i int);", f"DROP TABLE {name};") for name in ("a", "b")]
    moments = iter(range(10_000_000, 0, -100_000))
    monkeypatch.setattr(time, "time", lambda: next(moments))
    migrator = project.migrator()
    migrator.migrate(count=1)
    migrator.migrate()
    assert project.applied() == names
    assert project.value("SELECT bool_and(duration_ms >= 0 AND applied_at > now() - interval '1 h') FROM migrations")
    assert [done.name for done in migrator.rollback(2).done] == names[::-1]


def test_a_read_only_place_is_refused_before_anything_is_written(project: Project) -> None:
    """And reading it goes on working."""
    project.write("a", "CREATE TABLE a (i int);")
    with psycopg.connect(project.database, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
    with pytest.raises(ReadOnlyDatabase, match="may only read"):
        project.migrator().migrate()
    assert len(project.migrator().pending().statuses) == 1
