"""Files of other migration tools in the folder: refused before anything runs, with what to do."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import FaultyMigrations
from tests.conftest import Project

CREATE, DROP = "CREATE TABLE IF NOT EXISTS a (id int);\n", "DROP TABLE IF EXISTS a;\n"
TIME = "2026_01_01_00_00_"


def refusal(project: Project) -> FaultyMigrations:
    """The refusal of `migrate`; a table `a` with its row is as it was, and nothing is recorded."""
    project.rows("CREATE TABLE a (id int); INSERT INTO a VALUES (1)")
    with pytest.raises(FaultyMigrations) as caught:
        project.migrator().migrate()
    assert project.value("SELECT count(*) FROM a") == 1
    assert not project.applied()
    return caught.value


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("create_a.up.sql", "create_a.down.sql"),
        ("create_a.do.sql", "create_a.undo.sql"),
        ("V1__create_a.sql", "U1__create_a.sql"),
        ("create_a.sql", "create_a.rollback.sql"),
        ("create_a_up.sql", "create_a_down.sql"),
        ("create_a.sql", "create_a_down.sql"),
    ],
)
def test_the_halves_of_a_pair_are_not_run(project: Project, up: str, down: str) -> None:
    """Run both as UP, and the table is gone while both count as applied."""
    project.write_text(TIME + up, CREATE)
    project.write_text(TIME + down, DROP)
    error = refusal(project)
    assert {problem.place.file for problem in error.problems} >= {TIME + down}
    assert TIME + up in str(error)
    assert "`-- DOWN`" in str(error)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("", "---- create above / drop below ----"),
        ("", "-- //@UNDO"),
        ("-- rambler up", "-- rambler down"),
        ("-- +micrate Up", "-- +micrate Down"),
        ("-- !Ups", "-- !Downs"),
        ("-- migrate up", "-- migrate down"),
        ("-- Deploy", "-- Revert"),
        ("-- upgrade", "-- downgrade"),
        ("-- migrate:up", "-- migrate:down"),
        ("-- +goose Up", "-- +goose Down"),
        ("-- Up Migration", "-- Down Migration"),
        ("-- ### here it goes", "-- ### and here it comes back"),
        ("# --- !Ups", "# --- !Downs"),
        ("-- +nobody Up", "-- +nobody Down"),
        ("-- name: add_a.up", "-- name: add_a.down"),
        ("-- install", "-- uninstall"),
    ],
)
def test_a_file_with_the_marks_of_another_tool_is_not_run(project: Project, first: str, second: str) -> None:
    """Both directions would run as one change; a mark that nobody knows is found by what the file does."""
    project.write_text(f"{TIME}create_a.sql", f"{first}\n{CREATE}\n{second}\n{DROP}")
    error = refusal(project)
    assert error.problems[0].hint


@pytest.mark.parametrize("heading", ["-- Revert shop:a from pg", "-- Verify shop:a on pg", "-- Deploy shop:a to pg"])
def test_sqitchs_files_are_known_by_their_first_line(project: Project, heading: str) -> None:
    """Each direction is a file of its own there."""
    project.write_text(f"{TIME}a.sql", f"{heading}\n\nBEGIN;\n{DROP}COMMIT;\n")
    assert "Sqitch" in str(refusal(project))
    project.write_text(f"{TIME}a.sql", f"{heading}\n-- UP\nSELECT 1;\n")
    assert project.migrator().migrate().done


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE b (id int); DROP TABLE b;",
        "ALTER TABLE a ADD COLUMN n text; UPDATE a SET n = ''; ALTER TABLE a DROP COLUMN n;",
        "CREATE SCHEMA s; CREATE VIEW s.v AS SELECT 1; DROP SCHEMA s CASCADE;",
        "CREATE INDEX i ON a (id);\nDROP INDEX public.i;",
        "CREATE TYPE e AS ENUM ('x'); DROP TYPE IF EXISTS e;",
    ],
)
def test_a_file_without_markers_that_drops_what_it_creates_is_not_run(project: Project, text: str) -> None:
    """With `-- UP` above it, it is: then its owner has said that all of it is the change."""
    name = project.write_text(f"{TIME}a.sql", text)
    (problem,) = refusal(project).problems
    assert "has no markers, and drops" in problem.message
    project.write_text(name, f"-- UP\n{text}")
    project.migrator().migrate()
    assert project.applied() == [name]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TEMPORARY TABLE b AS SELECT * FROM a; DROP TABLE b;",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; SELECT f(); DROP FUNCTION f();",
        "DROP TABLE IF EXISTS b; CREATE TABLE b (id int);",
        "CREATE TABLE b (id int); DROP TABLE b; CREATE TABLE b (id bigint);",
        "CREATE TABLE a_new (id bigint); DROP TABLE IF EXISTS a; ALTER TABLE a_new RENAME TO a;",
    ],
)
def test_a_file_without_markers_may_tidy_up(project: Project, text: str) -> None:
    """What it needs on its way only, and what it replaces."""
    name = project.write_text(f"{TIME}a.sql", text)
    project.rows("CREATE TABLE a (id int)")
    project.migrator().migrate()
    assert project.applied() == [name]


def test_the_halves_of_a_pair_are_no_baseline(project: Project) -> None:
    """The way back would count as applied."""
    project.write_text(f"{TIME}a.up.sql", CREATE)
    project.write_text(f"{TIME}a.down.sql", DROP)
    with pytest.raises(FaultyMigrations, match="two halves"):
        project.migrator().baseline(f"{TIME}a.up.sql")
    assert not project.applied()


def test_a_cell_may_not_write_the_half_of_a_pair(project: Project) -> None:
    """No file is made by a name that would be refused later."""
    with pytest.raises(FaultyMigrations, match=r"\(\.down\)"):
        project.migrator().write(f"{TIME}a.down", DROP)
    assert not list(project.folder.iterdir())


def test_what_is_applied_already_is_not_refused(project: Project) -> None:
    """A history that an earlier version has made goes on: only what would run is looked at."""
    name = project.write_text(f"{TIME}a.up.sql", "CREATE TABLE a (id int);")
    project.rows(
        "CREATE TABLE migrations (id serial PRIMARY KEY, name varchar(255) UNIQUE, applied_at timestamp DEFAULT now(), "
        f"duration_ms integer); INSERT INTO migrations (name) VALUES ('{name}')"
    )
    other = project.write_text("2026_01_01_00_01_b.sql", "CREATE TABLE b (id int);")
    assert [done.name for done in project.migrator().migrate().done] == [other]
