"""Migrations, their history rows and COMMITs travel one behind the other: what that costs, and what it must not change."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsapi_nb.errors import AssertionViolated, Locked, StatementFailed
from fsapi_nb.events import Event, NoticeReceived, StatementStarted
from fsapi_nb.model.status import State
from tests.conftest import Project
from tests.faults.proxy import Proxy
from tests.postgres.test_session import interrupted_while_asleep

_STATE = (
    "current_user::text, current_setting('search_path') AS path, current_setting('lock_timeout') AS l, "
    "(SELECT count(*) FROM pg_prepared_statements) AS p, (SELECT count(*) FROM pg_cursors WHERE is_holdable) AS c"
)


@pytest.fixture
def proxy(project: Project) -> Iterator[Proxy]:
    """A way to the project's database that counts the messages."""
    with tempfile.TemporaryDirectory() as folder:
        proxy = Proxy(project.database, Path(folder))
        yield proxy
        proxy.close()


def waits(proxy: Proxy) -> int:
    """How often the server was waited for so far, at most, before anything more was said."""
    return sum(message.is_waited_for for message in proxy.messages)


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("CREATE TABLE m{0} (i int PRIMARY KEY);\nCREATE INDEX ON m{0} (i);", "DROP TABLE m{0};"),
        ("BEGIN;\nCREATE TABLE m{0} (i int);\nINSERT INTO m{0} VALUES (1);\nCOMMIT;", "DROP TABLE m{0};"),
        ("-- fsapi: lock_timeout=3s\nSELECT 1;\nDO $$ BEGIN NULL; END $$;", "SELECT 1;"),
    ],
    ids=["definitions", "data", "code"],
)
def test_no_migration_is_waited_for_before_the_next_is_sent(project: Project, proxy: Proxy, up: str, down: str) -> None:
    """However many statements it has, whether it only defines or runs code; there and back."""
    migrator = project.migrator(database=proxy.address)
    project.write("first", "SELECT 1;", "SELECT 1;")
    migrator.migrate()
    trips = []
    for count in (2, 12):
        for number in range(count):
            project.write(f"m{count}_{number}", up.format(f"{count}_{number}"), down.format(f"{count}_{number}"))
        before = waits(proxy)
        migrator.migrate(changes=False)
        between = waits(proxy)
        migrator.rollback(count, changes=False)
        trips.append((between - before, waits(proxy) - between))
        for file in project.folder.glob(f"*_m{count}_*"):
            file.unlink()
    assert [more - less for less, more in zip(*trips, strict=True)] == [0, 0]


def test_what_stands_behind_a_failure_never_runs(project: Project) -> None:
    """A statement that is refused takes what comes after it with it, its own record and COMMIT included."""
    project.write("seq", "CREATE SEQUENCE s;")
    bad = project.write("bad", "CREATE TABLE a (i int);\nSELECT nextval('s');\nSELECT 1/0;\nSELECT nextval('s');")
    with pytest.raises(StatementFailed) as caught:
        project.migrator().migrate()
    assert caught.value.place is not None
    assert caught.value.place.line == 4
    assert project.value("SELECT last_value FROM s") == 1  # a sequence forgets nothing
    assert not project.has("a")
    assert bad not in project.applied()


def test_statements_are_told_as_the_server_comes_to_them(project: Project) -> None:
    """Not when they are sent, which is all at once: what a statement says is told between its start and the next."""
    project.write("first", "SELECT 1;")
    script = "\n".join(f"DO $$ BEGIN RAISE NOTICE 'says {n}'; END $$;" for n in range(3))
    project.write("talk", script)
    heard: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, StatementStarted):
            heard.append(f"line {event.statement.line}")
        elif isinstance(event, NoticeReceived):
            heard.append(event.message)

    project.migrator(observers=[hear]).migrate()
    assert heard[1:] == ["line 2", "says 0", "line 3", "says 1", "line 4", "says 2"]


@pytest.mark.parametrize("isolation", ["SERIALIZABLE", "REPEATABLE READ"])
@pytest.mark.parametrize("form", ["SET TRANSACTION ISOLATION LEVEL {0};", "BEGIN ISOLATION LEVEL {0};"])
def test_a_script_may_still_choose_its_isolation(project: Project, isolation: str, form: str) -> None:
    """Nothing of ours in front of it takes a snapshot, whatever ran before and whatever the file asks for."""
    project.write("before", "CREATE TABLE t (i int);")
    end = "\nCOMMIT;" if form.startswith("BEGIN") else ""
    said = f"{form.format(isolation)}\nCREATE TABLE x AS SELECT current_setting('transaction_isolation') AS is;{end}"
    project.write("choose", f"-- fsapi: lock_timeout=3s\n{said}")
    project.migrator().migrate()
    assert project.value('SELECT "is" FROM x') == isolation.lower()


def test_definitions_that_run_code_leave_nothing_behind(project: Project) -> None:
    """A function that a definition calls may set what it likes: the next file finds the session as it began."""
    project.write("before", f"CREATE TABLE before AS SELECT {_STATE};")
    project.write(
        "code",
        "CREATE TABLE t (i int DEFAULT 1);\nINSERT INTO t VALUES (1);\n"
        "CREATE FUNCTION leak(i int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN\n"
        "  PERFORM set_config('search_path', 'pg_catalog', false), set_config('lock_timeout', '7s', false);\n"
        "  RETURN i::text; END $$;",
    )
    project.write("leaks", "ALTER TABLE t ALTER i DROP DEFAULT, ALTER i TYPE text USING leak(i);")
    project.write("after", f"CREATE TABLE after AS SELECT {_STATE};")
    project.migrator().migrate()
    assert project.rows("SELECT * FROM before") == project.rows("SELECT * FROM after")


def test_a_setting_in_force_holds_for_deferred_checks(project: Project) -> None:
    """A script's own search_path is there until its COMMIT has fired what was deferred."""
    project.write("schema", "CREATE SCHEMA app;\nCREATE TABLE app.seen (i int);")
    project.write(
        "deferred",
        "SET search_path TO app;\nCREATE TABLE t (i int);\n"
        "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (new.i); RETURN new; END $$;\n"
        "CREATE CONSTRAINT TRIGGER later AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION look();\n"
        "INSERT INTO t VALUES (7);",
    )
    project.migrator().migrate()
    assert project.rows("SELECT i FROM app.seen") == [(7,)]


def test_a_migration_that_lets_the_lock_go_is_undone(project: Project) -> None:
    """The lock is looked at where the history is written: nothing is committed without it."""
    first = project.write("first", "CREATE TABLE a (i int);")
    project.write("unlock", "CREATE TABLE b (i int);\nSELECT pg_advisory_unlock_all();")
    with pytest.raises(Locked, match="released it") as caught:
        project.migrator().migrate()
    assert "left nothing behind" in str(caught.value)
    assert project.applied() == [first]
    assert not project.has("b")


def test_a_history_row_that_somebody_took_meanwhile_ends_the_rollback(project: Project) -> None:
    """It is undone, and says why."""
    project.write("one", "CREATE TABLE a (i int);", "DROP TABLE a;\nDELETE FROM migrations;")
    project.migrator().migrate()
    with pytest.raises(Exception, match="the history row of what is rolled back is gone"):
        project.migrator().rollback()
    assert project.has("a")
    assert len(project.applied()) == 1


def test_a_long_script_goes_in_pieces_and_stays_one_transaction(project: Project) -> None:
    """More than a megabyte is not sent at once; a failure at its end undoes its beginning."""
    filler = "x" * 100_000
    rows = "\n".join(f"INSERT INTO t VALUES ('{filler}');" for _ in range(25))
    project.write("long", f"CREATE TABLE t (a text);\n{rows}\nSELECT 1/0;")
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    assert not project.has("t")
    (file,) = project.folder.glob("*_long.sql")
    file.write_text(file.read_text().replace("SELECT 1/0;", ""))
    project.migrator().migrate()
    assert project.value("SELECT count(*) FROM t") == 25


def test_an_interrupt_between_many_short_statements_stops_them(project: Project) -> None:
    """A request to cancel that comes between two statements cancels nothing, so it is sent again."""
    script = "\n".join("SELECT pg_sleep(0.003);" for _ in range(4000))
    name = project.write("many", f"CREATE TABLE t (i int);\n{script}")

    caught = interrupted_while_asleep(project)
    assert "left nothing behind" in caught.state
    assert (
        project.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep%' AND state = 'active'"
        )
        == 0
    )
    assert [s.state for s in project.migrator().status().statuses if s.name == name] == [State.PENDING]


def test_checks_and_inline_data_are_waited_for(project: Project) -> None:
    """What a check finds decides before COMMIT is sent; data are sent where they stand between the statements."""
    text = (
        "-- UP\nCREATE TABLE t (i int);\nCOPY t FROM stdin;\n1\n2\n\\.\nINSERT INTO t SELECT i + 10 FROM t;\n"
        "-- CHECK: all small\nSELECT i FROM t WHERE i > {0};\n"
    )
    project.write_text("2026_01_01_00_00_data.sql", text.format(11))
    with pytest.raises(AssertionViolated):
        project.migrator().migrate()
    assert not project.has("t")
    project.write_text("2026_01_01_00_00_data.sql", text.format(12))
    project.migrator().migrate()
    assert project.rows("SELECT i FROM t ORDER BY i") == [(1,), (2,), (11,), (12,)]
