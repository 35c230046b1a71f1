"""The same command once more, after it was cut off half-way: it does no more than was asked for the first time."""

from __future__ import annotations

from typing import Any

import pytest

from fsapi_nb.errors import Interrupted, PartlyApplied, RefusedPlan, StatementFailed
from fsapi_nb.verbs.run import run_plan
from tests.conftest import Project
from tests.run.test_halfway import stop_at


def tables(project: Project, *names: str, failing: str = "") -> list[str]:
    """A migration for each table; the DOWN of one of them fails as long as a row forbids it."""
    project.rows("CREATE TABLE may (yes int); INSERT INTO may VALUES (0)")
    return [
        project.write(
            name,
            f"CREATE TABLE {name} (i int);",
            f"{'SELECT 1 / yes FROM may; ' if name == failing else ''}DROP TABLE {name};",
        )
        for name in names
    ]


def names(run: Any) -> list[str]:
    return [done.name for done in run.done]


def test_a_rollback_of_a_number_that_failed_is_not_begun_again(project: Project) -> None:
    """It would take back as many more; the refusal says what does the rest."""
    a, b, c, _ = tables(project, "a", "b", "c", "d", failing="c")
    project.migrator().migrate()
    with pytest.raises(StatementFailed):
        project.migrator().rollback(2)
    assert project.applied() == [a, b, c]
    project.rows("UPDATE may SET yes = 1")
    with pytest.raises(
        RefusedPlan,
        match=r"`sapi migrate:rollback 2` was cut off after 1 of 2(.|\n)*`sapi migrate:rollback 1` does the rest",
    ):
        project.migrator().rollback(2)
    assert names(project.migrator().rollback(1)) == [c]
    assert names(project.migrator().rollback(2)) == [b, a]


def test_a_rollback_of_a_number_that_was_stopped_is_not_begun_again(project: Project) -> None:
    """By Ctrl-C; `--to` and `--all` say the same however often they are said."""
    tables(project, "a", "b")
    c = project.write("c", "CREATE INDEX CONCURRENTLY i ON b (i);", "DROP INDEX CONCURRENTLY i;")
    project.write("d", "CREATE TABLE d (i int);", "DROP TABLE d;")
    project.migrator().migrate()
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(2)]).rollback(3)
    with pytest.raises(RefusedPlan, match=f"still applied: {c}"):
        project.migrator().rollback(3)
    assert len(project.applied()) == 3
    project.migrator().rollback(everything=True)
    assert project.applied() == []


def test_what_was_applied_again_may_be_rolled_back_again(project: Project) -> None:
    """Then the same number means the same migrations."""
    a, b, c, d = tables(project, "a", "b", "c", "d", failing="c")
    project.migrator().migrate()
    with pytest.raises(StatementFailed):
        project.migrator().rollback(2)
    project.migrator().migrate()
    project.rows("UPDATE may SET yes = 1")
    assert names(project.migrator().rollback(2)) == [d, c]
    assert names(project.migrator().rollback(2)) == [b, a]


def test_a_rollback_that_was_completed_is_over(project: Project) -> None:
    """What was applied since may be rolled back by the same number."""
    a, b, c = tables(project, "a", "b", "c")
    project.migrator().migrate()
    assert names(project.migrator().rollback(2)) == [c, b]
    project.migrator().migrate(count=1)
    assert names(project.migrator().rollback(2)) == [b, a]


def test_a_rollback_that_was_complete_unseen_counts(project: Project) -> None:
    """A concurrent DOWN that had happened is a part of the number that is said again."""
    a, b = tables(project, "a", "b")
    c = project.write("c", "CREATE INDEX CONCURRENTLY i ON b (i);", "DROP INDEX CONCURRENTLY i;")
    project.migrator().migrate()
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(1)]).rollback(2)
    project.rows("DROP INDEX i")
    assert names(project.migrator().rollback(2)) == [c, b]
    assert project.applied() == [a]


def test_resolve_undoes_only_the_migration_that_it_names(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another run has finished it meanwhile, that one's work is not rolled back."""
    project.write("first", "CREATE TABLE first (i int);", "DROP TABLE first;")
    sql = "DO $$ BEGIN INSERT INTO d VALUES (1); COMMIT; END $$;"
    name = project.write("doubt", f"CREATE TABLE d (i int);\n{sql}\nCREATE TABLE e (i int);", "DROP TABLE d;")
    with pytest.raises(Interrupted):
        project.migrator(observers=[stop_at(3)]).migrate()

    def after_another(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr("fsapi_nb.verbs.amend.run_plan", run_plan)
        project.migrator().resolve(name, retry=True)
        project.migrator().migrate()
        return run_plan(*arguments, **options)

    monkeypatch.setattr("fsapi_nb.verbs.amend.run_plan", after_another)
    with pytest.raises(PartlyApplied, match="is not half-way any more: another run has gone on with it"):
        project.migrator().resolve(name, undo=True)
    assert len(project.applied()) == 2
    assert project.has("e")
