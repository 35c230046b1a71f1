"""Somebody else's project in a notebook: a cell cannot ask, so it says what the user may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsapi_nb.errors import CannotConnect, Untrusted, UsageError
from fsapi_nb.views.results import TrustResult
from tests.conftest import Project
from tests.notebook.conftest import Cells


@pytest.fixture
def config(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.delenv("FSAPI_NB_TRUST", raising=False)


@pytest.mark.usefixtures("config")
def test_a_cell_says_what_to_look_at_and_how_to_trust_it(
    cells: Cells, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each magic refuses; `%migrate trust` is the yes, shows what it is about, and can be taken back."""
    monkeypatch.chdir(project.root)
    (project.root / ".env").write_text("DATABASE_URL=postgresql://me:canary@0.0.0.0:1/shop\n")
    project.write("one", "CREATE TABLE one (i int);")
    for setting in ("database", "directory"):
        cells.run(f"%config MigrateMagics.{setting} = None")
    for line in ("%migrate status", "%migrate", "%query SELECT 1", "%%query\nSELECT 1", "%%check x\nSELECT true"):
        error, said = cells.fail(line)
        assert isinstance(error, Untrusted)
        assert ".env: connects to 0.0.0.0:1 (DATABASE_URL)" in said
        assert f"%migrate trust {project.root}" in said
        assert "Traceback" not in said
        assert "canary" not in said
    trusted = cells.run("%migrate trust")
    assert isinstance(trusted, TrustResult)
    assert trusted.headline() == "The project is trusted; it may do 1 thing."
    assert "since" not in repr(trusted)
    assert list(trusted.to_frame().columns) == ["project", "allowed", "since"]
    assert isinstance(cells.fail("%migrate status")[0], CannotConnect)
    assert cells.run("%migrate trust --list").headline() == "1 project may do 1 thing."
    assert cells.run(f"%migrate trust --revoke {project.root}").headline().startswith("The project is not trusted")
    assert isinstance(cells.fail("%migrate status")[0], Untrusted)
    assert isinstance(cells.fail(f"%migrate trust --list {project.root}")[0], UsageError)


@pytest.mark.usefixtures("config")
def test_the_folder_of_the_notebook_is_the_one_that_is_trusted(cells: Cells, tmp_path: Path) -> None:
    """`%config MigrateMagics.directory` says which project is meant, and no option does."""
    (tmp_path / "other" / "migrations").mkdir(parents=True)
    (tmp_path / "other" / ".env").write_text("DB_HOST=0.0.0.0\nDB_NAME=x\n")
    cells.run(f"%config MigrateMagics.directory = {str(tmp_path / 'other' / 'migrations')!r}")
    assert cells.run("%migrate trust").entries[0].project == str(tmp_path / "other")
    assert isinstance(cells.fail("%migrate trust --database x")[0], UsageError)
