"""`diff A B` compares any two of: the database, the folder's end, another database, a file, a file of a commit."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fsapi_nb import ConfigurationError, DifferenceResult, MigrationFileError, ReplayFailed, UsageError
from fsapi_nb.servers import embedded
from fsapi_nb.servers.scratch import Scratch
from tests.conftest import MakeDatabase, Project
from tests.servers.embedded_servers import INSTALLATIONS
from tests.verbs.on_scratch import scratch_on

ORDERS = "CREATE TABLE orders (id integer PRIMARY KEY, note text);"


@pytest.fixture(autouse=True)
def scratch(server: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scratch]:
    """The tests' server as scratch server; the project's folder is where the commands are typed."""
    monkeypatch.chdir(project.root)
    with scratch_on(server, project, monkeypatch) as found:
        yield found


def summary(found: DifferenceResult) -> list[str]:
    return [f"{found.where(each)}: {each.kind} {each.identity}" for each in found.changes]


def test_the_folder_and_the_database(project: Project) -> None:
    """What is pending is in the folder only."""
    project.write("orders", ORDERS)
    project.migrator().migrate()
    project.write("more", "CREATE TABLE more ();")
    found = project.migrator().diff("folder", "database")
    assert summary(found) == ["only in the folder: table public.more"]
    assert summary(project.migrator().diff("database", "folder")) == ["only in the folder: table public.more"]


def test_a_file_and_a_database(project: Project) -> None:
    """The order is the one that was typed: `-` is the first."""
    (project.root / "schema.sql").write_text(f"{ORDERS}\nCREATE TABLE planned ();\n")
    project.rows(f"{ORDERS} ALTER TABLE orders ADD amount numeric")
    found = project.migrator().diff("schema.sql", "database")
    assert found.headline() == (
        f"2 objects differ between schema.sql and {project.label}: 1 only in schema.sql, 1 different"
    )
    assert "    +    amount numeric" in found.lines()
    assert list(found.to_frame().columns[:5]) == ["difference", "kind", "object", "a", "b"]


def test_two_databases(project: Project, make_database: MakeDatabase) -> None:
    """By their names in the project, or by URLs, which are not shown."""
    with make_database() as other:
        (project.root / "pyproject.toml").write_text(f'[tool.fsapi_nb.databases.stage]\nurl = "{other}"\n')
        project.rows(ORDERS)
        found = project.migrator().diff("database", "stage")
        assert summary(found) == [
            f"only in {project.label}: table public.orders",
            f"only in {project.label}: table constraint orders_pkey on public.orders",
        ]
        assert found.b == "stage"
        by_url = project.migrator().diff("database", other)
        assert summary(by_url) == summary(found)
        assert other not in "\n".join(by_url.lines())


def test_a_file_of_a_commit(project: Project) -> None:
    """It is read by git, without a shell and without anything that the repository names."""
    schema = project.root / "schema.sql"
    schema.write_text(ORDERS)
    _git(project.root, "init", "-q")
    _git(project.root, "add", ".")
    _git(project.root, "commit", "-qm", "one")
    planted = project.root / "planted"
    _git(project.root, "config", "core.fsmonitor", f"touch {planted}")
    _git(project.root, "config", "filter.x.smudge", f"touch {planted}")
    (project.root / ".gitattributes").write_text("*.sql filter=x diff=x\n")
    _git(project.root, "config", "diff.x.textconv", f"touch {planted}")
    schema.write_text(f"{ORDERS} CREATE TABLE new ();")
    assert summary(project.migrator().diff("HEAD:schema.sql", "schema.sql")) == ["only in schema.sql: table public.new"]
    assert not planted.exists()


def test_a_file_of_a_commit_is_the_projects_own(project: Project) -> None:
    """A project in a folder of a repository, whose top has a file of that name as well."""
    top = project.root.parent
    (top / "schema.sql").write_text("CREATE TABLE somebody_elses ();")
    (project.root / "schema.sql").write_text(ORDERS)
    _git(top, "init", "-q")
    _git(top, "add", "schema.sql", f"{project.root.name}/schema.sql")
    _git(top, "commit", "-qm", "x")
    assert summary(project.migrator().diff("HEAD:schema.sql", "schema.sql")) == []


def test_a_name_that_is_a_database_and_a_file_is_asked_about(project: Project) -> None:
    """Neither is guessed."""
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb.databases]\nstage = "postgresql://localhost/stage"\n')
    (project.root / "stage").write_text(ORDERS)
    with pytest.raises(UsageError, match="'stage' is the name of a database and of a file"):
        project.migrator().diff("database", "stage")


def _git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)


@pytest.mark.parametrize(
    ("side", "error", "message"),
    [
        ("nothing.sql", ConfigurationError, "nothing.sql cannot be read: No such file or directory"),
        ("HEAD:nothing.sql", ConfigurationError, "HEAD:nothing.sql cannot be read"),
        ("--upload-pack=x:schema.sql", UsageError, "is not a commit"),
        ("stag", UsageError, "'stag' is neither a database nor a file"),
        ("user:hunter2@host/name", ConfigurationError, "neither a database's name nor a URL"),
    ],
)
def test_what_names_nothing_is_said_in_one_line(
    project: Project, side: str, error: type[Exception], message: str
) -> None:
    """Without a password that was typed."""
    with pytest.raises(error, match=message) as caught:
        project.migrator().diff("database", side)
    assert "hunter2" not in str(caught.value)


def test_a_near_name_is_asked_for(project: Project) -> None:
    """A slip is named."""
    with pytest.raises(UsageError) as caught:
        project.migrator().diff("databse", "folder")
    assert caught.value.hint == "did you mean database?"


def test_a_file_that_does_not_run_is_named(project: Project) -> None:
    """It runs in an empty scratch database."""
    (project.root / "schema.sql").write_text("CREATE TABLE orders (id nothing);")
    with pytest.raises(ReplayFailed, match=r"schema\.sql does not run in an empty scratch database"):
        project.migrator().diff("schema.sql", "database")
    (project.root / "schema.sql").write_bytes(b"CREATE TABLE orders (id \xff);")
    with pytest.raises((UsageError, MigrationFileError)):
        project.migrator().diff("schema.sql", "database")


def test_equal_catalogs_are_said_to_be(project: Project) -> None:
    """With how many objects were compared."""
    project.write("orders", ORDERS)
    (project.root / "schema.sql").write_text(ORDERS)
    found = project.migrator().diff("folder", "schema.sql")
    assert found.lines() == ["No difference between the folder and schema.sql: 4 objects."]


def test_columns_in_another_order_are_a_note(project: Project) -> None:
    """They are no difference."""
    (project.root / "a.sql").write_text("CREATE TABLE t (a integer, b text);")
    (project.root / "b.sql").write_text("CREATE TABLE t (b text, a integer);")
    found = project.migrator().diff("a.sql", "b.sql")
    assert not found.attention
    assert found.lines()[1] == "  ! the same columns in another order, which is not counted: t"


@pytest.mark.parametrize("binaries", INSTALLATIONS, ids=lambda found: found.parent.name)
def test_two_databases_of_different_versions(
    project: Project, binaries: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Their views are read on a copy of the definitions of one, since neither database is written to."""
    version = int(project.value("SELECT current_setting('server_version_num')")) // 10_000
    if embedded.server_version(binaries).split(".")[0] == str(version):
        pytest.skip("the same version")
    views = "CREATE TABLE a (id integer, b text); CREATE VIEW v AS SELECT id, b FROM a WHERE b > '';"
    home = tmp_path_factory.mktemp("other") / ".fsapi_nb"
    other = embedded.attach(home, bin_folder=binaries)
    try:
        project.rows(views)
        with psycopg.connect(other, autocommit=True) as connection:
            connection.execute(views.encode())
        for sides in (("database", other), (other, "database")):
            found = project.migrator().diff(*sides)
            assert (summary(found), found.notes) == ([], ())
        project.rows("CREATE OR REPLACE VIEW v AS SELECT id, b FROM a WHERE b > 'x'")
        assert [each.identity for each in project.migrator().diff("database", other).changes] == ["public.v"]
    finally:
        embedded.destroy(home)
