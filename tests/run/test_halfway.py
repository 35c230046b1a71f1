"""Migrations that ended half-way: going on, going back, and what may change in their file meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from fsapi_nb.errors import FsapiError, InDoubt, Interrupted, PartlyApplied, StatementFailed, UsageError
from fsapi_nb.events import Event, RunStarted, StatementStarted, StepStarted
from tests.conftest import Project


def stop_at(number: int) -> Callable[[Event], None]:
    """An observer that presses Ctrl-C when the n-th statement is sent."""
    count = 0

    def observe(event: Event) -> None:
        nonlocal count
        count += isinstance(event, StatementStarted)
        if isinstance(event, StatementStarted) and count == number:
            raise KeyboardInterrupt

    return observe


def half_applied(project: Project) -> str:
    """A migration of two steps of which the second fails; its name."""
    name = project.write(
        "half", "BEGIN;\nCREATE TABLE a (i int);\nCOMMIT;\nBEGIN;\nSELECT 1/0;\nCOMMIT;", "DROP TABLE a;"
    )
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    return name


def state(project: Project) -> str:
    return project.migrator().status().statuses[-1].state.value


def test_a_refused_build_may_be_edited(project: Project) -> None:
    """The invalid index that it left is known from the journal, whatever the file says now."""
    project.rows("CREATE TABLE base (i int); INSERT INTO base VALUES (1), (1)")
    name = project.write("u", "CREATE UNIQUE INDEX CONCURRENTLY x ON base (i);")
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    project.write_text(name, "-- UP\nCREATE INDEX CONCURRENTLY x ON base (i);\n")
    project.migrator().migrate()
    assert project.value("SELECT indisvalid AND NOT indisunique FROM pg_index WHERE indexrelid = 'x'::regclass")


def test_a_part_that_has_nothing_in_the_down_is_recorded_as_rolled_back(project: Project) -> None:
    """The DOWN undoes nothing of it, as its author wrote it."""
    project.rows("CREATE TYPE mood AS ENUM ('ok')")
    project.write(
        "e", "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'v';\nCREATE TABLE t AS SELECT 'v'::mood AS m;", "DROP TABLE t;"
    )
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(2)]).migrate()
    assert len(project.migrator().rollback().done) == 1
    assert state(project) == "pending"
    project.migrator().migrate()
    assert project.has("t")


@pytest.mark.parametrize("kept", ["TABLE CONCURRENTLY a", "INDEX CONCURRENTLY a_pkey", "(CONCURRENTLY) TABLE other.p"])
def test_a_cut_off_reindex_drops_only_its_own_leftovers(project: Project, kept: str) -> None:
    """What somebody else's build has left, on another table, is not looked at."""
    project.rows("CREATE TABLE a (i int PRIMARY KEY, t text); CREATE TABLE c (i int); INSERT INTO c VALUES (1), (1)")
    project.rows("CREATE SCHEMA other; CREATE TABLE other.p (i int PRIMARY KEY) PARTITION BY RANGE (i)")
    project.rows("CREATE TABLE other.p1 PARTITION OF other.p FOR VALUES FROM (0) TO (9)")
    name = project.write("r", f"REINDEX {kept};")
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(1)]).migrate()
    with pytest.raises(psycopg.errors.UniqueViolation):
        project.rows("CREATE UNIQUE INDEX CONCURRENTLY a_pkey_ccnew ON c (i)")
    project.migrator().migrate()
    assert project.applied() == [name]
    assert project.has("a_pkey_ccnew")


KINDS = [
    # What a migration sends outside of a transaction; how it is made so by hand; what tells that it is so.
    ("CREATE INDEX CONCURRENTLY x ON t (i);", "CREATE INDEX x ON t (i)", "to_regclass('x') IS NOT NULL"),
    ("CREATE INDEX CONCURRENTLY ON t (i);", "CREATE INDEX ON t (i)", "to_regclass('t_i_idx') IS NOT NULL"),
    ("DROP INDEX CONCURRENTLY old;", "DROP INDEX old", "to_regclass('old') IS NULL"),
    ("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;", "ALTER TABLE p DETACH PARTITION p1", "NOT EXISTS (TABLE p)"),
    ("CREATE SUBSCRIPTION {name} CONNECTION '' PUBLICATION a WITH (connect = false);", None, "{there}"),
    ("ALTER SUBSCRIPTION {name}_old ADD PUBLICATION b WITH (refresh = false);", None, "{pubs} = '{{a,b}}'"),
    ("ALTER SUBSCRIPTION {name}_old DROP PUBLICATION z WITH (refresh = false);", None, "{pubs} = '{{a}}'"),
    ("DROP SUBSCRIPTION {name}_old;", None, "NOT {there_old}"),
    ("CREATE DATABASE {name}_new;", None, "EXISTS (SELECT FROM pg_database WHERE datname = '{name}_new')"),
    ("DROP DATABASE {name}_base;", None, "NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}_base')"),
    ("VACUUM t;", None, "true"),
    ("REINDEX TABLE CONCURRENTLY t;", None, "true"),
    ("ALTER SYSTEM SET wal_writer_flush_after = 128;", None, "true"),
]


@pytest.mark.parametrize("happened", [False, True], ids=["cut off before", "cut off after"])
@pytest.mark.parametrize(("sql", "by_hand", "truth"), KINDS, ids=[sql[:32] for sql, *_ in KINDS])
def test_each_kind_of_statement_is_decided_from_the_catalog(
    project: Project, sql: str, by_hand: str | None, truth: str, happened: bool
) -> None:
    """Whether it was done before the run was cut off or not: once done, and recorded."""
    name = str(project.value("SELECT current_database()"))
    names = {
        "name": name,
        "there": f"EXISTS (SELECT FROM pg_subscription WHERE subname = '{name}')",
        "there_old": f"EXISTS (SELECT FROM pg_subscription WHERE subname = '{name}_old')",
        "pubs": f"(SELECT array_agg(p ORDER BY p)::text FROM pg_subscription, unnest(subpublications) AS p WHERE subname = '{name}_old')",
    }
    sql, truth = sql.format(**names), truth.format(**names)
    project.rows("CREATE TABLE t (i int PRIMARY KEY); CREATE INDEX old ON t (i)")
    project.rows(
        "CREATE TABLE p (i int) PARTITION BY RANGE (i); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)"
    )
    project.rows("INSERT INTO p VALUES (1)")
    publications = "a, z" if "DROP PUBLICATION" in sql else "a"
    project.rows(
        f"CREATE SUBSCRIPTION {name}_old CONNECTION '' PUBLICATION {publications} "
        "WITH (connect = false, slot_name = NONE, enabled = false)"
    )
    project.rows(f"CREATE DATABASE {name}_base")
    migration = project.write("alone", f"-- fsapi: transaction=off\n{sql}")
    try:
        with pytest.raises(Interrupted):
            project.migrator(observers=[stop_at(1)]).migrate()
        if happened:
            project.rows(by_hand or sql.rstrip(";"))
        project.migrator().migrate()
        assert project.applied() == [migration]
        assert project.value(f"SELECT {truth}")
        assert project.value("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass AND NOT indisvalid") == 0
        assert project.value("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass") <= 3
    finally:
        for subscription in (name, f"{name}_old"):
            if project.value(f"SELECT EXISTS (SELECT FROM pg_subscription WHERE subname = '{subscription}')"):
                project.rows(f"ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE)")
                project.rows(f"DROP SUBSCRIPTION {subscription}")
        for database in (f"{name}_new", f"{name}_base"):
            project.rows(f"DROP DATABASE IF EXISTS {database}")
        project.rows("ALTER SYSTEM RESET wal_writer_flush_after")


@pytest.mark.parametrize("happened", [False, True], ids=["cut off before", "cut off after"])
def test_tablespaces_are_decided_from_the_catalog(project: Project, happened: bool) -> None:
    """Both ways; in place, which PostgreSQL 15 and newer allow for tests."""
    if project.value("SELECT current_setting('server_version_num')::int") < 150000:
        pytest.skip("PostgreSQL 14 has no tablespaces in place: CREATE and DROP TABLESPACE were NOT tried")
    name = f"{project.value('SELECT current_database()')}_space"
    create = f"CREATE TABLESPACE {name} LOCATION ''"
    up = f"SET allow_in_place_tablespaces = on;\n{create};"
    migration = project.write("space", up, f"DROP TABLESPACE {name};")
    there = f"SELECT EXISTS (SELECT FROM pg_tablespace WHERE spcname = '{name}')"
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(2)]).migrate()
    if happened:
        project.rows_in_session("SET allow_in_place_tablespaces = on", create)
    project.migrator().migrate()
    assert (project.applied(), project.value(there)) == ([migration], True)
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(1)]).rollback()
    if happened:
        project.rows(f"DROP TABLESPACE {name}")
    project.migrator().rollback()
    assert (project.applied(), project.value(there)) == ([], False)


def test_finishing_an_interrupted_rollback_rolls_nothing_else_back(project: Project) -> None:
    """What the first call had left in flight had happened: it counts, and the migration before it stays."""
    first = project.write("first", "CREATE TABLE t (i int);", "DROP TABLE t;")
    last = project.write("last", "CREATE INDEX CONCURRENTLY x ON t (i);", "DROP INDEX CONCURRENTLY x;")
    project.migrator().migrate()
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(1)]).rollback()
    project.rows("DROP INDEX x")
    assert [(done.name, done.direction.value) for done in project.migrator().rollback().done] == [(last, "down")]
    assert project.applied() == [first]
    assert project.has("t")


def test_finishing_an_interrupted_step_counts_where_a_number_was_asked_for(project: Project) -> None:
    """`migrate --count 1` finishes what was begun, and applies nothing beyond it."""
    project.rows("CREATE TABLE t (i int)")
    first = project.write("first", "CREATE INDEX CONCURRENTLY x ON t (i);")
    project.write("second", "CREATE TABLE u (i int);")
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(1)]).migrate()
    project.rows("CREATE INDEX x ON t (i)")
    assert [done.name for done in project.migrator().migrate(count=1).done] == [first]
    assert not project.has("u")


def test_all_includes_the_half(project: Project) -> None:
    """It is undone first; the others follow."""
    project.write("first", "CREATE TABLE first (i int);", "DROP TABLE first;")
    half_applied(project)
    assert len(project.migrator().rollback(everything=True).done) == 2
    assert not project.has("a")
    assert not project.has("first")


@pytest.mark.parametrize("options", [{"count": 2}, {"count": 0}, {"count": -1}, {"count": 1, "everything": True}])
def test_bad_options_undo_no_half(project: Project, options: dict[str, Any]) -> None:
    """The half counts as one migration, and options are looked at before anything is undone."""
    half_applied(project)
    with pytest.raises(UsageError):
        project.migrator().rollback(**options)
    assert project.has("a")


def test_going_back_half_way_can_itself_be_stopped(project: Project) -> None:
    """In the middle of undoing a part, in a statement outside of a transaction: the next rollback goes on."""
    project.write(
        "two",
        "CREATE TABLE t (i int);\nCREATE INDEX CONCURRENTLY t_a ON t (i);\nCREATE INDEX CONCURRENTLY t_b ON t (i);",
        "DROP INDEX CONCURRENTLY t_b;\nDROP INDEX CONCURRENTLY t_a;\nDROP TABLE t;",
    )
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(3)]).migrate()
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(1)]).rollback()
    project.migrator().rollback()
    assert not project.has("t")
    assert state(project) == "pending"
    project.migrator().migrate()
    assert project.has("t_b")


def test_a_rollback_of_a_part_that_fails_at_once_changes_nothing(project: Project) -> None:
    """It was undone with its transaction: migrate may still go on."""
    name = half_applied(project)
    with psycopg.connect(project.database) as blocker:
        blocker.execute("LOCK TABLE a IN ROW EXCLUSIVE MODE")
        with pytest.raises(StatementFailed):
            project.migrator(lock_timeout="20ms", max_wait=0).rollback()
    text = (project.folder / name).read_text().replace("1/0", "1")
    (project.folder / name).write_text(text)
    project.migrator().migrate()
    assert project.applied() == [name]


def test_a_step_that_happened_while_its_file_was_edited_waits_for_the_file(project: Project) -> None:
    """It is done, and what the migration is can only be said once the file says again what ran."""
    project.rows("CREATE TABLE base (i int)")
    name = project.write("i", "CREATE INDEX CONCURRENTLY x ON base (i);", "DROP INDEX x;")
    before = (project.folder / name).read_text()
    # The statement is about to be sent and journalled so; somebody else then makes the very index.
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(1)]).migrate()
    project.rows("CREATE INDEX x ON base (i)")
    project.write_text(name, "-- UP\nCREATE INDEX CONCURRENTLY y ON base (i);\n")
    with pytest.raises(PartlyApplied, match="was edited in step 1"):
        project.migrator().migrate()
    assert project.applied() == []
    project.write_text(name, before)
    project.migrator().migrate()
    assert project.applied() == [name]
    project.migrator().rollback()
    assert not project.has("x")


@pytest.mark.parametrize(
    ("answer", "rows"), [({"done": True}, [1]), ({"retry": True}, [1, 1]), ({"undo": True}, None)], ids=str
)
def test_a_step_in_doubt_is_settled_by_the_user(
    project: Project, answer: dict[str, bool], rows: list[int] | None
) -> None:
    """A block that commits by itself was cut off: nothing runs until somebody has looked."""
    name = project.write(
        "doubt",
        "-- fsapi: transaction=off\nCREATE TABLE d (i int);\nDO $$ BEGIN INSERT INTO d VALUES (1); COMMIT; END $$;",
        "DROP TABLE d;",
    )
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(2)]).migrate()
    project.rows("INSERT INTO d VALUES (1)")  # as if it had happened
    with pytest.raises(InDoubt, match="INSERT INTO d VALUES"):
        project.migrator().migrate()
    with pytest.raises(InDoubt):
        project.migrator().rollback()
    project.migrator().resolve(name, **answer)
    if rows is None:
        assert not project.has("d")
        assert state(project) == "pending"
        return
    project.migrator().migrate()
    assert [i for (i,) in project.rows("SELECT i FROM d")] == rows
    assert project.applied() == [name]


@pytest.mark.parametrize(
    ("down", "message"),
    [
        ("DELETE FROM d; DROP TABLE d;", "is not a plain DROP"),
        ("", "it has no DOWN"),
        ("DROP TABLE d; DROP TABL d;", "syntax error"),
    ],
)
def test_what_cannot_be_undone_stays_in_doubt(project: Project, down: str, message: str) -> None:
    """The refusal is not an answer: the step that may have happened does not run a second time."""
    project.rows("CREATE TABLE kept (i int)")
    name = project.write(
        "doubt",
        "CREATE TABLE d (i int);\nDO $$ BEGIN INSERT INTO kept VALUES (1); COMMIT; RAISE 'no'; END $$;",
        down or None,
    )
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    with pytest.raises(FsapiError, match=message) as caught:
        project.migrator().resolve(name, undo=True)
    assert caught.value.state == "unchanged; the step is in doubt as before."
    with pytest.raises(InDoubt):
        project.migrator().migrate()
    assert project.rows("SELECT i FROM kept") == [(1,)]
    assert project.has("d")
    project.rows("DROP TABLE d")
    up, *_ = (project.folder / name).read_text().partition("\n-- DOWN")
    project.write_text(name, f"{up}\n-- DOWN\n-- undone by hand\n")
    project.migrator().resolve(name, undo=True)
    assert state(project) == "pending"


_COMMITS = "DO $$ BEGIN INSERT INTO kept VALUES (1); COMMIT; RAISE 'no'; END $$;"


def in_doubt(project: Project, down: str) -> str:
    """A migration whose second step has committed by itself and failed; its name."""
    project.rows("CREATE TABLE kept (i int)")
    name = project.write("doubt", f"CREATE TABLE d (i int);\nCREATE INDEX di ON d (i);\n{_COMMITS}", down)
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    return name


def end_session_at(project: Project, event: type[Event]) -> Callable[[Event], None]:
    """An observer at whose first event of that kind the server ends every session of the database."""

    def observe(heard: Event) -> None:
        if isinstance(heard, event):
            project.rows(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    return observe


def stays_in_doubt(project: Project, name: str, told: FsapiError | Interrupted) -> None:
    """What was told says so; nothing runs, and the step that may have happened was not repeated."""
    assert f"The step is in doubt as before: `sapi migrate:resolve {name} --undo` tries again." in (told.state or "")
    assert state(project) == "in doubt"
    with pytest.raises(InDoubt):
        project.migrator().migrate()
    assert project.rows("SELECT i FROM kept") == [(1,)]


@pytest.mark.parametrize(
    "in_the_way",
    [
        "CREATE VIEW v AS SELECT * FROM d",
        "ALTER TABLE d RENAME TO e",
        "CREATE FUNCTION f() RETURNS SETOF d LANGUAGE sql AS 'SELECT * FROM d'",
    ],
)
def test_an_undo_that_fails_leaves_the_step_in_doubt(project: Project, in_the_way: str) -> None:
    """The DOWN is refused while it runs: `migrate` does not take the step for one that did not happen."""
    name = in_doubt(project, "DROP TABLE d;")
    project.rows(in_the_way)
    with pytest.raises(StatementFailed) as caught:
        project.migrator().resolve(name, undo=True)
    assert f"{name} is partly applied, as before" in str(caught.value)
    stays_in_doubt(project, name, caught.value)


@pytest.mark.parametrize("event", [RunStarted, StepStarted])
@pytest.mark.parametrize("down", ["DROP TABLE d;", "DROP INDEX CONCURRENTLY di;\nDROP TABLE d;"])
def test_an_undo_whose_connection_is_lost_leaves_the_step_in_doubt(
    project: Project, event: type[Event], down: str
) -> None:
    """Before anything of the DOWN is sent; once the server answers again, the undo is said again."""
    name = in_doubt(project, down)
    with pytest.raises(FsapiError) as caught:
        project.migrator(observers=[end_session_at(project, event)]).resolve(name, undo=True)
    stays_in_doubt(project, name, caught.value)
    project.migrator().resolve(name, undo=True)
    assert state(project) == "pending"
    assert not project.has("d")


def test_an_undo_that_was_stopped_leaves_the_step_in_doubt(project: Project) -> None:
    """By Ctrl-C, before its DOWN is sent."""
    name = in_doubt(project, "DROP TABLE d;")

    def stop(event: Event) -> None:
        if isinstance(event, StepStarted):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        project.migrator(observers=[stop]).resolve(name, undo=True)
    stays_in_doubt(project, name, caught.value)
    assert project.has("d")


def test_an_undo_that_ended_half_way_is_finished_by_a_rollback(project: Project) -> None:
    """A part of the DOWN is committed: then the step is not asked about any more, and does not run again."""
    name = in_doubt(project, "DROP INDEX CONCURRENTLY di;\nDROP TABLE d;")
    project.rows("CREATE VIEW v AS SELECT * FROM d")
    with pytest.raises(StatementFailed) as caught:
        project.migrator().resolve(name, undo=True)
    assert "in doubt" not in (caught.value.state or "")
    with pytest.raises(PartlyApplied, match="finish it with `sapi migrate:rollback`"):
        project.migrator().migrate()
    project.rows("DROP VIEW v")
    project.migrator().rollback()
    assert state(project) == "pending"
    assert project.rows("SELECT i FROM kept") == [(1,)]


@pytest.mark.parametrize("down", [f"{_COMMITS}\nDROP TABLE d;", f"DROP TABLE e;\n{_COMMITS}\nDROP TABLE d;"])
def test_a_step_of_a_rollback_in_doubt_is_not_offered_an_undo(project: Project, down: str) -> None:
    """Nothing takes a DOWN back; to take the step for one that did not happen would run it again."""
    project.rows("CREATE TABLE kept (i int)")
    name = project.write("doubt", "CREATE TABLE d (i int);\nCREATE TABLE e (i int);", down)
    project.migrator().migrate()
    with pytest.raises(StatementFailed) as failed:
        project.migrator().rollback()
    with pytest.raises(InDoubt) as refused:
        project.migrator().rollback()
    for error in (failed.value, refused.value):
        assert "--retry" in str(error)
        assert "--undo" not in str(error)
    with pytest.raises(UsageError, match="one of its DOWN") as caught:
        project.migrator().resolve(name, undo=True)
    assert (
        f"`sapi migrate:resolve {name} --done` (it has) or `sapi migrate:resolve {name} --retry` (it has not), and finish with "
        "`sapi migrate:rollback`" in str(caught.value)
    )
    assert state(project) == "in doubt"
    assert project.rows("SELECT i FROM kept") == [(1,)]
    project.migrator().resolve(name, done=True)
    project.migrator().rollback()
    assert not project.has("d")
    assert project.rows("SELECT i FROM kept") == [(1,)]


def test_resolve_wants_one_answer_and_something_in_doubt(project: Project) -> None:
    """Nothing is guessed."""
    name = project.write("a", "SELECT 1;")
    for answer in ({}, {"done": True, "retry": True}):
        with pytest.raises(UsageError, match="one of"):
            project.migrator().resolve(name, **answer)
    with pytest.raises(UsageError, match="no step of"):
        project.migrator().resolve(name, done=True)


def test_what_a_failed_migration_has_not_created_is_not_dropped_for_it(project: Project) -> None:
    """A table that was there before: neither by the failure, nor by a rollback of what was done."""
    project.rows("CREATE TABLE kept (i int); INSERT INTO kept VALUES (1)")
    project.write(
        "half",
        "CREATE TABLE IF NOT EXISTS kept (i int);\nCREATE INDEX CONCURRENTLY x ON kept (i);\nSELECT 1/0;",
        "DROP TABLE kept;",
    )
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    with pytest.raises(PartlyApplied, match="which no step has created"):
        project.migrator().rollback()
    assert project.value("SELECT i FROM kept") == 1
