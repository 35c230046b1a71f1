"""A folder in which no migration is found: it is never called up to date, and no second one is made unsaid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fsapi_nb import Migrator, cli
from fsapi_nb.errors import ConfigurationError
from tests.conftest import Project

FILE = "2026_01_01_00_00_one.sql"


def nest(project: Project, *folders: str) -> None:
    for folder in folders:
        (project.folder / folder).mkdir(parents=True, exist_ok=True)
        (project.folder / folder / FILE).write_text("CREATE TABLE one (i int);")


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        ((), ""),
        (("a", "b/c", "b/d"), " (3 in subfolders)"),
        (("2026", ".hidden", "__pycache__"), " (1 in subfolders)"),
    ],
)
def test_a_folder_without_a_file_is_not_up_to_date(
    project: Project, capsys: pytest.CaptureFixture[str], folders: tuple[str, ...], words: str
) -> None:
    """What reads says so, a check of it fails, and a run says that it had nothing to run."""
    nest(project, *folders)
    lack = f"no migration files in {project.folder}{words}"
    migrator = project.migrator()
    assert str(migrator.status()) == f"N{lack[1:]}; nothing is applied on {project.label}."
    assert str(migrator.pending()) == f"N{lack[1:]}; nothing is pending on {project.label}."
    assert str(migrator.plan()) == f"Plan: nothing to do on {project.label}: {lack}."
    assert str(migrator.migrate()) == f"Nothing to do on {project.label}: {lack}."
    assert migrator.migrate().to_json()["notes"] == [lack]
    words_of_place = ["--database", project.database, "--dir", str(project.folder)]
    for verb in ("status", "pending", "plan"):
        assert cli.main([f"migrate:{verb}", *words_of_place]) == 0
        assert cli.main([f"migrate:{verb}", "--check", *words_of_place]) == 3
        assert lack[1:] in capsys.readouterr().err
    assert f"! {lack}: nothing is applied afterwards" in "\n".join(migrator.plan("fresh").lines())


@pytest.mark.parametrize("folders", [(), ("2026",)])
def test_fresh_drops_nothing_that_no_file_makes_again(project: Project, folders: tuple[str, ...]) -> None:
    """The folder is probably the wrong one; an empty database is asked for by its own option."""
    nest(project, *folders)
    project.rows("CREATE TABLE kept (i int)")
    with pytest.raises(ConfigurationError, match=r"no migration files in .*fresh would drop(.|\n)*Database: unchanged"):
        project.migrator().fresh(yes=True)
    assert project.has("kept")
    project.migrator().fresh(yes=True, migrate=False)
    assert not project.has("kept")


def test_what_is_applied_is_missing_then(project: Project) -> None:
    """With a note above it: the folder is probably the wrong one."""
    project.write_text(FILE, "CREATE TABLE one (i int);")
    project.migrator().migrate()
    (project.folder / FILE).unlink()
    result = project.migrator().status()
    assert result.lines()[1] == f"  ! no migration files in {project.folder}"
    assert [status.state.value for status in result.statuses] == ["missing"]


def test_files_in_subfolders_are_not_left_out_in_silence(project: Project) -> None:
    """A status says how many there are beside those that it shows; that alone is nothing to mend."""
    project.write_text(FILE, "CREATE TABLE one (i int);")
    nest(project, "old")
    migrator = project.migrator()
    migrator.migrate()
    assert migrator.status().lines()[1] == "  ! 1 SQL file in a subfolder is not read"
    nest(project, "older/still")
    assert "<p>2 SQL files in subfolders are not read</p>" in migrator.status().html()
    assert not migrator.status().attention


def test_a_folder_is_called_as_it_was_given(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an output is the same on each machine; an error has the whole path."""
    monkeypatch.chdir(project.root)
    assert "in migrations;" in str(Migrator(project.database).status())
    (project.root / "notebooks").mkdir()
    monkeypatch.chdir(project.root / "notebooks")
    assert "in ../migrations;" in str(Migrator(project.database).status())
    for given in ("a/b/c", str(project.root / "nowhere")):
        with pytest.raises(ConfigurationError, match=f"there is no folder '[^']*{given}' with migrations"):
            Migrator(project.database, given).status()


def test_a_tilde_is_the_home_folder(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a cell as well, where no shell expands it; in `pyproject.toml` too."""
    monkeypatch.setenv("HOME", str(project.root))
    monkeypatch.chdir(project.root)
    project.write_text(FILE, "CREATE TABLE one (i int);")
    assert len(Migrator(project.database, "~/migrations").status().statuses) == 1
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nmigrations = "~/migrations"\n')
    assert Migrator(project.database).directory == project.folder


def test_a_new_folder_is_told_with_its_path(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """By whatever makes it: a terminal in the wrong place would make a second one."""
    new = project.root / "other" / "migrations"
    migrator = Migrator(project.database, new)
    assert f" was created in the new folder {new}." in str(migrator.make("one"))
    assert "new folder" not in str(migrator.make("two"))
    cell = Migrator(project.database, project.root / "third").write("one", "-- UP\nSELECT 1;\n", apply=True)
    assert cell.headline() == f"one was created in the new folder {project.root / 'third'} and is applied."
    place = ["--database", project.database, "--dir", str(project.root / "fourth")]
    assert cli.main(["migrate:make", "one", "--json", *place]) == 0
    assert json.loads(capsys.readouterr().out)["new_folder"] == str(project.root / "fourth")


def test_the_folder_of_an_error_is_shown_whole(project: Project, tmp_path: Path) -> None:
    """One that is a file, and so cannot be read or written."""
    file = tmp_path / "deep" / "file"
    file.parent.mkdir()
    file.touch()
    with pytest.raises(ConfigurationError, match=f"the folder '{file}' cannot be read"):
        Migrator(project.database, file).status()
    with pytest.raises(ConfigurationError, match=f"the folder '{file}' cannot be written"):
        Migrator(project.database, file).make("one")
