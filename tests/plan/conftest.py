"""The example project's migrations, for tests of plans."""

from __future__ import annotations

import pytest

from fsapi_nb.folder.read import read_folder
from fsapi_nb.model.migration import Migration
from tests.conftest import ROOT


@pytest.fixture(scope="session")
def examples() -> list[Migration]:
    """The migrations of `migrations/`, which show every pattern of the format."""
    folder = read_folder(ROOT / "migrations")
    migrations = [migration for name in folder.names if (migration := folder.get(name))]
    assert 0 < len(migrations) == len(folder.names)
    return migrations
