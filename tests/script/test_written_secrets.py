"""A secret that is written in a migration: starred wherever it is shown or kept, named in the plan, and avoidable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fsapi_nb import cli
from fsapi_nb.errors import Irreversible, StatementFailed
from fsapi_nb.postgres.wait import StoppableConnection
from tests.conftest import Project

SECRET = "hunter2"
WRITTEN = [
    f"SELECT set_config('app.jwt_secret', '{SECRET}', true);",
    f"DO $$ DECLARE api_key text := '{SECRET}'; BEGIN PERFORM api_key; END $$;",
    f"DO $$ BEGIN PERFORM format('x password %L', '{SECRET}'); END $$;",
    f"CREATE TABLE seen (token text DEFAULT '{SECRET}');",
    f"-- password: {SECRET}\nSELECT 1;",
    f"SELECT jsonb_build_object('client_secret', '{SECRET}');",
]


def _kept(project: Project) -> str:
    tables = ("migrations_journal", "migrations_scripts", "migrations")
    return "".join(str(project.rows(f"SELECT t::text FROM {table} t")) for table in tables)


@pytest.mark.parametrize("up", WRITTEN)
def test_a_written_secret_is_in_no_output_and_in_no_table(
    project: Project, up: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of a migration that is applied, shown, and one that fails."""
    name = project.write("one", up, up.replace("CREATE TABLE seen", "CREATE TABLE other"))
    project.write("two", f"SELECT 1;\n{up.replace('seen', 'again')}\nSELECT nothing;")
    named = ["--database", project.database, "--dir", str(project.folder)]
    codes = [
        cli.main([*verb.split(), *named])
        for verb in (
            "migrate:plan",
            "migrate",
            f"migrate:show {name}",
            "migrate:status --json",
            "migrate:history --json",
        )
    ]
    assert codes == [0, 1, 0, 0, 0]
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err
    assert SECRET not in _kept(project)


def test_the_plan_names_the_line_and_the_way_without(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """For each file that is to run; how often, and the command as it can be pasted."""
    project.write("plain", "CREATE TABLE plain (token text, password_hash text);")
    name = project.write(
        "bad",
        f"SELECT 1;\nSELECT set_config('app.api_key', '{SECRET}', true);\n-- password: {SECRET}",
        "SELECT 2;",
    )
    (note,) = project.migrator().plan().plan.notes
    assert f"a secret is written in {name}, line 3, and 1 more, " in note
    assert cli.main(["migrate:plan", "--database", project.database, "--dir", str(project.folder)]) == 0
    assert "`sapi migrate --set NAME`" in " ".join(capfd.readouterr().out.split())
    project.migrator().migrate()
    (note,) = (each for each in project.migrator().plan("redo").plan.notes if "secret" in each)
    assert name in note


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT set_config('app.api_key', '{SECRET}', true);",
        f"DELETE FROM users WHERE password = '{SECRET}';",
        f"DELETE FROM users WHERE token IN (md5('{SECRET}'));",
        f"INSERT INTO users (name, token) VALUES ('a', '{SECRET}');",
        f"COPY users (name, token) FROM stdin;\na\t{SECRET}\n\\.\n",
        f"SET app.secret TO {SECRET};",
    ],
)
@pytest.mark.parametrize("edited", [False, True])
def test_a_down_whose_secret_is_starred_is_not_run_without_its_file(
    project: Project, statement: str, edited: bool
) -> None:
    """The stars would be the password. It says so, and where the file is; with that file the DOWN runs as it was written."""
    up = "CREATE TABLE users (name text, password text, token text);"
    name = project.write("one", up, f"{statement}\nALTER TABLE users RENAME TO old;")
    text = (project.folder / name).read_text()
    project.migrator().migrate()
    (project.folder / name).write_text(text.replace("text, token", "varchar, token"))
    if not edited:
        (project.folder / name).unlink()
    for verb in (project.migrator().rollback, lambda: project.migrator().plan("rollback")):
        with pytest.raises(Irreversible) as caught:
            verb()
        said = " ".join(caught.value.lines())
        assert (
            f"holds *** in place of a secret, so it is not run, and its file {'was edited' if edited else 'is gone'}"
            in said
        )
        assert f"git log --all -- '*{name}'" in said
        assert SECRET not in said
    assert project.has("users")
    (project.folder / name).write_text(text)
    project.migrator().rollback()
    assert project.has("old")


def test_a_down_with_a_starred_comment_runs_without_its_file(project: Project) -> None:
    """What runs is whole. An option above it still counts."""
    down = f"-- fsapi: lock_timeout=3s\n-- password: {SECRET}\nDROP TABLE one; /* api_key = '{SECRET}' */"
    name = project.write("one", "CREATE TABLE one (i int);", down)
    project.migrator().migrate()
    assert SECRET not in _kept(project)
    (project.folder / name).unlink()
    project.migrator().rollback()
    assert not project.has("one")


def test_a_secret_of_the_environment_is_typed_and_stored_nowhere(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`--set NAME` takes it by its name, in small letters or capitals; a plan that uses it has no warning."""
    up = (
        "DO $$ BEGIN EXECUTE format('CREATE TABLE used AS SELECT %L = %L AS same', "
        "current_setting('fsapi.app_password'), '7' || '7'); END $$;"
    )
    project.write("one", up)
    named = ["--database", project.database, "--dir", str(project.folder), "--set", "app_password"]
    assert project.migrator().plan().plan.notes == ()
    assert cli.main(["migrate", *named]) == 2
    assert "neither app_password nor APP_PASSWORD" in capfd.readouterr().err
    monkeypatch.setenv("APP_PASSWORD", SECRET)
    assert cli.main(["migrate", *named]) == 0
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err + _kept(project)
    assert project.has("used")


def test_a_value_that_is_set_is_in_the_text_of_no_statement(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Other sessions see the texts (`pg_stat_activity`), and the server logs that of a statement which fails."""
    connect = StoppableConnection.connect
    with (tmp_path / "trace").open("w") as trace:

        def connected(*arguments: Any, **options: Any) -> Any:
            connection = connect(*arguments, **options)
            connection.pgconn.trace(trace.fileno())
            return connection

        monkeypatch.setattr(StoppableConnection, "connect", connected)
        for count in range(3):
            project.write(f"t{count}", f"CREATE TABLE t{count} ();\nDO $$ BEGIN END $$;", f"DROP TABLE t{count};")
        project.write("i", "CREATE INDEX CONCURRENTLY ON t0 ((1));\nSELECT 1;", "DROP TABLE IF EXISTS t0;")
        migrator = project.migrator(settings={"app_password": SECRET})
        migrator.migrate()
        migrator.rollback(2)
        migrator.query("SELECT current_setting('fsapi.app_password')")
    sent = [line.split("\t") for line in (tmp_path / "trace").read_text().splitlines()]
    texts = [line for line in sent if len(line) > 3 and line[3] in {"Query", "Parse"}]
    assert len(texts) > 10
    assert not [line for line in texts if SECRET in str(line)]
    assert [line for line in sent if SECRET in str(line)], "it is sent"


def test_a_setting_that_is_misspelt_is_not_quoted(capfd: pytest.CaptureFixture[str]) -> None:
    """Its value may be a secret."""
    assert cli.main(["migrate", "--set", f"app-password={SECRET}"]) == 2
    assert SECRET not in capfd.readouterr().err


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT current_setting('fsapi.app_password')::int;",
        (
            "CREATE TABLE used (name text PRIMARY KEY, n int NOT NULL);\n"
            "INSERT INTO used VALUES (current_setting('fsapi.app_password'));"
        ),
        "DO $$ BEGIN RAISE NOTICE 'it is %', current_setting('fsapi.app_password'); PERFORM 1 / 0; END $$;",
        "DO $$ BEGIN EXECUTE format('SELECT %I', current_setting('fsapi.app_password')); END $$;",
        "DO $$ BEGIN RAISE 'no' USING hint = current_setting('fsapi.app_password'); END $$;",
    ],
)
def test_a_secret_of_the_environment_is_in_nothing_that_the_server_says(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], statement: str
) -> None:
    """Its messages quote values: the error, its detail, hint and context, and notices. The journal keeps the message."""
    project.write("one", statement)
    monkeypatch.setenv("APP_PASSWORD", SECRET)
    named = ["--database", project.database, "--dir", str(project.folder), "--set", "app_password"]
    assert cli.main(["migrate", *named, "--json"]) == 1
    assert cli.main(["migrate", *named]) == 1
    printed = capfd.readouterr()
    assert "***" in printed.err
    assert SECRET not in printed.out + printed.err + _kept(project)


def test_what_a_setting_that_is_no_secret_holds_is_shown(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """A message without its values is hard to understand."""
    project.write("one", "SELECT current_setting('fsapi.region')::int;")
    named = ["--database", project.database, "--dir", str(project.folder), "--set", "region=northwest"]
    assert cli.main(["migrate", *named]) == 1
    assert 'integer: "northwest"' in capfd.readouterr().err


def _fails(project: Project, capfd: pytest.CaptureFixture[str], *options: str) -> str:
    """What the terminal shows of a run that fails, as text and as JSON."""
    named = ["--database", project.database, "--dir", str(project.folder), *options]
    assert cli.main(["migrate", *named, "--json"]) == 1
    assert cli.main(["migrate", *named]) == 1
    printed = capfd.readouterr()
    return printed.out + printed.err


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO users (id, password) VALUES (1, '{SECRET}');",
        f"INSERT INTO users (id, token) SELECT 1, 'hun' || 'ter2{SECRET}' FROM generate_series(1, 2);",
        f"COPY users (id, password) FROM stdin;\n1\t{SECRET}\n\\.\n",
        f"COPY users (id, token, n) FROM stdin;\n1\t{SECRET}\n\\.\n",
        f"SELECT '{SECRET}'::text::int AS password;",
        f"DO $$ BEGIN INSERT INTO users (id, password) VALUES (1, '{SECRET}'); END $$;",
        f"DO $$ DECLARE api_key text := '{SECRET}'; BEGIN RAISE 'the key % is wrong', api_key; END $$;",
        f"INSERT INTO tokens (token) VALUES ('{SECRET}'), ('{SECRET}');",
        f"INSERT INTO codes (token) VALUES ('{SECRET}');",
    ],
)
def test_a_written_secret_is_in_no_error_of_its_script(
    project: Project, capfd: pytest.CaptureFixture[str], statement: str
) -> None:
    """The server quotes it: the failing row, the key that is there, the line of a COPY, the value of a conversion."""
    project.write(
        "tables",
        "CREATE TABLE users (id int, password text, token text, n int NOT NULL CHECK (n > 0));\n"
        "CREATE TABLE tokens (token text PRIMARY KEY);\nCREATE TABLE codes (token text CHECK (token = 'none'));",
    )
    project.write("fails", statement)
    assert SECRET not in _fails(project, capfd)
    assert SECRET not in _kept(project)


def test_rows_of_others_are_not_kept_in_the_journal(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """They are shown where somebody can act on them, and belong to users: what is stored names the column's type."""
    project.rows("CREATE TABLE people (born text); INSERT INTO people VALUES ('Ada Lovelace')")
    project.write("fails", "ALTER TABLE people ALTER born TYPE date USING born::date;")
    assert '"Ada Lovelace"' in _fails(project, capfd)
    kept = _kept(project)
    assert 'type date: ""***""' in kept
    assert "Ada" not in kept


def test_a_secret_of_the_environment_is_in_no_row_of_a_check(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its rows are shown if it does not hold; what else they hold stays."""
    monkeypatch.setenv("APP_PASSWORD", SECRET)
    project.write(
        "one",
        "CREATE TABLE kept AS SELECT 7 AS id, current_setting('fsapi.app_password') AS p;\n\n"
        "-- CHECK: nobody keeps it\nSELECT id, p, jsonb_build_object('at', p) FROM kept;",
    )
    shown = _fails(project, capfd, "--set", "app_password")
    assert SECRET not in shown + _kept(project)
    assert "***" in shown


def test_a_parameter_that_is_used_as_a_secret_is_in_no_error(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    """By the column that the query puts it into, or compares it with; any other value is shown."""
    query = ["query", "--database", project.database]
    assert cli.main([*query, "SELECT 1 AS n WHERE $1::int = 1", "--param", "northwest"]) == 1
    assert '"northwest"' in capfd.readouterr().err
    assert cli.main([*query, "SELECT $1::int AS password, $2::text", "--param", SECRET, "--param", "x"]) == 1
    assert cli.main([*query, "SELECT 1 FROM (SELECT 1 AS token) t WHERE token = $1::int", "--param", SECRET]) == 1
    printed = capfd.readouterr()
    assert SECRET not in printed.out + printed.err


def test_a_redo_does_not_go_on_without_its_starred_down(project: Project) -> None:
    """It was cut off in the DOWN, and the file was edited since: its UP would run over what is still there."""
    up = "CREATE TABLE one (i int); CREATE INDEX i ON one (i);"
    down = f"SELECT set_config('app.api_key', '{SECRET}', false);\nDROP INDEX CONCURRENTLY i;\nDROP TABLE nothing;"
    name = project.write("one", up, down)
    project.migrator().migrate()
    with pytest.raises(StatementFailed):
        project.migrator().redo()
    text = (project.folder / name).read_text()
    (project.folder / name).write_text(text.replace("(i int)", "(i bigint)").replace("TABLE nothing", "TABLE one"))
    with pytest.raises(Irreversible, match="1 migration is irreversible"):
        project.migrator().redo()
    assert project.has("one")


def test_a_step_s_text_in_the_journal_has_no_secret(project: Project) -> None:
    """Nor by the columns of a table that another step of the same file creates."""
    project.write(
        "one",
        "CREATE TABLE users (id int, password text);\nCREATE INDEX CONCURRENTLY i ON users (id);\n"
        f"INSERT INTO users VALUES (1, '{SECRET}');\nCREATE INDEX CONCURRENTLY p ON users (password);",
    )
    project.migrator().migrate()
    assert project.rows("SELECT password FROM users") == [(SECRET,)]
    assert SECRET not in _kept(project)
    (step,) = project.rows("SELECT script FROM migrations_journal WHERE script LIKE 'INSERT%'")
    assert step[0].startswith("INSERT INTO users VALUES (1, '***')")


@pytest.mark.parametrize("empty", ["'{}'", "'[]'", "'{ }'::jsonb"])
def test_empty_json_is_not_a_secret(project: Project, empty: str) -> None:
    """A column for tokens may begin with no token: nothing is starred, and the stored DOWN can run."""
    name = project.write(
        "tokens",
        f"CREATE TABLE t (session_token jsonb DEFAULT {empty}, api_key text DEFAULT '');",
        f"ALTER TABLE t ALTER COLUMN session_token SET DEFAULT {empty};\nDROP TABLE t;",
    )
    assert project.migrator().migrate().notes == ()
    (project.folder / name).unlink()
    project.migrator().rollback()
    assert project.applied() == []
