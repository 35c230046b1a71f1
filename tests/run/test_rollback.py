"""Undoing migrations: which, in what order, with which text."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import (
    FaultyMigrations,
    Irreversible,
    NothingToDo,
    RefusedPlan,
    StatementFailed,
    UnknownMigration,
    UsageError,
)
from tests.conftest import Project


def tables(project: Project, *names: str) -> list[str]:
    """A migration for each table; their file names."""
    return [project.write(name, f"CREATE TABLE {name} (i int);", f"DROP TABLE {name};") for name in names]


def test_the_last_applied_is_rolled_back(project: Project) -> None:
    """One where nothing is said, N where a number is given."""
    a, b, c, d = tables(project, "a", "b", "c", "d")
    migrator = project.migrator()
    migrator.migrate()
    assert [done.name for done in migrator.rollback().done] == [d]
    assert [done.name for done in migrator.rollback(2).done] == [c, b]
    assert project.applied() == [a]
    assert project.has("a")
    assert not project.has("b")


def test_to_keeps_the_one_that_is_named(project: Project) -> None:
    """`to` undoes everything applied after it; `everything` all."""
    a, b, c = tables(project, "a", "b", "c")
    migrator = project.migrator()
    migrator.migrate()
    assert [done.name for done in migrator.rollback(to="a").done] == [c, b]
    assert [done.name for done in migrator.rollback(everything=True).done] == [a]


def test_the_order_is_that_of_applying_not_of_names(project: Project) -> None:
    """A late file was applied last, so it goes first."""
    tables(project, "a", "b")
    migrator = project.migrator()
    migrator.migrate()
    late = project.write("late", "SELECT 1;", "SELECT 1;", name="2025_01_01_00_00_late.sql")
    migrator.migrate()
    assert [done.name for done in migrator.rollback().done] == [late]


@pytest.mark.parametrize(
    "options", [{"count": 1, "to": "a"}, {"count": 1, "everything": True}, {"to": "a", "everything": True}]
)
def test_options_that_exclude_each_other_are_refused(project: Project, options: dict[str, object]) -> None:
    """Nothing is guessed."""
    tables(project, "a")
    project.migrator().migrate()
    with pytest.raises(UsageError, match="exclude"):
        project.migrator().rollback(**options)  # type: ignore[arg-type]  # a mix of types on purpose
    assert project.has("a")


@pytest.mark.parametrize("count", [0, -1, 3])
def test_a_number_that_cannot_be_is_refused(project: Project, count: int) -> None:
    """Neither none nor more than there is."""
    tables(project, "a", "b")
    project.migrator().migrate()
    with pytest.raises(UsageError):
        project.migrator().rollback(count)
    assert len(project.applied()) == 2


def test_an_unknown_target_is_refused(project: Project) -> None:
    """With what it might have been."""
    a, _ = tables(project, "a_table", "b_table")
    project.migrator().migrate()
    with pytest.raises(UnknownMigration, match=a):
        project.migrator().rollback(to="a_tabel")


def test_nothing_applied_is_nothing_to_roll_back(project: Project) -> None:
    """Said as an error: who asks for it expects something to happen."""
    tables(project, "a")
    with pytest.raises(NothingToDo):
        project.migrator().rollback()


def test_an_irreversible_one_stops_the_whole_rollback(project: Project) -> None:
    """All of the chain or nothing of it; the ones without DOWN are named."""
    tables(project, "a")
    stuck = project.write("stuck", "CREATE TABLE stuck (i int);")
    tables(project, "c")
    migrator = project.migrator()
    migrator.migrate()
    with pytest.raises(Irreversible, match=stuck):
        migrator.rollback(everything=True)
    assert len(project.applied()) == 3


def test_the_stored_down_runs_when_the_file_is_gone(project: Project) -> None:
    """Another branch is checked out: the database can still go back."""
    (a,) = tables(project, "a")
    migrator = project.migrator()
    migrator.migrate()
    (project.folder / a).unlink()
    result = migrator.rollback()
    assert not project.has("a")
    assert any("is gone" in note for note in result.notes)


def test_the_stored_down_runs_when_the_file_was_edited(project: Project) -> None:
    """What undoes a migration is what was written for what ran."""
    (a,) = tables(project, "a")
    migrator = project.migrator()
    migrator.migrate()
    project.write_text(a, "-- UP\nCREATE TABLE b (i int);\n-- DOWN\nDROP TABLE b;\n")
    migrator.rollback()
    assert not project.has("a")


def test_stored_scripts_keep_copy_data_and_options(project: Project) -> None:
    """The whole text is stored, so a stored DOWN is as good as the file's."""
    a = project.write(
        "a",
        "CREATE TABLE t (i int);",
        "-- fsapi: transaction=off\nCOPY t FROM stdin;\n7\n\\.\nCREATE INDEX CONCURRENTLY t_i ON t (i);",
    )
    migrator = project.migrator()
    migrator.migrate()
    (project.folder / a).unlink()
    migrator.rollback()
    assert project.value("SELECT i FROM t") == 7
    assert project.has("t_i")


def test_a_failing_down_leaves_the_migration_applied(project: Project) -> None:
    """Rolled back itself, and those that were rolled back before it are said."""
    project.write("a", "CREATE TABLE a (i int);", "DROP TABLE nope;")
    b = project.write("b", "CREATE TABLE b (i int);", "DROP TABLE b;")
    migrator = project.migrator()
    migrator.migrate()
    with pytest.raises(StatementFailed, match="nope") as caught:
        migrator.rollback(2)
    assert caught.value.applied == (b,)
    assert project.has("a")
    assert not project.has("b")
    assert len(project.applied()) == 1


def test_faults_of_all_downs_are_found_first(project: Project) -> None:
    """Nothing is rolled back where one of them cannot be."""
    project.write("a", "CREATE TABLE a (i int);", "DROP TABEL a;")
    tables(project, "b")
    migrator = project.migrator()
    migrator.migrate()
    with pytest.raises(FaultyMigrations):
        migrator.rollback(2)
    assert project.has("b")


def test_redo_is_one_transaction(project: Project) -> None:
    """Where the new UP fails, the old one is still applied."""
    a = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    migrator = project.migrator()
    migrator.migrate()
    project.write_text(a, "-- UP\nCREATE TABLE a (i bigint);\nSELECT 1/0;\n-- DOWN\nDROP TABLE a;\n")
    with pytest.raises(StatementFailed, match="division"):
        migrator.redo()
    assert project.value("SELECT data_type FROM information_schema.columns WHERE table_name = 'a'") == "integer"
    project.write_text(a, "-- UP\nCREATE TABLE a (i bigint);\n-- DOWN\nDROP TABLE a;\n")
    assert str(migrator.redo()).splitlines()[0] == f"Rolled back 1 migration. Applied 1 migration on {project.label}."
    assert project.value("SELECT data_type FROM information_schema.columns WHERE table_name = 'a'") == "bigint"
    assert migrator.status().statuses[0].state.value == "applied"


def test_redo_takes_only_the_last(project: Project) -> None:
    """Others were built on it."""
    tables(project, "a", "b")
    project.migrator().migrate()
    with pytest.raises(RefusedPlan, match="not the last"):
        project.migrator().redo("a")


def test_redo_in_steps_where_a_transaction_is_refused(project: Project) -> None:
    """Down and up one after the other."""
    tables(project, "t")
    project.write("i", "CREATE INDEX CONCURRENTLY t_i ON t (i);", "DROP INDEX CONCURRENTLY t_i;")
    migrator = project.migrator()
    migrator.migrate()
    assert len(migrator.plan("redo").plan.steps) == 2
    migrator.redo()
    assert project.has("t_i")
