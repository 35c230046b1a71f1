"""A DOWN that cannot run: a warning wherever the migration is looked at or applied, an error when it is to be run."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import FaultyMigrations
from fsapi_nb.folder import read as folders
from fsapi_nb.folder.cache import ParseCache
from fsapi_nb.model.status import State
from fsapi_nb.notebook.widgets.panel import row_states
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
        ("-- fsapi: lock_timeout=soon\nDROP TABLE a;", "line 5: lock_timeout=soon is not a duration"),
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
    with pytest.raises(FaultyMigrations, match=f"`sapi migrate:repair {name}`"):
        migrator.rollback()
    assert project.applied() == [name]
    assert noted(project) == [status.note]
    project.write("a", "CREATE TABLE a (n text);", "DROP TABLE a;", name=name)
    # What is no token is not what ran: then the file's own DOWN would run, which is sound now.
    is_token = "\\i" not in down and "fsapi:" not in down
    assert noted(project) == [f"the file was edited after it was applied; {status.note}" if is_token else None]
    migrator.repair(name)
    assert noted(project) == [None]
    migrator.rollback()
    assert not project.has("a")


def noted(project: Project) -> list[str | None]:
    """What each face of the status says, which must be the same."""
    result = project.migrator().status()
    notes = [status.note for status in result.statuses]
    for status in result.statuses:
        if status.note:
            assert status.note in str(result)
            assert status.note in str(project.migrator().show(status.name))
    assert [each["note"] for each in result.to_json()["migrations"]] == notes
    assert [row["note"] or None for row in row_states(result)] == notes
    return notes


@pytest.mark.parametrize("how", ["migrate", "baseline", "repair", "restore", "by fsapi", "commented since"])
def test_it_is_said_of_what_is_applied_and_the_file_is_not_parsed_for_it(
    project: Project, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """However it came to be recorded; it is kept beside the digest of the file."""
    name = project.write("a", "CREATE TABLE a (n text);", "DROP TABLE a;" if how == "repair" else CONFLICT)
    other = project.write("b", "CREATE TABLE b (n text);", "DROP TABLE b;")
    line = 5
    if how == "baseline":
        project.migrator().baseline(other)
    else:
        project.migrator().migrate()
    if how == "repair":
        project.write("a", "CREATE TABLE a (n text);", CONFLICT, name=name)
        project.migrator().repair(name)
    elif how == "restore":
        text = (project.folder / name).read_text()
        (project.folder / name).unlink()
        project.migrator().retire([name])
        project.write_text(name, text)
        project.migrator().retire([name], undo=True)
    elif how == "by fsapi":
        project.rows("DELETE FROM migrations_scripts")
    elif how == "commented since":
        project.write_text(name, "-- a word\n" + (project.folder / name).read_text())
        line = 6
    parsed: list[str] = []
    parse = folders._parse

    def note(file: str, each: str) -> object:
        parsed.append(each)
        return parse(file, each)

    monkeypatch.setattr(folders, "_parse", note)
    monkeypatch.setattr(folders, "_parsed", ParseCache(1 << 20))
    result = project.migrator().status()
    said = f'its DOWN cannot run: line {line}: syntax error at or near "<<<<<<<"'
    assert [status.note for status in result.statuses] == [said, None]
    assert [status.state for status in result.statuses] == [State.APPLIED] * 2
    assert parsed == {"by fsapi": [name, other], "commented since": [name]}.get(how, [])
    assert not result.attention
    assert noted(project) == [said, None]
    with pytest.raises(FaultyMigrations, match="syntax error"):
        project.migrator().plan("rollback", everything=True)


def test_it_is_said_of_what_has_no_file_any_more(project: Project) -> None:
    """The DOWN that was stored is what would run."""
    name = project.write("a", "CREATE TABLE a (n text);", "DROP TABBLE a;")
    project.migrator().migrate()
    (project.folder / name).unlink()
    fault = 'its DOWN cannot run: line 5: syntax error at or near "TABBLE"'
    assert noted(project) == [f"applied, but there is no such file; {fault}"]


def test_it_is_among_the_first_of_a_long_status(project: Project) -> None:
    """Of many that are applied only the last are shown, and those of which something is to be known."""
    project.write("a", "CREATE TABLE a (n text);", "DROP TABBLE a;")
    for number in range(45):
        project.write(f"m{number}", "SELECT 1;", "SELECT 1;")
    project.migrator().migrate()
    result = project.migrator().status()
    assert "its DOWN cannot run" in repr(result)
    assert "its DOWN cannot run" in result.html()
    assert "… 35 more applied" in repr(result)


def test_tables_of_an_earlier_build_say_nothing_of_it_and_are_completed(project: Project) -> None:
    """The next run that writes adds the column."""
    project.write("a", "CREATE TABLE a (n text);", "DROP TABBLE a;")
    project.migrator().migrate()
    project.rows("ALTER TABLE migrations_scripts DROP COLUMN down_fault")
    assert noted(project) == [None]
    project.write("b", "CREATE TABLE b (n text);", "DROP TABBLE b;")
    project.migrator().migrate()
    assert [note is None for note in noted(project)] == [True, False]


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
