"""`show`, plans that are held to, and following a database: what the panel is made of, without the panel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from fsapi_nb.errors import FsapiError, PlanChanged, UnknownMigration
from fsapi_nb.model.status import State
from tests.conftest import Project

UP = "CREATE TABLE points (customer text); -- <b>who</b>"


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _longer(told: list[FsapiError | None], than: int) -> bool:
    return len(told) > than


def test_a_pending_migration_is_shown_with_its_scripts_and_its_plan(project: Project) -> None:
    """What would run of it, whatever stands before it; nothing is written."""
    project.write("first", "SELECT 1;")
    name = project.write("points", UP, "DROP TABLE points;")
    result = project.migrator().show("points")
    assert (result.status.name, result.status.state) == (name, State.PENDING)
    assert result.headline() == f"{name} is pending on {project.label}"
    assert [line.strip() for line in result.lines() if "CREATE TABLE points" in line] == [UP]
    assert "DROP TABLE points;" in str(result)
    assert [names for names, _ in result.inspection.plan.migrations] == [name]
    assert "&lt;b&gt;who" in result.html()
    assert project.applied() == []


def test_an_applied_migration_is_shown_with_its_attempts_and_its_way_back(project: Project) -> None:
    """Every event of the journal about it, and of no other; its DOWN is what would run next."""
    project.write("first", "SELECT 1;")
    name = project.write("points", UP, "DROP TABLE points;")
    project.migrator().migrate()
    project.migrator().redo()
    result = project.migrator().show("points")
    assert [(event.event, event.state) for event in result.events] == [("up", "done"), ("down", "done"), ("up", "done")]
    assert result.inspection.plan.verb == "rollback"
    assert list(result.to_frame()["role"].unique()) == [project.value("SELECT session_user::text")]
    assert project.migrator().status().to_frame().set_index("name").loc[name, "by"] == project.value(
        "SELECT user::text"
    )


def test_attempts_of_a_life_before_are_left_to_the_history(project: Project) -> None:
    """After `fresh` the story begins anew."""
    project.write("points", UP, "DROP TABLE points;")
    project.migrator().migrate()
    project.migrator().fresh(yes=True)
    assert [event.event for event in project.migrator().show("points").events] == ["up"]
    assert [event.event for event in project.migrator().history().events] == ["up", "fresh", "up"]


def test_what_differs_from_what_ran_is_shown(project: Project) -> None:
    """Of an edited file the difference; of a missing one what was stored; of one without a way back why."""
    name = project.write("points", UP, "DROP TABLE points;")
    gone = project.write("gone", "CREATE TABLE gone (i int);")
    project.migrator().migrate()
    project.write_text(name, "-- UP\nCREATE TABLE points (customer int);\n\n-- DOWN\nDROP TABLE points;\n")
    (project.folder / gone).unlink()
    edited = project.migrator().show("points")
    assert edited.status.state is State.DRIFTED
    assert [line for line in edited.inspection.difference if line[0] in "+-"][2:] == [
        f"-{UP}",
        "+CREATE TABLE points (customer int);",
    ]
    missing = project.migrator().show("gone")
    assert missing.inspection.up is not None
    assert "CREATE TABLE gone" in missing.inspection.up
    assert "irreversible" in str(missing.inspection.refusal)


def test_what_cannot_be_read_is_shown_with_its_fault(project: Project) -> None:
    """A broken file, and a name that nobody knows."""
    project.write("broken", "CREATE TABEL x (i int);")
    shown = project.migrator().show("broken")
    assert "syntax error" in str(shown)
    assert not shown.inspection.plan
    with pytest.raises(UnknownMigration):
        project.migrator().show("other")


def test_passwords_are_not_shown(project: Project) -> None:
    """A script is shown as it is stored: with stars in the place of a password."""
    project.write("role", "CREATE ROLE someone_new PASSWORD 'hunter2';", "DROP ROLE someone_new;")
    result = project.migrator().show("role")
    assert "hunter2" not in str(result) + result.html() + str(result.to_json())
    assert "PASSWORD '***'" in str(result)


_TABLES = """
    CREATE SCHEMA b; CREATE SCHEMA s; CREATE TABLE s.inner_table AS SELECT 1 AS one;
    CREATE TABLE a (i int, b text, y int); CREATE TABLE b.c (i int); INSERT INTO a SELECT i FROM generate_series(1, 7) i;
    CREATE MATERIALIZED VIEW m AS SELECT i FROM a; CREATE VIEW v AS SELECT 1; CREATE INDEX i ON a (i);
"""


@pytest.mark.parametrize(
    ("sql", "losses"),
    [
        ("DROP TABLE a, b.c CASCADE;", {"the table a with its rows": 7, "the table b.c with its rows": 0}),
        ("DROP TABLE IF EXISTS a;", {"the table a with its rows": 7}),
        ("ALTER TABLE a ADD x int, DROP COLUMN y;", {"the column a.y with its values": 7}),
        ("ALTER TABLE a ALTER b TYPE int USING b::int;", {"what the new type of a.b cannot hold": 7}),
        ("TRUNCATE a, b.c;", {"all rows of a": 7, "all rows of b.c": 0}),
        ("DELETE FROM a;", {"all rows of a": 7}),
        ("DELETE FROM a WHERE i = 1;", {"rows of a": None}),
        ("DROP SCHEMA s CASCADE;", {"the schema s with what is in it": 1}),
        ("DROP MATERIALIZED VIEW m;", {"the materialized view m with its rows": 7}),
    ],
)
def test_a_plan_knows_what_data_it_takes_away(project: Project, sql: str, losses: dict[str, int | None]) -> None:
    """Found in the parse tree and counted in the catalog: what the panel asks about a second time."""
    project.rows(_TABLES)
    project.write("loses", sql)
    plan = project.migrator().plan()
    assert plan.forecast is not None
    assert {each.loss.words: each.rows.rows if each.rows else None for each in plan.forecast.losses} == losses
    assert plan.takes_data


@pytest.mark.parametrize(
    ("sql", "asks"),
    [
        ("DROP VIEW v; DROP INDEX i; DROP FUNCTION f(); UPDATE a SET i = 1; SELECT 'DROP TABLE a';", False),
        ("CREATE TABLE n (i int); ALTER TABLE n DROP CONSTRAINT c;", False),
        ("WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b.c SELECT i FROM gone;", True),
        ("CREATE TABLE n AS SELECT * FROM a; DROP TABLE a;", True),
        ("CREATE TABLE n (i int); DROP TABLE n;", True),
        ("DROP TABLE IF EXISTS nowhere;", True),
        ("ALTER TABLE a ALTER i TYPE text;", True),
    ],
)
def test_a_plan_that_loses_nothing_for_good_may_still_be_asked_about(project: Project, sql: str, asks: bool) -> None:
    """What is copied first, or made by the script itself, is not lost; to take it away is worth a question."""
    project.rows(_TABLES)
    project.write("keeps", sql)
    plan = project.migrator().plan()
    assert plan.forecast is not None
    assert (plan.forecast.losses, plan.takes_data) == ((), asks)


def test_only_the_plan_that_was_shown_is_run(project: Project) -> None:
    """A file that was edited, and another session that has migrated: refused, and nothing runs."""
    name = project.write("one", "CREATE TABLE one (i int);", "DROP TABLE one;")
    shown = project.migrator().plan().plan
    project.write_text(name, "-- UP\nCREATE TABLE one (i bigint);\n")
    with pytest.raises(PlanChanged, match="not the plan any more"):
        project.migrator().migrate(planned=shown)
    assert project.applied() == []
    shown = project.migrator().plan().plan
    assert project.migrator().migrate(planned=shown).done
    with pytest.raises(PlanChanged):
        project.migrator().migrate(planned=shown)
    back = project.migrator()
    project.write_text(name, "-- UP\nCREATE TABLE one (i bigint);\n-- DOWN\nDROP TABLE one;\n")
    project.migrator().repair(name)
    undo = back.plan("rollback").plan
    project.write("two", "CREATE TABLE two (i int);", "DROP TABLE two;")
    project.migrator().migrate()
    with pytest.raises(PlanChanged):
        back.rollback(planned=undo)
    assert project.has("one")


def test_who_follows_a_database_is_told_of_every_change(project: Project) -> None:
    """Our own runs, fsapi's rows, files that come; and that it cannot be reached, until it can."""
    told: list[FsapiError | None] = []
    stopped = threading.Event()
    follower = threading.Thread(target=project.migrator().follow, args=(told.append, stopped))
    follower.start()
    try:
        until(lambda: told)
        for change in (
            lambda: project.write("one", "CREATE TABLE one (i int);", "DROP TABLE one;"),
            lambda: project.migrator().migrate(),
            lambda: project.rows("INSERT INTO migrations (name) VALUES ('2020_01_01_00_00_by_fsapi.sql')"),
            lambda: project.rows("DELETE FROM migrations WHERE name LIKE '%by_fsapi.sql'"),
            lambda: project.migrator().rollback(),
        ):
            before = len(told)
            change()
            until(partial(_longer, told, before))
        before = len(told)
        project.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        until(lambda: any(isinstance(each, FsapiError) for each in told[before:]))
    finally:
        stopped.set()
        follower.join(20)
    assert not follower.is_alive()
