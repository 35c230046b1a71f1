"""The schema is kept as a file of the project: written by `schema --write` and after runs, checked by `schema --check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsapi_nb import Migrator
from fsapi_nb.cli import main
from fsapi_nb.errors import ConfigurationError, NotUpToDate, StatementFailed
from fsapi_nb.verbs.schema_file import require_same_schema
from tests.conftest import Project

SETTING = '[tool.fsapi_nb]\nschema_file = "schema.sql"\n'
ONE_TABLE = """\
-- The schema of the database, as fsapi_nb writes it.
-- It creates all of it in an empty database. Change it by migrations: this file is overwritten.

SET search_path TO '';
SET check_function_bodies TO off;

CREATE TABLE public.a (
    id integer
);
"""


@pytest.fixture
def kept(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that keeps its schema, with one migration; its database is the one of the environment."""
    monkeypatch.setenv("DATABASE_URL", project.database)
    monkeypatch.chdir(project.root)
    (project.root / "pyproject.toml").write_text(SETTING)
    project.write("a", "CREATE TABLE a (id int);", "DROP TABLE a;")
    return project


def migrator(project: Project) -> Migrator:
    """A migrator of the project's own database: none is given by hand."""
    return Migrator(None, project.folder)


def test_a_run_writes_the_schema(kept: Project) -> None:
    """The file follows migrate and rollback, without the history's own tables; its result says so in one line."""
    file = kept.root / "schema.sql"
    assert migrator(kept).migrate().notes == ("schema.sql is written: 1 object",)
    assert file.read_text() == ONE_TABLE
    kept.write("b", "ALTER TABLE a ADD b text;", "ALTER TABLE a DROP b;")
    assert migrator(kept).migrate().notes == ("schema.sql is written: 2 new lines and 1 line gone",)
    assert migrator(kept).rollback().notes == ("schema.sql is written: 1 new line and 2 lines gone",)
    assert file.read_text() == ONE_TABLE
    assert migrator(kept).redo().notes == ()
    migrator(kept).fresh(yes=True, migrate=False)
    assert file.read_text() == ONE_TABLE.partition("\nCREATE")[0]


def test_a_run_that_fails_half_way_writes_what_it_has_left(kept: Project) -> None:
    """The first migration is committed, so the file has it; the error is the migration's."""
    kept.write("b", "CREATE TABLE b (); SELECT 1 / 0;", "DROP TABLE b;")
    with pytest.raises(StatementFailed):
        migrator(kept).migrate()
    assert (kept.root / "schema.sql").read_text() == ONE_TABLE


def test_write_says_what_has_changed(kept: Project) -> None:
    """Written, written again with the lines that differ, or as it was; what it leaves out is named."""
    kept.rows("CREATE TABLE a (id int)")
    first = migrator(kept).write_schema()
    assert (first.action, first.objects, (kept.root / "schema.sql").read_text()) == ("created", 1, ONE_TABLE)
    assert migrator(kept).write_schema().headline() == f"schema.sql is what {kept.label} has: 1 object."
    kept.rows("COMMENT ON TABLE a IS 'all'; CREATE TABLE child (x int) INHERITS (a); ALTER TABLE a ADD y int")
    again = migrator(kept).write_schema()
    assert again.lines() == [
        f"schema.sql is written: 2 objects of {kept.label}, 7 new lines and 1 line gone.",
        "  ! left out of it: table public.child: a parent has got columns after it: they stand before its own",
        "   CREATE TABLE public.a (",
        "  -    id integer",
        "  +    id integer,",
        "  +    y integer",
        "   );",
        "  +COMMENT ON TABLE public.a IS 'all';",
        "  +",
        "  +CREATE TABLE public.child (",
        "  +    x integer",
        "  +) INHERITS (public.a);",
    ]


def test_check_fails_if_the_file_is_not_what_the_database_has(
    kept: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 3, the lines that differ, and the command that writes it; for CI. It writes nothing."""
    kept.rows("CREATE TABLE a (id int)")
    assert main(["schema", "--check"]) == NotUpToDate.exit_code == 3
    assert f"schema.sql is not there: {kept.label} has 1 object." in capsys.readouterr().err
    assert main(["schema", "--write"]) == 0
    assert main(["schema", "--check"]) == 0
    capsys.readouterr()
    text = ONE_TABLE + "-- mine\n"
    (kept.root / "schema.sql").write_text(text)
    assert main(["schema", "--check"]) == 3
    assert capsys.readouterr().err.splitlines() == [
        f"error: schema.sql is not what {kept.label} has: 1 line gone.",
        " );",
        "--- mine",
        "→ `sapi schema --write` writes it.",
    ]
    assert (kept.root / "schema.sql").read_text() == text


def test_secrets_are_starred_in_what_is_shown(kept: Project) -> None:
    """The file has the true text; of two secrets it is said only that they differ."""
    kept.rows("CREATE TABLE a (id int)")
    migrator(kept).write_schema()
    kept.rows("ALTER TABLE a ADD api_token text DEFAULT 'geheim-1'")
    written = migrator(kept).write_schema()
    assert "+    api_token text DEFAULT '***'::text" in written.differences
    assert "geheim" not in repr(written) + written.html() + str(written.to_json())
    assert "geheim-1" in (kept.root / "schema.sql").read_text()
    kept.rows("ALTER TABLE a ALTER api_token SET DEFAULT 'geheim-2'")
    with pytest.raises(NotUpToDate, match="only secrets or the ends of lines differ"):
        require_same_schema(migrator(kept).check_schema())


def test_without_the_setting_it_says_which_line_to_add(kept: Project) -> None:
    """A run writes nothing then."""
    (kept.root / "pyproject.toml").write_text("[tool.fsapi_nb]\n")
    with pytest.raises(ConfigurationError) as error:
        migrator(kept).write_schema()
    assert 'add schema_file = "schema.sql" below [tool.fsapi_nb] in pyproject.toml' in str(error.value.hint)
    assert migrator(kept).migrate().notes == ()


def test_only_the_projects_own_database_is_kept(kept: Project) -> None:
    """A run on a URL that is given by hand, a scratch database above all, leaves the file alone; so does a protected one."""
    assert kept.migrator().migrate().notes == ()
    assert not (kept.root / "schema.sql").exists()
    url = kept.database.replace("\\", "\\\\").replace('"', '\\"')
    entry = f'[tool.fsapi_nb.databases.live]\nurl = "{url}"\nprotected = true\n'
    (kept.root / "pyproject.toml").write_text(SETTING + entry)
    assert Migrator("live", kept.folder).rollback(yes=True).notes == ()
    assert not (kept.root / "schema.sql").exists()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../out.sql", "is not in the project"),
        ("/tmp/out.sql", "is not in the project"),
        ("link/out.sql", "is behind a link"),
        ("link.sql", "is behind a link"),
        ("migrations/out.sql", "would be a migration"),
        (".git/hooks/out.sql", "is hidden"),
    ],
)
def test_the_file_is_the_projects(kept: Project, tmp_path_factory: pytest.TempPathFactory, path: str, why: str) -> None:
    """No setting leads out of the project, along a link or into what something else reads; a run says so and goes on."""
    outside = tmp_path_factory.mktemp("outside")
    (kept.root / "link").symlink_to(outside)
    (kept.root / "link.sql").symlink_to(outside / "out.sql")
    (kept.root / "pyproject.toml").write_text(SETTING.replace("schema.sql", path))
    with pytest.raises(ConfigurationError, match=why):
        migrator(kept).write_schema()
    (note,) = migrator(kept).migrate().notes
    assert note.startswith(f"{path} was not written: schema_file of [tool.fsapi_nb] {why}")
    assert list(outside.iterdir()) == []


def test_a_file_of_somebody_else_stays(kept: Project) -> None:
    """Only what fsapi_nb has written is overwritten."""
    file = Path(kept.root / "schema.sql")
    file.write_text("CREATE TABLE precious ();\n")
    with pytest.raises(ConfigurationError, match="has text that fsapi_nb did not write"):
        migrator(kept).write_schema()
    assert migrator(kept).migrate().notes == (
        "schema.sql was not written: schema.sql has text that fsapi_nb did not write, and is not overwritten",
    )
    assert file.read_text() == "CREATE TABLE precious ();\n"


def test_a_lock_only_costs_the_file(kept: Project) -> None:
    """A view that another session has locked cannot be read: the run is done, and its result says why there is no file."""
    import psycopg

    kept.rows("CREATE VIEW v AS SELECT 1")
    with psycopg.connect(kept.database) as other:
        other.execute("LOCK TABLE v IN ACCESS EXCLUSIVE MODE")
        assert migrator(kept).migrate().notes == (
            "schema.sql was not written: the schema cannot be looked at now: another session has locked it",
        )
    assert kept.applied() == ["2026_01_01_00_00_a.sql"]


def test_options_that_do_not_go_together(kept: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole schema is written or checked: no name, no kind."""
    assert main(["schema", "--write", "--check"]) == 2
    assert main(["schema", "a", "--write"]) == 2
    assert "--write goes without a name" in capsys.readouterr().err
