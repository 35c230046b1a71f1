"""The fixtures of the plugin, as a team's tests see them, on a real server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb.project.url import as_url
from fsapi_nb.testing.databases import open_databases
from tests.servers.embedded_servers import SYSTEM
from tests.testing.conftest import Team

pytest_plugins = ["pytester"]

COUNT = """
import psycopg

def count(database):
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO users VALUES (1)")
        return connection.execute("SELECT count(*) FROM users").fetchone()[0]
"""
USERS = ("users", "CREATE TABLE users (id int PRIMARY KEY);", "DROP TABLE users;")


def test_each_test_has_a_migrated_database_of_its_own(team: Team) -> None:
    """What one test writes no other sees; in the end only the template is left."""
    team.write(*USERS)
    team.test(
        COUNT + "\ndef test_one(migrated_database):\n    assert count(migrated_database) == 1\n\ntest_two = test_one\n"
    )
    team.run().assert_outcomes(passed=2)
    assert [name.split("_")[1] for name in team.databases()] == ["template"]


def test_the_migrator_begins_with_an_empty_database(team: Team) -> None:
    """For a test of what becomes of rows: migrate to somewhere, put them in, migrate on, and back."""
    first = team.write(*USERS)
    team.write(
        "name", "ALTER TABLE users ADD COLUMN name text DEFAULT 'nobody';", "ALTER TABLE users DROP COLUMN name;"
    )
    team.test(
        f"""
        def test_rows_get_a_name(migrator):
            assert len(migrator.pending().to_frame()) == 2
            migrator.migrate(to={first!r})
            migrator.query("INSERT INTO users VALUES (1)")
            migrator.migrate()
            assert migrator.query("SELECT name FROM users").to_frame()["name"].tolist() == ["nobody"]
            migrator.rollback()

        def test_again(migrator):
            assert len(migrator.pending().to_frame()) == 2
        """
    )
    team.run().assert_outcomes(passed=2)


def test_the_next_run_copies_the_same_template(team: Team) -> None:
    """It is migrated anew only where a file has changed, were it a blank."""
    name = team.write(*USERS)
    team.test("def test_one(migrated_database): ...")
    made = []
    for text in ("", "", "\n"):
        with (team.folder / name).open("a", encoding="utf-8") as file:
            file.write(text)
        team.run().assert_outcomes(passed=1)
        made.append(team.databases())
    assert made[0] == made[1]
    assert len(made[2]) == len(made[0]) + 1


def test_the_url_is_shown_without_its_password(team: Team) -> None:
    """Reports of failing tests show the values of fixtures."""
    team.write(*USERS)
    team.test("def test_one(migrated_database):\n    assert migrated_database is None")
    url = as_url(make_conninfo(team.server, sslpassword="hush-hush"))
    result = team.run("--fsapi-database", url)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*postgresql://*fsapi_test_*sslpassword=[*][*][*]*"])
    assert "hush-hush" not in result.stdout.str()


def test_a_migration_that_fails_is_told_once_and_without_our_code(team: Team) -> None:
    """The file, the line and PostgreSQL's words; the second test does not try again."""
    team.write("bad", "CREATE TABLE bad (id nothing);")
    team.test("def test_one(migrated_database): ...\n\ndef test_two(migrated_database): ...")
    result = team.run()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(['*_bad.sql:2:* type "nothing" does not exist *42704*'])
    assert "Traceback" not in result.stdout.str()
    assert "fsapi_nb/testing" not in result.stdout.str()


def test_no_database_of_the_environment_is_reached(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A team's DATABASE_URL may be anything; only the plugin's own option and setting count."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@192.0.2.1/wrong")
    team.write(*USERS)
    team.test(
        """
        def test_one(migrated_database, migrator):
            migrator.migrate()
            assert migrator.status().identity.database != "wrong"
        """
    )
    team.run().assert_outcomes(passed=1)


def test_settings_stand_in_the_configuration(team: Team) -> None:
    """The folder and the server, so that nobody has to type them."""
    team.write(*USERS)
    team.folder.rename(team.pytester.path / "sql")
    team.pytester.makeini(f"[pytest]\nfsapi_directory = sql\nfsapi_database = {team.server}\n")
    team.test(COUNT + "\ndef test_one(migrated_database):\n    assert count(migrated_database) == 1")
    team.pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


@pytest.mark.parametrize("option", ["prod", None])
def test_a_protected_database_is_refused(team: Team, option: str | None) -> None:
    """By its name and by its address; nothing was made there."""
    before = team.databases()
    team.write(*USERS)
    toml = f"[tool.fsapi_nb.databases.prod]\nurl = '{team.server}'\nprotected = true\n"
    team.pytester.makefile(".toml", pyproject=toml)
    team.test("def test_one(migrated_database): ...")
    result = team.run("--fsapi-database", option or str(team.server))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*is protected, and scratch databases would be made and dropped on its server*"])
    assert team.databases() == before


def test_a_project_without_migrations_is_told_what_to_set(team: Team) -> None:
    """Only when a test asks for a database."""
    team.folder.rmdir()
    team.test("def test_one(migrated_database): ...\n\ndef test_two(): ...")
    result = team.run()
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["*no folder '*/migrations'*", "*fsapi_directory*"])


def test_who_does_not_ask_pays_nothing(pytester: pytest.Pytester) -> None:
    """Without its fixtures and options pytest imports neither the driver nor anything heavy of ours."""
    pytester.makepyfile(
        """
        import sys

        def test_one():
            heavy = {"psycopg", "pandas", "postgast", "IPython", "fsapi_nb.errors", "fsapi_nb.testing.databases"}
            assert "fsapi_nb.testing.plugin" in sys.modules
            assert not heavy & set(sys.modules)
        """
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:nbval",
        "-p",
        "no:hypothesispytest",
    ]
    done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_watching_notebooks_needs_nbval(team: Team) -> None:
    """Asked for without it, that is told; the setting alone does nothing then."""
    team.test("def test_one(): ...")
    result = team.run("-p", "no:nbval", "--fsapi-nbval")
    result.stderr.fnmatch_lines(["*--fsapi-nbval watches the cells of nbval*"])
    team.run("-p", "no:nbval", "-o", "fsapi_nbval=true").assert_outcomes(passed=1)


@pytest.mark.skipif(not SYSTEM, reason="no PostgreSQL of the system's packages is installed")
def test_migrations_run_on_a_postgresql_that_has_their_extensions(tmp_path: Path) -> None:
    """The embedded wheel has no pgcrypto; the system's PostgreSQL is found by itself."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "2026_01_01_00_00_a.sql").write_text("-- UP\nCREATE EXTENSION pgcrypto;\n")
    with (
        open_databases(tmp_path, directory=None, database=None) as databases,
        databases.migrated() as url,
        psycopg.connect(url) as connection,
    ):
        assert connection.execute("SELECT length(gen_salt('bf'))").fetchone() == (29,)
