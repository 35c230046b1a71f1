"""Migrations that ended half-way: going on, going back, and what may change in their file meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from fsapi_nb.errors import InDoubt, Interrupted, PartlyApplied, StatementFailed, UsageError
from fsapi_nb.events import Event, StatementStarted
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


def test_resolve_wants_one_answer_and_something_in_doubt(project: Project) -> None:
    """Nothing is guessed."""
    name = project.write("a", "SELECT 1;")
    for answer in ({}, {"done": True, "retry": True}):
        with pytest.raises(UsageError, match="one of"):
            project.migrator().resolve(name, **answer)
    with pytest.raises(UsageError, match="no step of"):
        project.migrator().resolve(name, done=True)
