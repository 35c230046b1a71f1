"""The DOWN that the database keeps: it runs only if the file is gone or edited, and a plan shows it with who stored it."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import RefusedPlan, StatementFailed
from tests.conftest import Project


@pytest.fixture
def name(project: Project) -> str:
    """An applied migration, whose stored DOWN makes a table `evil`."""
    made = project.write("a", "CREATE TABLE a ();", "DROP TABLE a;")
    project.migrator().migrate()
    project.rows("UPDATE migrations_scripts SET down = 'CREATE TABLE evil (); DROP TABLE a;'")
    return made


@pytest.mark.parametrize("checksum", ["bogus", "tokens-sha256:00"])
@pytest.mark.parametrize("verb", ["rollback", "redo"])
def test_the_file_wins_if_the_journal_says_that_it_ran(project: Project, name: str, checksum: str, verb: str) -> None:
    """Whoever may update the stored scripts can make the file seem edited, and its own DOWN runs all the same."""
    project.rows(f"UPDATE migrations_scripts SET checksum = '{checksum}', digest = NULL, up = 'SELECT 1'")
    plan = project.migrator().plan(verb)
    if checksum.startswith("tokens"):
        assert plan.notes[0] == f"what is stored of {name} is not what ran, and its file is: the file's DOWN is used"
    getattr(project.migrator(), verb)()
    assert not project.has("evil")
    assert project.has("a") is (verb == "redo")


def test_a_stored_text_that_the_journal_does_not_know_is_not_run(project: Project, name: str) -> None:
    """Without its file, the two tables must agree on what ran."""
    (project.folder / name).unlink()
    project.rows("UPDATE migrations_scripts SET checksum = 'tokens-sha256:00'")
    with pytest.raises(RefusedPlan, match="are not those that ran") as caught:
        project.migrator().rollback()
    assert f"repair {name}" in str(caught.value)
    assert project.has("a")
    assert not project.has("evil")


@pytest.mark.parametrize("edit", [None, "-- UP\nCREATE TABLE b ();\n"], ids=["gone", "edited"])
@pytest.mark.parametrize("set_to", ["down = 'CREATE TABLE evil ();'", "up = 'SELECT 1'", "redacted = true"])
def test_a_stored_text_that_was_changed_is_not_run(project: Project, edit: str | None, set_to: str) -> None:
    """Its checksum may be as it was: the journal has a digest of the text; a repair makes another."""
    name = project.write("a", "CREATE TABLE a ();", "DROP TABLE a;")
    project.migrator().migrate()
    text = (project.folder / name).read_text()
    (project.folder / name).unlink() if edit is None else (project.folder / name).write_text(edit)
    project.rows(f"UPDATE migrations_scripts SET {set_to}")
    with pytest.raises(RefusedPlan, match="the digest of another text"):
        project.migrator().rollback()
    assert project.has("a")
    assert not project.has("evil")
    (project.folder / name).write_text(text.replace("DROP TABLE a", "DROP TABLE IF EXISTS a"))
    project.migrator().repair(name)
    (project.folder / name).unlink()
    project.migrator().rollback()
    assert not project.has("a")


@pytest.mark.parametrize("how", ["renamed", "restored", "half rolled back"])
def test_a_changed_text_is_not_run_under_another_name_either(project: Project, how: str) -> None:
    """Nor once its row was taken out and put back, nor after the first step of a DOWN in several."""
    down = "DROP TABLE a;\nDROP INDEX CONCURRENTLY i;" if how == "half rolled back" else "DROP TABLE a;"
    name = project.write("a", "CREATE TABLE a (); CREATE TABLE b (n int); CREATE INDEX i ON b (n);", down)
    project.migrator().migrate()
    file, new = project.folder / name, name.replace("00_00_a", "00_09_b")
    if how == "renamed":
        file.rename(project.folder / new)
        project.migrator().rename(name, new)
        (project.folder / new).unlink()
    elif how == "restored":
        file.unlink()
        project.migrator().retire([name])
        project.migrator().retire([name], undo=True)
    else:
        project.rows("DROP INDEX i")
        with pytest.raises(StatementFailed):
            project.migrator().rollback()
        file.unlink()
    (warning,) = project.migrator().plan("rollback").warnings
    assert f"(stored by {project.value('SELECT current_user')} at " in warning
    project.rows("UPDATE migrations_scripts SET down = replace(down, 'i;', 'i; CREATE TABLE evil ();') || ' SELECT 1;'")
    with pytest.raises(RefusedPlan, match="the digest of another text"):
        project.migrator().rollback()
    assert not project.has("evil")


@pytest.mark.parametrize("edit", [None, "-- UP\nCREATE TABLE b ();\n"], ids=["gone", "edited"])
def test_a_plan_shows_a_stored_down_and_who_stored_it(project: Project, edit: str | None) -> None:
    """Its whole text, with role and moment, as text, as HTML and in the JSON document; whatever it is, it can be read."""
    name = project.write("a", "CREATE TABLE a ();", "CREATE TABLE evil (); DROP TABLE a;")
    project.migrator().migrate()
    file = project.folder / name
    file.unlink() if edit is None else file.write_text(edit)
    (role, at), *_ = project.rows(
        "SELECT role, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM migrations_journal WHERE event = 'up'"
    )
    plan = project.migrator().plan("rollback")
    (warning,) = plan.warnings
    assert warning == (
        f"the DOWN of {name} is the one of public.migrations_scripts (stored by {role} at {at} UTC, says "
        "public.migrations_journal):\n    CREATE TABLE evil (); DROP TABLE a;"
    )
    assert "CREATE TABLE evil (); DROP TABLE a;" in str(plan)
    assert "CREATE TABLE evil (); DROP TABLE a;" in plan.html()
    assert warning in plan.to_json()["notes"]


def test_nobody_is_named_where_the_journal_is_silent(project: Project, name: str) -> None:
    """A journal without the event says neither who nor what: the stored text runs, as it is all that there is."""
    (project.folder / name).unlink()
    project.rows("DELETE FROM migrations_journal")
    (warning,) = project.migrator().plan("rollback").warnings
    assert "(by whom is not known)" in warning


def test_a_long_down_is_shown_in_part(project: Project) -> None:
    """The rest is counted, and the verb named that shows all of it."""
    name = project.write("a", "CREATE TABLE a ();", "DROP TABLE a;\n" + "SELECT 1;\n" * 100)
    project.migrator().migrate()
    (project.folder / name).unlink()
    (warning,) = project.migrator().plan("rollback").warnings
    assert warning.endswith(f"… 61 lines more: `sapi migrate:show {name}` has all of them")


def test_a_file_s_down_is_not_shown_so(project: Project) -> None:
    """A renamed, a restored and a repaired migration roll back as ever, without a warning or with the stored text."""
    name = project.write("a", "CREATE TABLE a ();", "DROP TABLE a;")
    project.migrator().migrate()
    assert project.migrator().plan("rollback").warnings == ()
    new = name.replace("00_00_a", "00_09_b")
    (project.folder / name).rename(project.folder / new)
    project.migrator().rename(name, new)
    (project.folder / new).unlink()
    project.migrator().retire([new])
    project.migrator().retire([new], undo=True)
    assert len(project.migrator().plan("rollback").warnings) == 1
    project.write_text(new, "-- UP\nCREATE TABLE a (); -- as before\n\n-- DOWN\nDROP TABLE IF EXISTS a;\n")
    project.migrator().repair(new)
    assert project.migrator().plan("rollback").warnings == ()
    (project.folder / new).unlink()
    project.migrator().rollback()
    assert not project.has("a")
