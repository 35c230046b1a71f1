"""The example project: every pattern of the format applies, rolls back one at a time, and applies again, equal."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from fsapi_nb.servers import embedded
from tests.conftest import ROOT, Project

MIGRATIONS = ROOT / "migrations"


@pytest.fixture
def example(project: Project) -> Project:
    """The example project's migrations, on a fresh database."""
    shutil.copytree(MIGRATIONS, project.folder, dirs_exist_ok=True)
    return project


@pytest.fixture(scope="session")
def pg_dump(request: pytest.FixtureRequest) -> Path:
    """The dump program of the server that is used: one of another version cannot be compared."""
    binaries = request.config.getoption("--postgres-bin")
    if request.config.getoption("--postgres-url"):
        found = shutil.which("pg_dump")
        assert found, "pg_dump is needed beside --postgres-url"
        return Path(found)
    folder = Path(binaries) if binaries else embedded.default_bin_folder()
    return folder / "pg_dump"


def dump(pg_dump: Path, project: Project) -> str:
    """The schema as pg_dump writes it, without our tables and the random keys of newer versions."""
    parts = conninfo_to_dict(project.database)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE", "password": "PGPASSWORD"}
    environment = os.environ | {names[key]: str(value) for key, value in parts.items() if key in names and value}
    command = [str(pg_dump), "--schema-only", "--exclude-table=public.migrations*"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return re.sub(r"\\(un)?restrict .*", "", done.stdout)


def test_up_down_one_at_a_time_and_up_again_gives_the_same_schema(example: Project, pg_dump: Path) -> None:
    """After every rollback of the last ones, applying them again gives what was there."""
    empty = dump(pg_dump, example)
    migrator = example.migrator()
    names = [done.name for done in migrator.migrate().done]
    assert names == sorted(path.name for path in MIGRATIONS.glob("*.sql"))
    full = dump(pg_dump, example)
    for name in reversed(names):
        assert [done.name for done in migrator.rollback().done] == [name]
    assert dump(pg_dump, example) == empty
    migrator.migrate()
    assert dump(pg_dump, example) == full


@pytest.mark.parametrize("count", [1, 2, 5, 11, 19])
def test_the_last_ones_can_be_rolled_back_and_applied_again(example: Project, pg_dump: Path, count: int) -> None:
    """From any point of the history."""
    migrator = example.migrator()
    migrator.migrate()
    full = dump(pg_dump, example)
    migrator.rollback(count)
    migrator.migrate()
    assert dump(pg_dump, example) == full


def test_each_is_redone_as_the_last(example: Project) -> None:
    """Down and up again at its own place in the history."""
    migrator = example.migrator()
    for _ in sorted(MIGRATIONS.glob("*.sql")):
        migrator.migrate(count=1)
        migrator.redo()
    assert len(example.applied()) == len(list(MIGRATIONS.glob("*.sql")))


def test_seeds_know_their_environment(example: Project) -> None:
    """`--set env=dev` reaches the seed that asks for it."""
    example.migrator().migrate()
    without = example.value("SELECT count(*) FROM posts")
    example.migrator(settings={"env": "dev"}).fresh(yes=True)
    assert example.value("SELECT count(*) FROM posts") > without


def test_every_documented_pattern_has_a_file() -> None:
    """The patterns that fsapi users have, by what they hold."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(MIGRATIONS.glob("*.sql")))
    patterns = [
        "CREATE TABLE companies",
        "chk_no_self_grant",
        "update_modified_timestamp",
        "SET full_name = CONCAT",
        "price_new",
        "user_profiles",
        "current_database() =",
        "WHERE NOT EXISTS",
        "mark as deprecated",
        "search_vector",
        "CREATE INDEX CONCURRENTLY",
        "PARTITION BY RANGE",
        "FROM stdin",
        "ADD VALUE",
        "BEGIN ATOMIC",
        "GENERATED ALWAYS",
        "MATERIALIZED VIEW",
        "fsapi.env",
    ]
    assert [pattern for pattern in patterns if pattern not in text] == []
