"""A DOWN that cannot run: a warning wherever the migration is looked at or applied, an error when it is to be run."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import FaultyMigrations
from tests.conftest import Project

CONFLICT = "<<<<<<< HEAD\nDROP TABLE a;\n=======\nDROP TABLE b;\n>>>>>>> main"


@pytest.mark.parametrize(
    ("down", "fault"),
    [
        (CONFLICT, 'line 5: syntax error at or near "<<<<<<<"'),
        ("DROP TABBLE a;", 'line 5: syntax error at or near "TABBLE"'),
        ("DROP TABLE a;\n\\i other.sql", "line 6: psql's command \\i is not SQL"),
        ("DELETE FROM a WHERE n = 'x;", "line 5: unterminated quoted string"),
        ("ROLLBACK;", "line 5: ROLLBACK would undo the migration and its record"),
        ("-- fsapi: lock_timeout=soon\nDROP TABLE a;", "line 5: lock_timeout=soon is no duration"),
    ],
)
def test_it_is_a_warning_until_it_is_to_be_run(project: Project, down: str, fault: str) -> None:
    """In status, plan, show and the result of the run; `rollback` is refused before anything runs."""
    name = project.write("a", "CREATE TABLE a (n text);", down)
    migrator = project.migrator()
    (status,) = migrator.status().statuses
    assert status.note == f"its DOWN cannot run: {fault}"
    assert not status.problems
    assert status.note in str(migrator.pending())
    assert status.note in str(migrator.show(name))
    warning = f"the DOWN of {name} cannot run ({fault}): until that is corrected, a rollback is refused"
    assert migrator.plan().plan.notes == (warning,)
    assert migrator.plan("fresh").plan.notes == (warning,)
    result = migrator.migrate()
    assert result.notes == (warning,)
    assert warning in str(result)
    with pytest.raises(FaultyMigrations, match=f"`repair {name}`"):
        migrator.rollback()
    assert project.applied() == [name]
    project.write("a", "CREATE TABLE a (n text);", "DROP TABLE a;", name=name)
    migrator.repair(name)
    migrator.rollback()
    assert not project.has("a")


def test_a_sound_down_or_none_is_no_warning(project: Project) -> None:
    """Nor is one of comments only."""
    project.write("a", "CREATE TABLE a (id int);", "DROP TABLE a;")
    project.write("b", "CREATE TABLE b (id int);")
    project.write("c", "CREATE TABLE c (id int);", "-- it stays")
    migrator = project.migrator()
    assert [status.note for status in migrator.status().statuses] == [None] * 3
    assert migrator.migrate().notes == ()


def test_a_redo_says_that_the_new_down_cannot_run(project: Project) -> None:
    """The old one was stored, and runs."""
    name = project.write("a", "CREATE TABLE a (id int);", "DROP TABLE a;")
    project.migrator().migrate()
    project.write("a", "CREATE TABLE a (id bigint);", "DROP TABBLE a;", name=name)
    notes = project.migrator().redo(yes=True).notes
    assert any("cannot run (line 5" in note for note in notes)
