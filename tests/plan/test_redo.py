"""A redo that was cut off half-way: it is continued, and no other migration is rolled back for it."""

from __future__ import annotations

import psycopg
import pytest

from fsapi_nb.errors import Interrupted, NothingToDo, PartlyApplied, RefusedPlan, StatementFailed, UnknownMigration
from fsapi_nb.events import Event, MigrationFinished
from fsapi_nb.model.migration import Direction
from tests.conftest import Project
from tests.run.test_halfway import stop_at

INDEX = "create index concurrently i on users (n);"
TYPO = "create index concurrently i on userz (n);"


def users_and(project: Project, up: str = INDEX, down: str = "drop index i;") -> tuple[str, str]:
    """A table with 100 rows and a migration behind it that cannot be redone in one transaction, both applied."""
    users = project.write("users", "create table users (n int);", "drop table users;")
    last = project.write("last", up, down)
    project.migrator().migrate()
    project.rows("INSERT INTO users SELECT generate_series(1, 100)")
    return users, last


def edit(project: Project, name: str, up: str, down: str = "drop index i;") -> None:
    project.write_text(name, f"-- UP\n{up}\n\n-- DOWN\n{down}\n")


def rows(project: Project) -> int:
    return int(project.value("SELECT count(*) FROM users"))


def done(project: Project, name: str | None = None) -> list[tuple[str, str]]:
    """What a redo does, by name and direction."""
    return [(each.name, each.direction.value) for each in project.migrator().redo(name).done]


def test_a_redo_whose_up_fails_is_continued(project: Project) -> None:
    """However often it fails: only the migration that was to be redone is touched."""
    users, last = users_and(project)
    edit(project, last, TYPO)
    with pytest.raises(StatementFailed) as failure:
        project.migrator().redo()
    assert (
        f"{last} was rolled back, and its UP is not complete; the next `sapi migrate:redo`, or `sapi migrate`, goes on with it"
        in str(failure.value)
    )
    with pytest.raises(StatementFailed):
        project.migrator().redo()
    assert (project.applied(), rows(project)) == ([users], 100)
    edit(project, last, INDEX)
    assert done(project) == [(last, "up")]
    assert (project.applied(), rows(project)) == ([users, last], 100)


@pytest.mark.parametrize("how", ["redo", "migrate"])
def test_a_redo_that_was_interrupted_in_its_up_is_continued(project: Project, how: str) -> None:
    """By the next redo, and by a migrate."""
    users, last = users_and(project)
    edit(project, last, "create index concurrently i on users (n desc);")
    with pytest.raises(Interrupted, match="was rolled back, and its UP is not complete"):
        project.migrator(observers=[stop_at(2)]).redo()
    status = project.migrator().status().statuses[-1]
    assert (
        status.note == "its redo was cut off: it is rolled back, and not applied yet"
        or status.state.value == "in doubt"
    )
    getattr(project.migrator(), how)()
    assert (project.applied(), rows(project)) == ([users, last], 100)
    assert "DESC" in project.value("SELECT pg_get_indexdef('i'::regclass)")


def test_a_redo_that_was_cut_off_in_its_down_is_continued(project: Project) -> None:
    """A DOWN of several steps: the rest of it, and the new UP."""
    project.rows("CREATE TABLE may (number int); INSERT INTO may VALUES (0)")
    down = "drop index concurrently i;\nselect 1 / number from may;\nalter table users drop column m;"
    users, last = users_and(project, f"alter table users add column m int;\n{INDEX}", down)
    edit(project, last, f"alter table users add column m bigint;\n{INDEX}", down)
    with pytest.raises(StatementFailed):
        project.migrator().redo()
    project.rows("UPDATE may SET number = 1")
    with pytest.raises(PartlyApplied, match=r"the redo of .* ended half-way(.|\n)*finish it with `sapi migrate:redo`"):
        project.migrator().migrate()
    assert done(project) == [(last, "down"), (last, "up")]
    assert (project.applied(), rows(project)) == ([users, last], 100)
    kind = "SELECT atttypid::regtype::text FROM pg_attribute WHERE attname = 'm' AND attrelid = 'users'::regclass"
    assert project.value(kind) == "bigint"


def test_a_redo_whose_down_had_happened_unseen_is_continued(project: Project) -> None:
    """The concurrent DOWN was cut off after it was carried out: its record comes from the catalog."""
    users, last = users_and(project, down="drop index concurrently i;")
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(1)]).redo()
    project.rows("DROP INDEX i")
    assert done(project) == [(last, "down"), (last, "up")]
    assert (project.applied(), rows(project)) == ([users, last], 100)


def test_the_cell_that_redoes_goes_on_as_well(project: Project) -> None:
    """The corrected text is written and applied, though the migration is not applied any more."""
    users, last = users_and(project)
    with pytest.raises(StatementFailed):
        project.migrator().write(last, f"-- UP\n{TYPO}\n-- DOWN\ndrop index i;", redo=True)
    project.migrator().write(last, f"-- UP\n{INDEX}\n-- DOWN\ndrop index i;", redo=True)
    assert (project.applied(), rows(project)) == ([users, last], 100)


def test_another_migration_is_rolled_back_only_by_name(project: Project) -> None:
    """Then it is what was asked for."""
    users, last = users_and(project)
    edit(project, last, TYPO)
    with pytest.raises(StatementFailed):
        project.migrator().redo()
    assert done(project, "users") == [(users, "down"), (users, "up")]
    assert rows(project) == 0
    edit(project, last, INDEX)
    assert done(project, "last") == [(last, "up")]


def test_a_redo_whose_file_is_gone_is_refused(project: Project) -> None:
    """It says what was cut off, and how another one is redone."""
    users, last = users_and(project)
    edit(project, last, TYPO)
    with pytest.raises(StatementFailed):
        project.migrator().redo()
    (project.folder / last).unlink()
    with pytest.raises(UnknownMigration, match="bring the file back and run `sapi migrate:redo` again"):
        project.migrator().redo()
    assert (project.applied(), rows(project)) == ([users], 100)


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("CREATE TABLE t (i int);\nSELECT 1 / 0;", "DROP TABLE t;"),
        ("CREATE TABLE t (i int);", "DROP TABLE t; SELECT 1 / 0;"),
        ("CREATE TABLE t (i int);", "-- it stays"),
    ],
    ids=["the UP", "the DOWN", "an UP over what a DOWN has left"],
)
def test_what_a_redo_in_one_transaction_leaves_is_applied_as_before(project: Project, up: str, down: str) -> None:
    """Whichever of the two fails, none of both is kept, and what is said of it is what `status` says."""
    name = project.write("a", "CREATE TABLE t (i int);", down)
    project.migrator().migrate()
    edit(project, name, up, down)
    with pytest.raises(StatementFailed) as failure:
        project.migrator().redo()
    assert failure.value.state == f"nothing of this was kept: {name} is applied, as before."
    assert project.applied() == [name]


def test_a_rollback_ends_a_redo_that_had_not_begun_to_apply(project: Project) -> None:
    """The redo failed in its DOWN; what was rolled back on purpose afterwards is not applied again by a redo."""
    users, last = users_and(project)
    with psycopg.connect(project.database) as blocker:
        blocker.execute("LOCK TABLE users")
        with pytest.raises(StatementFailed) as failure:
            project.migrator(lock_timeout="20ms", max_wait=0).redo()
    assert f"{last} is applied, as before" in str(failure.value)
    project.migrator().rollback()
    assert project.migrator().status().statuses[-1].note is None
    assert done(project) == [(users, "down"), (users, "up")]
    assert project.applied() == [users]


def test_a_redo_that_succeeded_leaves_nothing_to_continue(project: Project) -> None:
    """Also once the migration is rolled back later."""
    users, last = users_and(project)
    for _ in range(2):
        assert done(project) == [(last, "down"), (last, "up")]
    project.rows(f"DELETE FROM migrations WHERE name = '{last}'; DROP INDEX i")  # as fsapi's own rollback does
    assert project.migrator().status().statuses[-1].note is None
    project.migrator().migrate()
    project.migrator().rollback()
    assert project.migrator().status().statuses[-1].note is None
    assert done(project) == [(users, "down"), (users, "up")]


def test_a_rollback_behind_a_redo_whose_last_word_was_lost_is_no_redo(project: Project) -> None:
    """The connection went once all was applied again: the journal does not say that the redo is done."""
    project.rows("CREATE TABLE may (number int); INSERT INTO may VALUES (1)")
    users, last = users_and(project, down="drop index concurrently i;\nselect 1 / number from may;")

    def lose(event: Event) -> None:
        if isinstance(event, MigrationFinished) and event.direction is Direction.UP:
            project.rows(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'fsapi_nb'"
            )

    project.migrator(observers=[lose]).redo()
    assert project.rows("SELECT FROM migrations_journal WHERE event = 'redo' AND state = 'done'") == []
    project.rows("UPDATE may SET number = 0")
    with pytest.raises(StatementFailed):
        project.migrator().rollback()
    project.rows("UPDATE may SET number = 1")
    with pytest.raises(PartlyApplied, match="finish it with `sapi migrate:rollback`"):
        project.migrator().redo()
    assert [(each.name, each.direction) for each in project.migrator().rollback().done] == [(last, Direction.DOWN)]
    assert project.applied() == [users]


def test_what_is_applied_after_the_one_that_is_redone_still_forbids_it(project: Project) -> None:
    """A redo that was cut off and then applied by `migrate` is over."""
    users, last = users_and(project)
    edit(project, last, TYPO)
    with pytest.raises(StatementFailed):
        project.migrator().redo()
    edit(project, last, INDEX)
    later = project.write("later", "create table later (i int);", "drop table later;")
    project.migrator().migrate()
    with pytest.raises(RefusedPlan, match="not the last applied"):
        project.migrator().redo("last")
    assert done(project) == [(later, "down"), (later, "up")]
    assert (project.applied(), rows(project)) == ([users, last, later], 100)


def test_a_redo_is_not_continued_while_what_it_is_built_on_is_rolled_back(project: Project) -> None:
    """A rollback behind the redo that failed took the table away; `migrate` applies both, in their order."""
    users, last = users_and(project)
    edit(project, last, TYPO)
    with pytest.raises(StatementFailed):
        project.migrator().redo()
    project.migrator().rollback()
    assert [status.note for status in project.migrator().status().statuses] == [None, None]
    edit(project, last, INDEX)
    with pytest.raises(NothingToDo):
        project.migrator().redo()
    assert [each.name for each in project.migrator().migrate().done] == [users, last]


def test_a_redo_is_continued_once_what_it_is_built_on_is_applied_again(project: Project) -> None:
    """Only that one was applied: the redo goes on, and rolls nothing back."""
    users, last = users_and(project)
    edit(project, last, TYPO)
    with pytest.raises(StatementFailed):
        project.migrator().redo()
    project.migrator().rollback()
    project.migrator().migrate(count=1)
    project.rows("INSERT INTO users SELECT generate_series(1, 100)")
    edit(project, last, INDEX)
    assert done(project) == [(last, "up")]
    assert (project.applied(), rows(project)) == ([users, last], 100)


#: What a DOWN leaves in its session by code that its text does not show, or shows.
_LEFT = [
    "SELECT set_path();",
    "DO $$ BEGIN PERFORM set_path(); END $$;",
    "CALL set_path_too();",
    "INSERT INTO setting DEFAULT VALUES;",
    "DROP SEQUENCE watched;",
    "PREPARE p AS SELECT public.set_path(); EXECUTE p;",
    "SET search_path = app;",
    "SET SESSION AUTHORIZATION pg_monitor;",
    "CREATE TEMP TABLE kept (i int);",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
    "SET CONSTRAINTS ALL DEFERRED;",
]


@pytest.mark.parametrize("left", _LEFT)
def test_the_up_of_a_redo_runs_in_a_session_as_it_began(project: Project, left: str) -> None:
    """Whatever its DOWN has set, and whether that can be seen: it ends where a rollback and a run end."""
    project.rows(
        "CREATE SCHEMA app; CREATE TABLE kept (i int);"
        "CREATE FUNCTION set_path() RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', 'app', false) $$;"
        "CREATE PROCEDURE set_path_too() LANGUAGE plpgsql AS $$ BEGIN PERFORM public.set_path(); END $$;"
        "CREATE TABLE setting (t text DEFAULT set_path());"
        "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.set_path(); END $$;"
        "CREATE EVENT TRIGGER watch ON sql_drop WHEN TAG IN ('DROP SEQUENCE') EXECUTE FUNCTION watch()"
    )
    seen = (
        "CREATE SEQUENCE IF NOT EXISTS watched;\nCREATE TABLE t (i int);\nINSERT INTO kept VALUES (1);\n"
        "CREATE TABLE public.seen AS SELECT current_user::text, current_setting('search_path') AS path,\n"
        "current_setting('transaction_isolation') AS i, (SELECT count(*) FROM pg_prepared_statements) AS p;"
    )
    isolation = left if left.startswith("SET TRANSACTION") else ""
    project.write("a", seen, f"{isolation}\nDROP TABLE public.t, public.seen;\n{'' if isolation else left}")
    project.migrator().migrate()
    first = project.rows("SELECT * FROM seen")
    project.migrator().redo()
    assert project.rows("SELECT * FROM seen") == first
    assert project.value("SELECT count(*) FROM kept") == 2
    assert project.has("public.t")
    assert not project.has("app.t")


@pytest.mark.parametrize("up", ["CREATE TABLE t (i int); SELECT 1 / 0;", "CREATE TABLE t (i itn);"])
def test_a_redo_in_one_transaction_stays_one_whatever_its_down_calls(project: Project, up: str) -> None:
    """An UP that fails takes the DOWN with it."""
    project.rows(
        "CREATE FUNCTION set_path() RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', 'app', false) $$"
    )
    down = "SELECT set_path(); DROP TABLE public.t;"
    name = project.write("a", "CREATE TABLE t (i int);", down)
    project.migrator().migrate()
    project.rows("INSERT INTO t VALUES (1)")
    edit(project, name, up, down)
    with pytest.raises(StatementFailed):
        project.migrator().redo()
    assert project.value("SELECT i FROM t") == 1
    assert project.applied() == [name]


def test_a_redo_whose_down_changes_new_sessions_unseen_is_undone_and_says_what_works(project: Project) -> None:
    """The settings of the database are those of a new session, which one transaction cannot have."""
    database = project.value("SELECT current_database()")
    project.rows(
        "CREATE SCHEMA app; CREATE FUNCTION set_path() RETURNS void LANGUAGE plpgsql AS "
        f"$$ BEGIN EXECUTE 'ALTER DATABASE {database} SET search_path = app, public'; END $$"
    )
    name = project.write("a", "CREATE TABLE t (i int);", "SELECT set_path(); DROP TABLE t;")
    project.migrator().migrate()
    with pytest.raises(RefusedPlan, match="cannot run in the same transaction") as refused:
        project.migrator().redo()
    assert refused.value.state == f"nothing of this was kept: {name} is applied, as before."
    assert "`sapi migrate:rollback`, and then `sapi migrate`" in str(refused.value)
    assert project.has("public.t")
    project.migrator().rollback()
    project.migrator().migrate()
    assert project.has("app.t")
