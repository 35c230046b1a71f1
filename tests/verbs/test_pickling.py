"""What verbs return and events hold travels to another process; a Migrator travels without a password."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator, events
from fsapi_nb.errors import ConfigurationError, FsapiError, StatementFailed, UsageError
from fsapi_nb.events import Event
from fsapi_nb.views import results
from fsapi_nb.views.results.base import Result
from tests.conftest import Project

SECRET = "s3cret-and-longer"


def again(value: Any) -> Any:
    """The value after its journey."""
    return pickle.loads(pickle.dumps(value))


def test_every_result_travels(project: Project) -> None:
    """Each type of result, with what is pending, half of a pair, faulty and irreversible in it."""
    migrator = project.migrator()
    applied = project.write("a", "CREATE TABLE a (id int); CREATE INDEX CONCURRENTLY i ON a (id);", "DROP TABLE a;")
    project.write_text(
        "2026_01_01_00_09_data.sql",
        "-- UP\nCREATE TABLE c (id int);\nCOPY c FROM stdin;\n1\n\\.\n-- DOWN\nDROP TABLE c;",
    )
    project.write("checked", "SELECT 1;\n-- CHECK: one\nSELECT true;", "SELECT 2;")
    found = [
        migrator.plan(),
        migrator.status(),
        migrator.pending(),
        migrator.show(applied),
        migrator.migrate(),
        migrator.rollback(),
        migrator.status(),
        migrator.show(applied),
        migrator.history(),
        migrator.redo(yes=True),
        migrator.migrate(),
        migrator.repair(applied),
        migrator.plan("rollback", everything=True),
        migrator.plan("fresh"),
        migrator.blockers(),
        migrator.diagram(),
        migrator.query("SELECT 1, 'a'::text"),
        migrator.explain("SELECT 1"),
        migrator.check("one", "SELECT true"),
        migrator.write("cell", "CREATE TABLE d (id int);"),
        migrator.baseline("cell"),
        migrator.make("next"),
    ]
    project.write_text("2026_01_01_00_10_x.up.sql", "SELECT 1;")
    found.append(migrator.status())
    for result in found:
        other = again(result)
        assert (type(other), str(other), other.to_json()) == (type(result), str(result), result.to_json())
    every = {each for each in vars(results).values() if isinstance(each, type) and issubclass(each, Result)}
    assert every - {Result} <= {type(result) for result in found}


def test_every_event_travels(project: Project) -> None:
    """And what they hold is as good as before: a plan that has travelled is the plan that runs."""
    heard: list[Event] = []
    project.write("a", "CREATE TABLE a (id int);\nDO $$ BEGIN RAISE NOTICE 'hi'; END $$;")
    project.write("b", "CREATE INDEX CONCURRENTLY i ON a (id);")
    broken = project.write("c", "SELECT nope;")
    migrator = project.migrator(observers=[heard.append])
    planned = again(migrator.plan().plan)
    with pytest.raises(StatementFailed):
        migrator.migrate(planned=planned)
    (project.folder / broken).unlink()
    migrator.migrate()
    project.write("d", "CREATE TABLE d (id int);")
    migrator.migrate()
    heard += [
        events.LockAwaited("somebody"),
        events.StepRetried(planned.steps[0], 0, 1, 0.5, "a lock"),
        events.StatementWatched("a", planned.steps[0].parts[0].statements[0], 1.0),
    ]
    for event in heard:
        if not isinstance(event, events.RunFailed):
            assert again(event) == event
    assert {type(event) for event in heard} == set(get_args(Event))


def test_every_error_travels(project: Project) -> None:
    """With its attributes."""
    project.write("a", "SELECT nope;", "also nope")
    migrator = project.migrator()
    caught: list[FsapiError] = []
    for verb in (
        migrator.migrate,
        migrator.rollback,
        lambda: migrator.show("x"),
        lambda: migrator.query("SELECT nope"),
    ):
        with pytest.raises(FsapiError) as raised:
            verb()
        caught.append(raised.value)
    for error in caught:
        assert (str(again(error)), again(error).to_json()) == (str(error), error.to_json())


def test_a_migrator_travels_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str) -> None:
    """Its database is looked up again, so that no password is in the bytes."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "2026_01_01_00_00_a.sql").write_text("-- UP\nCREATE TABLE a (id int);\n")
    (tmp_path / "pyproject.toml").write_text('[tool.fsapi_nb.databases.shop]\nurl_env = "SHOP"\n')
    monkeypatch.setenv("SHOP", make_conninfo(database, password=SECRET))
    monkeypatch.chdir(tmp_path)
    shipped = pickle.dumps(Migrator("shop", settings={"env": "dev"}, application="worker"))
    assert SECRET.encode() not in shipped
    (tmp_path / "shipped").write_bytes(shipped)
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).migrate())"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "shipped")],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=dict(os.environ),
    )
    assert done.stdout.startswith("Applied 1 migration"), done.stderr


def test_a_migrator_of_a_url_with_a_password_does_not_travel(tmp_path: Path) -> None:
    """The error says what to do instead, and does not show it."""
    migrator = Migrator(f"postgresql://app:{SECRET}@db/shop", tmp_path)
    with pytest.raises(UsageError, match=r"~/\.pgpass") as caught:
        pickle.dumps(migrator)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(vars(migrator))
    assert again(Migrator("postgresql://app@db/shop", tmp_path)).directory == tmp_path


def test_a_migrator_does_not_arrive_at_another_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a worker may differ; then nothing is changed there."""
    monkeypatch.setenv("DATABASE_URL", f"postgresql://app:{SECRET}@db/shop")
    shipped = pickle.dumps(Migrator(directory=tmp_path))
    assert SECRET.encode() not in shipped
    pickle.loads(shipped)
    monkeypatch.setenv("DATABASE_URL", "postgresql://app@db/other")
    with pytest.raises(ConfigurationError, match="another database"):
        pickle.loads(shipped)
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(ConfigurationError, match="another database"):
        pickle.loads(shipped)
