"""A database where no schema of the search_path can be used: what reads says so, what writes is refused before it begins."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb import Migrator
from fsapi_nb.cli import main
from fsapi_nb.errors import FsapiError, HistoryError, StatementFailed
from fsapi_nb.history.no_schema import explain, names_of
from fsapi_nb.model.status import State
from tests.conftest import Project

#: How a database comes to it, and why and what to do as it is said then.
WAYS = {
    "dropped": (
        "DROP SCHEMA public",
        'no schema of this session\'s search_path exists ("$user", public)',
        "create one: CREATE SCHEMA public; or work in another schema: --schema NAME.",
    ),
    "elsewhere": (
        'ALTER DATABASE {} SET search_path = nosuch, "We ""ird, x"',
        'no schema of this session\'s search_path exists (nosuch, "We ""ird, x")',
        'create one: CREATE SCHEMA "nosuch"; or work in another schema: --schema NAME.',
    ),
    "empty": (
        "ALTER DATABASE {} SET search_path = ''",
        "this session's search_path is empty",
        'name the schema to work in: --schema public; for the history alone: [tool.fsapi_nb] schema = "public" in pyproject.toml.',
    ),
    "system": (
        "ALTER DATABASE {} SET search_path = pg_catalog, information_schema",
        "this session's search_path names none of a user's schemas (pg_catalog, information_schema)",
        'name the schema to work in: --schema public; for the history alone: [tool.fsapi_nb] schema = "public" in pyproject.toml.',
    ),
}


@pytest.fixture
def two(project: Project) -> Project:
    """A folder of two files."""
    project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    project.write("b", "CREATE TABLE b (i int);", "DROP TABLE b;")
    return project


def name_of(project: Project) -> str:
    return str(project.value("SELECT current_database()"))


@pytest.fixture(params=list(WAYS))
def lost(request: pytest.FixtureRequest, two: Project) -> tuple[Project, str, str]:
    """Such a database, with the reason and the remedy."""
    statement, why, remedy = WAYS[request.param]
    two.rows(statement.format(name_of(two)))
    return two, why, remedy


def test_what_reads_says_that_nothing_is_recorded_and_why(lost: tuple[Project, str, str]) -> None:
    """With everything pending, and what to do before a run, in every form of the result."""
    project, why, remedy = lost
    notes = [f"nothing is recorded here: {why}", f"before a migration can run, {remedy}"]
    migrator = project.migrator()
    status = migrator.status()
    assert [each.state for each in status.statuses] == [State.PENDING, State.PENDING]
    assert status.to_json()["notes"] == notes
    for result in (status, migrator.pending(), migrator.plan(), migrator.plan("fresh"), migrator.history()):
        lines = result.lines()
        assert lines[1:3] == [f"  ! {note}" for note in notes]
        assert "nothing is recorded here" in result.html()
    assert len(migrator.plan().plan.steps) == 2
    assert f"    ! {notes[0]}" in migrator.show("a").lines()
    assert migrator.history().to_json()["notes"] == notes


def test_what_needs_no_history_works_as_in_psql(lost: tuple[Project, str, str]) -> None:
    """A query may make the schema that is missing."""
    project, *_ = lost
    migrator = project.migrator()
    assert migrator.query("SELECT 1 AS one").to_frame()["one"].tolist() == [1]
    assert migrator.check("one", "SELECT true").passed
    assert "no tables" in str(migrator.diagram())
    assert "Nobody waits" in str(migrator.blockers())
    assert migrator.facts().identity.database == name_of(project)
    migrator.query("CREATE SCHEMA app; CREATE TABLE app.t (i int)")
    assert project.has("app.t")
    assert len(project.migrator(schema="app").migrate().done) == 2


def test_what_writes_is_refused_before_anything_runs(lost: tuple[Project, str, str]) -> None:
    """By every verb, with the reason, the state and what to do."""
    project, why, remedy = lost
    migrator = project.migrator()
    verbs: list[Callable[[], object]] = [
        migrator.migrate,
        migrator.rollback,
        migrator.redo,
        lambda: migrator.fresh(yes=True),
        lambda: migrator.fresh(yes=True, migrate=False),
        lambda: migrator.baseline("b"),
        lambda: migrator.repair("a"),
        lambda: migrator.resolve("a", done=True),
        lambda: migrator.retire(missing=True),
        lambda: migrator.rename("a", "b"),
    ]
    for verb in verbs:
        with pytest.raises(HistoryError) as caught:
            verb()
        assert str(caught.value).splitlines() == [
            why,
            "  The history of the migrations needs a schema.",
            "Database: unchanged.",
            f"→ {remedy}",
        ]
    assert project.rows("SELECT relname FROM pg_class WHERE relname IN ('a', 'b') OR relname ~ '^migrations'") == []


def test_a_cell_writes_its_file_with_the_notes_and_is_refused_with_apply(lost: tuple[Project, str, str]) -> None:
    """The file of what was refused is not written."""
    project, why, _ = lost
    result = project.migrator().write("c", "-- UP\nCREATE TABLE c (i int);\n")
    assert f"nothing is recorded here: {why}" in str(result)
    with pytest.raises(HistoryError, match="The cell's file was not written"):
        project.migrator().write("d", "-- UP\nCREATE TABLE d (i int);\n", apply=True)
    assert not list(project.folder.glob("*_d.sql"))


def test_a_check_in_ci_fails_and_says_why(two: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 3, as with everything that is pending; a run fails with 1."""
    two.rows("DROP SCHEMA public")
    place = ["--database", two.database, "--dir", str(two.folder)]
    for verb in ("status", "pending", "plan"):
        assert main([f"migrate:{verb}", "--check", *place]) == 3
        assert "nothing is recorded here" in capsys.readouterr().err
    assert main(["migrate:status", "--json", *place]) == 0
    assert "nothing is recorded here" in json.loads(capsys.readouterr().out)["notes"][0]
    assert main(["migrate", *place]) == 1


def test_the_command_that_is_named_goes_on(two: Project) -> None:
    """Once the schema is there, everything runs in it."""
    two.rows("DROP SCHEMA public")
    two.migrator().query("CREATE SCHEMA public")
    assert len(two.migrator().migrate().done) == 2
    assert len(two.applied()) == 2


@pytest.mark.parametrize(
    ("path", "up"),
    [
        ('"$user", public', "CREATE SCHEMA public;"),
        ("app", "CREATE SCHEMA app; CREATE TABLE t (i int);"),
        ("App", "SELECT 1;\nCREATE SCHEMA app;"),
    ],
)
def test_a_file_that_makes_the_schema_itself_gets_a_history_elsewhere(project: Project, path: str, up: str) -> None:
    """To create it first would only make the file fail; the way that is named goes through, there and back."""
    project.rows("DROP SCHEMA public")
    address = make_conninfo(project.database, options="-c search_path=" + path.replace(" ", ""))
    name = project.write("home", up, "SELECT 1;")
    with pytest.raises(HistoryError) as caught:
        project.migrator(database=address).migrate()
    assert (caught.value.hint or "").startswith(f"give the history a schema of its own, as {name} makes the schema ")
    project.rows("CREATE SCHEMA fsapi_history")
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nschema = "fsapi_history"\n')
    assert len(project.migrator(database=address).migrate().done) == 1
    assert project.value("SELECT count(*) FROM fsapi_history.migrations") == 1


def test_a_file_that_makes_it_if_it_is_not_there_is_content_with_one_that_is_there(project: Project) -> None:
    """Then the schema can simply be created."""
    project.rows("DROP SCHEMA public")
    project.write("home", "CREATE SCHEMA IF NOT EXISTS public;")
    with pytest.raises(HistoryError, match="create one: CREATE SCHEMA public;"):
        project.migrator().migrate()
    project.rows("CREATE SCHEMA public")
    assert len(project.migrator().migrate().done) == 1


@pytest.fixture
def guest(two: Project) -> Iterator[str]:
    """The address of a role that may use no schema of the search_path."""
    role = f"guest_{name_of(two)}"
    two.rows(f"CREATE SCHEMA app; CREATE ROLE {role}; REVOKE ALL ON SCHEMA public FROM PUBLIC")
    yield make_conninfo(two.database, options=f"-c role={role}")
    two.rows(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_schemas_that_the_role_may_not_use_are_named_with_the_grant(two: Project, guest: str) -> None:
    """They exist: to create them would not help."""
    role = f"guest_{name_of(two)}"
    with pytest.raises(HistoryError) as caught:
        two.migrator(database=guest).migrate()
    assert str(caught.value).splitlines() == [
        f"the role '{role}' may use no schema of this session's search_path (\"$user\", public)",
        "  The history of the migrations needs a schema.",
        "Database: unchanged.",
        f'→ let the owner run: GRANT USAGE, CREATE ON SCHEMA public TO "{role}"; or work in another schema: --schema NAME.',
    ]
    assert [each.state for each in two.migrator(database=guest).status().statuses] == [State.PENDING] * 2
    two.rows(f'GRANT USAGE, CREATE ON SCHEMA public TO "{role}"')
    assert len(two.migrator(database=guest).migrate().done) == 2


def test_a_query_needs_no_right_to_see_the_history(two: Project, guest: str) -> None:
    """What reads the history is refused, as it may hold something; a query is not."""
    two.migrator().migrate()
    with pytest.raises(HistoryError, match=r"whose history public\.migrations"):
        two.migrator(database=guest).status()
    assert two.migrator(database=guest).query("SELECT 7 AS n").to_frame()["n"].tolist() == [7]
    assert "Nobody waits" in str(two.migrator(database=guest).blockers())


def test_a_query_may_make_the_schema_that_the_project_names_for_its_history(two: Project) -> None:
    """What needs the history says the command; a query runs it."""
    (two.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nschema = "hist"\n')
    for verb in (two.migrator().status, two.migrator().migrate, two.migrator().history):
        with pytest.raises(HistoryError, match="there is no schema 'hist'"):
            verb()
    two.migrator().query("CREATE SCHEMA hist")
    assert len(two.migrator().migrate().done) == 2
    assert two.value("SELECT count(*) FROM hist.migrations") == 2


@pytest.mark.parametrize(("path", "home"), [("pg_catalog,app", "app"), ("pg_temp,public", "public")])
def test_a_schema_of_postgresqls_own_before_a_users_is_passed_over(two: Project, path: str, home: str) -> None:
    """The history is made in the first that is a user's."""
    two.rows("CREATE SCHEMA app")
    two.migrator(database=make_conninfo(two.database, options=f"-c search_path={path}")).baseline("b")
    assert two.value(f"SELECT count(*) FROM {home}.migrations") == 2


def test_who_follows_the_database_sees_the_schema_once_it_is_there(two: Project) -> None:
    """Without an error before."""
    two.rows("DROP SCHEMA public")
    told: list[FsapiError | None] = []
    stopped, first = threading.Event(), threading.Event()

    def changed(error: FsapiError | None) -> None:
        told.append(error)
        if len(told) > 1:
            stopped.set()
        elif not first.is_set():
            first.set()
            two.rows("CREATE SCHEMA public")
            two.migrator().migrate()

    two.migrator().follow(changed, stopped)
    assert told == [None, None]


# -- a history that went with its schema -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "up",
    ["DROP SCHEMA public CASCADE;", "-- fsapi: transaction=off\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public;"],
)
def test_a_script_that_drops_the_historys_schema_is_undone(two: Project, up: str) -> None:
    """What was recorded stays, and the next run says the same."""
    two.write("drop", up)
    for applied in (2, 0):
        with pytest.raises(StatementFailed, match="while the history was written") as caught:
            two.migrator().migrate()
        assert "left nothing behind" in (caught.value.state or "")
        assert len(caught.value.applied) == applied
        assert len(two.applied()) == 2


def test_one_that_commits_that_by_itself_is_told_as_what_it_is(two: Project) -> None:
    """The history is gone: neither this run nor a later one says that it would go on."""
    name = two.write("drop", "-- fsapi: transaction=off\nDO $$ BEGIN DROP SCHEMA public CASCADE; COMMIT; END $$;")
    with pytest.raises(StatementFailed) as caught:
        two.migrator().migrate()
    assert (caught.value.state or "").startswith(
        "step 1 of 1 was run; a table of the history is gone with it, and what was recorded there: "
        "the next run takes it for not applied."
    )
    assert name in (caught.value.hint or "")
    status = two.migrator().status()
    assert [each.state for each in status.statuses] == [State.PENDING] * 3
    assert status.notes[0].startswith("nothing is recorded here")
    two.rows("CREATE SCHEMA public")
    two.migrator().baseline(name)
    assert not two.migrator().status().attention


# -- the reason, from what is known ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ('"$user", public', ["$user", "public"]),
        ("", []),
        ('""', []),
        ('App,"App" , "a""b, c"', ["app", "App", 'a"b, c']),
    ],
)
def test_a_search_path_is_read_as_postgresql_reads_it(setting: str, names: list[str]) -> None:
    """With quotes, commas in them, and letters that are folded."""
    assert names_of(setting) == names


def test_the_schema_to_create_is_one_that_is_not_the_roles_own_if_another_is_named() -> None:
    """And one that exists, but is closed, comes first: it needs a grant."""
    assert explain("", ["joe", "app", "public"], set(), "joe").name == "app"
    assert explain("", ["joe"], set(), "joe").name == "joe"
    closed = explain("", ["app", "public"], {"public"}, "joe")
    assert (closed.name, closed.is_missing) == ("public", False)
    assert "CREATE SCHEMA public; and then --schema public" in explain("", [], set(), "joe").remedy


def test_a_folder_without_a_file_says_that_first(tmp_path: Path, database: str) -> None:
    """Both are true of it."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    migrator = Migrator(database, folder)
    migrator.query("DROP SCHEMA public")
    assert migrator.status().lines()[0].startswith("No migration files in")
    assert "nothing is recorded here" in migrator.status().lines()[1]
    with pytest.raises(HistoryError, match="no schema of this session") as caught:
        migrator.migrate()
    assert f"  There are no migration files in {folder}." in caught.value.details
