"""`--fsapi-roundtrip`: every migration up, down and up again, with equal catalogs, on a real server."""

from __future__ import annotations

import pytest

from tests.testing.conftest import Team

pytest_plugins = ["pytester"]

USERS = ("users", "CREATE TABLE users (id int PRIMARY KEY, email text);", "DROP TABLE users;")
FORGOTTEN = (
    "forgotten",
    "ALTER TABLE users ADD COLUMN name text;\nCREATE INDEX by_email ON users (email);",
    "ALTER TABLE users DROP COLUMN name;",
)


def test_every_migration_is_a_test(team: Team) -> None:
    """Beside those that are there; a concurrent index, an enum's value and a moved column go there and back."""
    team.test("def test_one(): ...")
    team.write(*USERS)
    concurrently = "CREATE INDEX CONCURRENTLY by_email ON users (email);"
    names = [
        team.write("index", concurrently, "DROP INDEX CONCURRENTLY by_email;"),
        team.write("column", "ALTER TABLE users DROP COLUMN id;", "ALTER TABLE users ADD COLUMN id int PRIMARY KEY;"),
        team.write("mood", "CREATE TYPE mood AS ENUM ('sad');\nALTER TYPE mood ADD VALUE 'ok';", "DROP TYPE mood;"),
    ]
    result = team.run("--fsapi-roundtrip", "-v")
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines([f"migrations/{name}::roundtrip PASSED*" for name in names])
    assert not [name for name in team.databases() if "_test_" in name]


def test_nothing_is_added_unless_asked_for(team: Team) -> None:
    """Not even where the folder itself is named."""
    team.test("def test_one(): ...")
    team.write(*FORGOTTEN)
    team.run(".", "migrations").assert_outcomes(passed=1)


def test_what_a_down_forgets_is_shown(team: Team) -> None:
    """The object with its definition, the file, and how to repeat it; what comes after it is judged by itself."""
    team.write(*USERS)
    name = team.write(*FORGOTTEN)
    team.write("posts", "CREATE TABLE posts ();", "DROP TABLE posts;")
    result = team.run("--fsapi-roundtrip")
    result.assert_outcomes(failed=1, passed=2)
    result.stdout.fnmatch_lines(
        [
            f"{name}: after its DOWN, UP fails",
            "After DOWN, compared with before UP:",
            "  added index public.by_email",
            "    +CREATE INDEX by_email ON public.users USING btree (email)*",
            "The second UP:",
            f'  {name}:3: relation "by_email" already exists *42P07*',
            f'→ Again: pytest --fsapi-roundtrip "migrations/{name}::roundtrip"',
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_what_a_down_changes_is_shown_line_by_line(team: Team) -> None:
    """An object that is there before and after, but is not the same."""
    team.write(*USERS)
    name = team.write(
        "wider",
        "ALTER TABLE users ALTER COLUMN email TYPE varchar(99);",
        "ALTER TABLE users ALTER COLUMN email TYPE varchar(255);",
    )
    result = team.run("--fsapi-roundtrip")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            f"{name}: DOWN does not undo what UP does",
            "  changed table public.users",
            "    -*email text*",
            "    +*email character varying(255)*",
        ]
    )


def test_secrets_of_what_differs_are_starred(team: Team) -> None:
    """The output of a test is kept by machines that others read."""
    team.write(*USERS)
    team.write("token", "ALTER TABLE users ADD api_token text DEFAULT 'geheim';", "SELECT 1;")
    result = team.run("--fsapi-roundtrip")
    result.stdout.fnmatch_lines(["    +*api_token text*DEFAULT '[*][*][*]'*"])
    assert not [line for line in result.outlines if "geheim" in line and "ALTER TABLE" not in line]


def test_a_second_up_that_gives_something_else_is_shown(team: Team) -> None:
    """Where DOWN leaves what UP looks at."""
    body = "IF to_regclass('first') IS NULL THEN CREATE TABLE first (); ELSE CREATE TABLE second (); END IF;"
    team.write("twice", f"DO $$ BEGIN {body} END $$;", "-- nothing to undo")
    result = team.run("--fsapi-roundtrip")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_twice.sql: DOWN does not undo what UP does (its DOWN holds only comments)",
            "After the second UP, compared with after the first:",
            "  added table public.second",
        ]
    )


def test_a_down_that_fails_is_told_with_its_line(team: Team) -> None:
    """As `rollback` tells it."""
    name = team.write("users", USERS[1], "DROP TABLE users;\nDROP TABLE nothing;")
    team.write("posts", "CREATE TABLE posts ();", "DROP TABLE posts;")
    result = team.run("--fsapi-roundtrip")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines([f'{name}:6: table "nothing" does not exist *42P01*', "*→ Again: pytest*"])


def test_what_has_no_way_back_passes_and_is_told(team: Team) -> None:
    """An irreversible migration, and a DOWN of comments only, with what it leaves; in the JUnit report as well."""
    team.write(*USERS)
    irreversible = team.write("lower", "UPDATE users SET email = lower(email);")
    empty = team.write("posts", "CREATE TABLE IF NOT EXISTS posts ();", "-- keep what was written")
    result = team.run("--fsapi-roundtrip", "-v", "--junitxml=report.xml")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            f"migrations/{irreversible}::roundtrip PASSED (irreversible)*",
            "*migrations without a way back*",
            f"migrations/{irreversible}: irreversible: only its UP was run",
            f"migrations/{empty}: not undone by its DOWN, which does nothing on purpose: added table public.posts",
        ]
    )
    report = (team.pytester.path / "report.xml").read_text(encoding="utf-8")
    assert '<property name="fsapi_roundtrip" value="irreversible: only its UP was run"' in report
    assert f'classname="migrations.{irreversible}"' in report


def test_strict_wants_a_way_back(team: Team) -> None:
    """Then both fail; a seed whose empty DOWN leaves no object does not."""
    team.write(*USERS)
    team.write("lower", "UPDATE users SET email = lower(email);")
    team.write("posts", "CREATE TABLE IF NOT EXISTS posts ();", "-- keep what was written")
    team.write("seed", "INSERT INTO users VALUES (1) ON CONFLICT DO NOTHING;", "-- rows stay")
    result = team.run("--fsapi-roundtrip=strict")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*_lower.sql is irreversible: only its UP was run", "*--fsapi-roundtrip=strict *"])


def test_one_can_be_chosen(team: Team) -> None:
    """By -k, and by what a failure says; what stands before it is applied, and not judged."""
    team.test("def test_one(): ...")
    team.write(*USERS)
    team.write(*FORGOTTEN)
    name = team.write("posts", "CREATE TABLE posts ();", "DROP TABLE posts;")
    team.run("--fsapi-roundtrip", "-k", "posts").assert_outcomes(passed=1, deselected=3)
    team.run("--fsapi-roundtrip", f"migrations/{name}::roundtrip").assert_outcomes(passed=1)
    team.run("--fsapi-roundtrip", "test_shop.py").assert_outcomes(passed=3, failed=1)


@pytest.mark.parametrize("text", ["CREATE TABLE broken (;", "CREATE TABLE broken (id nothing);"])
def test_what_stands_behind_a_migration_that_cannot_be_applied_is_skipped(team: Team, text: str) -> None:
    """It fails with its fault; the others are not red for it, and say why they were not tried."""
    team.write(*USERS)
    name = team.write("broken", text)
    team.write("posts", "CREATE TABLE posts ();", "DROP TABLE posts;")
    result = team.run("--fsapi-roundtrip", "-rs")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines([f"*{name}:2:*", f"SKIPPED*the earlier migration {name} cannot be applied"])


def test_files_that_are_no_migrations_are_told(team: Team) -> None:
    """A bad name is a fault of the folder."""
    team.write(*USERS)
    (team.folder / "later.sql").write_text("-- UP\nSELECT 1;\n", encoding="utf-8")
    result = team.run("--fsapi-roundtrip")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["later.sql:1: *"])


def test_the_walk_goes_forward_whatever_shuffles(team: Team) -> None:
    """Tests in another order would each begin anew."""
    team.pytester.makeconftest("def pytest_collection_modifyitems(items):\n    items.reverse()\n")
    team.test("def test_one(): ...")
    names = [team.write(*USERS), team.write("posts", "CREATE TABLE posts ();", "DROP TABLE posts;")]
    result = team.run("--fsapi-roundtrip", "-v")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines([*(f"migrations/{name}*" for name in names)])


def test_no_folder_is_bad_usage(team: Team) -> None:
    """Told before anything runs."""
    team.folder.rmdir()
    result = team.run("--fsapi-roundtrip")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no folder '*/migrations' with migrations*"])
