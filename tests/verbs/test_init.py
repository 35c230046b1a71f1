"""`sapi init`: a project from nothing, and what is there stays as it is."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest

from fsapi_nb.errors import ConfigurationError, Untrusted, UsageError
from fsapi_nb.project.new_project import database_name
from fsapi_nb.project.root import find_project
from fsapi_nb.text.command import Face, typed
from fsapi_nb.verbs.init import init
from tests.notebook.store import execute

MADE = """shop is a project now.
  created  migrations/                      one file for each migration
  created  pyproject.toml                   the database: shop, on a PostgreSQL of the project's own
  created  .gitignore                       git leaves out what the PostgreSQL of the project keeps
  created  notebooks/first_migration.ipynb  a first migration, step by step
Next: `%migrate make create_customers` makes the file of a migration."""


def contents(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_a_project_is_made_from_nothing(tmp_path: Path) -> None:
    """The result names each file, and the database has the project's name."""
    shop = tmp_path / "shop"
    assert repr(init(str(shop))) == MADE
    assert find_project(shop / "notebooks").root == shop
    assert (shop / "pyproject.toml").read_text() == '[tool.fsapi_nb]\ndatabase = "embedded:shop"\n'
    assert (shop / ".gitignore").read_text() == ".fsapi_nb/\n"
    assert (shop / "migrations").is_dir()


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    """Whatever the user has made of the files since."""
    init(str(tmp_path))
    (tmp_path / "pyproject.toml").write_text('[tool.fsapi_nb]\ndatabase = "embedded:other"\n')
    before = contents(tmp_path)
    result = init(str(tmp_path))
    assert contents(tmp_path) == before
    assert {each.action for each in result.made} == {"kept"}
    assert result.headline().endswith("is a project already; nothing was changed.")


def test_what_the_files_say_stays(tmp_path: Path) -> None:
    """The settings come to the end, with a line end where the file lacks one; permissions stay as they are."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "é"')
    (tmp_path / "pyproject.toml").chmod(0o640)
    (tmp_path / ".gitignore").write_text("*.log\n")
    actions = {each.path: each.action for each in init(str(tmp_path)).made}
    assert actions["pyproject.toml"] == actions[".gitignore"] == "added to"
    text = (tmp_path / "pyproject.toml").read_text()
    assert text.startswith('[project]\nname = "é"\n\n[tool.fsapi_nb]\n')
    assert (tmp_path / "pyproject.toml").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / ".gitignore").read_text() == "*.log\n.fsapi_nb/\n"


def test_the_migrations_folder_of_the_settings_is_made(tmp_path: Path) -> None:
    """It may have another name."""
    (tmp_path / "pyproject.toml").write_text('[tool.fsapi_nb]\nmigrations = "db/changes"\n')
    init(str(tmp_path))
    assert (tmp_path / "db/changes").is_dir()
    assert not (tmp_path / "migrations").exists()


def test_a_folder_of_another_project_is_not_taken_by_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only where it is named: a project may lie in another one's folder."""
    init(str(tmp_path))
    monkeypatch.chdir(tmp_path / "migrations")
    with pytest.raises(UsageError, match="this folder is in the project") as refused:
        init(None)
    assert typed(refused.value.hint or "", Face.NOTEBOOK) == "`%migrate init .` makes a project of its own here."
    assert list((tmp_path / "migrations").iterdir()) == []
    init(".")
    assert (tmp_path / "migrations" / "migrations").is_dir()


@pytest.mark.parametrize("name", ["migrations", "notebooks"])
def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    """Somebody else's folder may have one: nothing outside of it changes."""
    shop, outside = tmp_path / "shop", tmp_path / "outside"
    shop.mkdir()
    outside.mkdir()
    (shop / name).symlink_to(outside)
    with pytest.raises(Untrusted):
        init(str(shop))
    assert list(outside.iterdir()) == []
    assert contents(shop) == {}


def test_settings_that_are_not_valid_are_named(tmp_path: Path) -> None:
    """Nothing is written beside them."""
    (tmp_path / "pyproject.toml").write_text("[tool.fsapi_nb\n")
    with pytest.raises(ConfigurationError, match="pyproject.toml"):
        init(str(tmp_path))
    assert os.listdir(tmp_path) == ["pyproject.toml"]


@pytest.mark.parametrize(
    ("project", "database"),
    [
        ("shop", "shop"),
        ("Shop & Co", "shop_co"),
        ("2026", "db_2026"),
        ("été", "t"),
        ("数据", "db"),
        ("x" * 99, "x" * 63),
    ],
)
def test_a_database_is_called_like_its_project(project: str, database: str) -> None:
    """In letters that need no quotes."""
    assert database_name(project) == database


@pytest.mark.slow
def test_the_first_notebook_runs(tmp_path: Path) -> None:
    """As it was made, in a new project, from the first cell to the last."""
    init(str(tmp_path / "shop"))
    file = tmp_path / "shop" / "notebooks" / "first_migration.ipynb"
    notebook = nbformat.read(file, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    execute(notebook, file.parent)
    outputs = [
        output.get("data", {}).get("text/plain", "") for cell in notebook.cells for output in cell.get("outputs", ())
    ]
    assert "Ada" in "".join(outputs)
    assert "1 pending" in outputs[-1]
