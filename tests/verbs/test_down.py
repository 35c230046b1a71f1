"""`down` writes a DOWN into a migration's file that was derived from the catalog and proven on a copy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from fsapi_nb import (
    ConfirmationRequired,
    Drifted,
    FaultyMigrations,
    NotRestored,
    ReplayFailed,
    UnknownMigration,
    UsageError,
)
from fsapi_nb.servers.scratch import Scratch
from fsapi_nb.verbs.down import require_restored
from tests.conftest import Project
from tests.verbs.on_scratch import scratch_on

FIRST = "CREATE TABLE orders (id int PRIMARY KEY, comment text); CREATE VIEW all_orders AS SELECT * FROM orders;"
CHANGE = "ALTER TABLE orders RENAME TO bought;\nALTER TABLE bought ADD token text;"


@pytest.fixture
def scratch(server: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scratch]:
    """The tests' server as the scratch server of the verbs."""
    with scratch_on(server, project, monkeypatch) as scratch:
        yield scratch


pytestmark = [pytest.mark.usefixtures("scratch"), pytest.mark.slow]


def down_of(project: Project, name: str) -> str:
    """The section of the file, from its `-- DOWN` on."""
    return "-- DOWN" + (project.folder / name).read_text().partition("-- DOWN")[2]


def test_the_down_of_a_pending_migration_is_written_and_runs(project: Project) -> None:
    """It is what leads back; what was there of the file stays, byte for byte, and nothing ran on the database."""
    project.write("first", FIRST, "DROP VIEW all_orders; DROP TABLE orders;")
    name = project.write("change", CHANGE)
    before = (project.folder / name).read_bytes()
    result = project.migrator().down("change")
    assert result.is_restored
    assert not project.has("orders")
    assert (project.folder / name).read_bytes().startswith(before)
    assert [line for line in down_of(project, name).splitlines() if not line.startswith("--")] == [
        "ALTER TABLE public.bought DROP COLUMN token;",
        "ALTER TABLE public.bought RENAME TO orders;",
    ]
    project.migrator().migrate()
    project.migrator().rollback()
    assert project.has("orders")
    assert not project.has("bought")


def test_the_first_migration_has_its_down_too(project: Project) -> None:
    """It is derived in an empty database."""
    name = project.write("first", FIRST)
    assert project.migrator().down(name).is_restored
    assert "DROP VIEW public.all_orders;\nDROP TABLE public.orders;\n" in down_of(project, name)


def test_the_text_says_what_is_not_brought_back(project: Project) -> None:
    """Dropped columns and the rows that UP changes, by name, in the file and in the result."""
    project.write("first", FIRST)
    name = project.write(
        "change", "DROP VIEW all_orders; ALTER TABLE orders DROP comment; UPDATE orders SET id = id + 1;"
    )
    result = project.migrator().down(name)
    said = [line for line in down_of(project, name).splitlines() if line.startswith("--")]
    assert [re.sub(r"PostgreSQL \d+", "PostgreSQL", line) for line in said] == [
        "-- DOWN",
        "-- derived by fsapi_nb from the catalog; on a copy (PostgreSQL) it restores the catalog exactly",
        "-- does not bring back: the values of public.orders.comment",
        "-- does not bring back: the rows of public.orders as they were before UP's UPDATE",
    ]
    assert re.sub(r"PostgreSQL \d+", "PostgreSQL", "\n".join(repr(result).splitlines()[:4])) == (
        f"The derived DOWN of {name} restores the catalog exactly (proven on a copy, PostgreSQL).\n"
        "It does not bring back the values of public.orders.comment.\n"
        "It does not bring back the rows of public.orders as they were before UP's UPDATE.\n"
        f"{name} was updated."
    )


def test_an_applied_migration_gains_its_down(project: Project) -> None:
    """The history keeps it at once, so that the migration is not edited, and can be rolled back."""
    project.write("first", FIRST)
    name = project.write("change", CHANGE)
    project.migrator().migrate()
    assert project.migrator().down("change").file.applied
    assert {each.state.value for each in project.migrator().status().statuses} == {"applied"}
    project.migrator().rollback()
    assert project.applied() == [each for each in project.migrator().status().to_frame()["name"] if each != name]


def test_a_down_that_is_there_is_not_replaced_unasked(project: Project) -> None:
    """The difference is shown, and the file stays; `replace` writes the derived one."""
    project.write("first", FIRST)
    name = project.write("change", CHANGE, "ALTER TABLE bought RENAME TO orders;")
    before = (project.folder / name).read_bytes()
    with pytest.raises(ConfirmationRequired) as raised:
        project.migrator().down(name)
    assert "  -ALTER TABLE bought RENAME TO orders;" in raised.value.details
    assert "  +ALTER TABLE public.bought DROP COLUMN token;" in raised.value.details
    assert (project.folder / name).read_bytes() == before
    project.migrator().down(name, replace=True)
    assert "ALTER TABLE bought RENAME" not in down_of(project, name)
    assert (project.folder / name).read_bytes().startswith(before.partition(b"-- DOWN")[0])


def test_the_history_keeps_the_down_that_replaces_another(project: Project) -> None:
    """The migration stays applied and is not edited; the new DOWN is what a rollback runs."""
    project.write("first", FIRST)
    project.write("change", CHANGE, "SELECT 1;")
    project.migrator().migrate()
    project.migrator().down("change", replace=True)
    assert {each.state.value for each in project.migrator().status().statuses} == {"applied"}
    project.migrator().rollback()
    assert project.has("orders")


def test_the_placeholder_of_a_new_file_counts_as_no_down(project: Project) -> None:
    """What `make` has written is replaced."""
    name = project.migrator().make("orders").name
    file = project.folder / name
    file.write_text(file.read_text().replace("-- (the SQL that makes the change)", "CREATE TABLE t (id int);"))
    project.migrator().down(name)
    assert down_of(project, name).endswith("DROP TABLE public.t;\n")


def test_what_stands_behind_a_down_stays(project: Project) -> None:
    """A check below the DOWN, and the line ends of Windows."""
    text = "-- UP\r\nCREATE TABLE t (id int);\r\n\r\n-- DOWN\r\nSELECT 1;\r\n\r\n-- CHECK: empty\r\nSELECT * FROM t\r\n"
    name = project.write_text("2026_01_01_00_00_t.sql", text)
    project.migrator().down(name, replace=True)
    written = (project.folder / name).read_bytes().decode()
    assert written.startswith("-- UP\r\nCREATE TABLE t (id int);\r\n\r\n-- DOWN\r\n")
    assert written.endswith("\r\nDROP TABLE public.t;\r\n\r\n-- CHECK: empty\r\nSELECT * FROM t\r\n")
    assert "\n" not in written.replace("\r\n", "")


def test_what_is_not_restored_is_written_and_exits_with_3(project: Project) -> None:
    """The server's own triggers of a foreign key, which are disabled, stay so; the file says it."""
    project.write("first", "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a);")
    name = project.write("change", "ALTER TABLE b DISABLE TRIGGER ALL;")
    result = project.migrator().down(name)
    assert not result.is_restored
    assert "-- not restored: changed table constraint b_a_fkey on public.b\n" in down_of(project, name)
    with pytest.raises(NotRestored) as raised:
        require_restored(result)
    assert raised.value.exit_code == 3
    assert "    +ITS TRIGGERS ARE DISABLED" in raised.value.details


def test_a_down_that_does_not_run_is_not_written(project: Project) -> None:
    """Here a row that UP inserts has a value that the type before lacks."""
    project.write("first", "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (mood mood);")
    name = project.write("change", "ALTER TYPE mood ADD VALUE 'happy'; INSERT INTO t VALUES ('happy');")
    before = (project.folder / name).read_bytes()
    with pytest.raises(NotRestored, match="does not run on a copy") as raised:
        project.migrator().down(name)
    assert raised.value.exit_code == 3
    assert "DROP TYPE public.fsapi_going_1;" in raised.value.details
    assert not any("restores the catalog" in line for line in raised.value.details)
    assert (project.folder / name).read_bytes() == before


def test_a_row_that_could_not_be_there_before_is_deleted(project: Project) -> None:
    """Its key is a value that UP adds to its type; any other row that UP may have found there stays."""
    project.write("first", "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (mood mood PRIMARY KEY);")
    insert = "INSERT INTO t VALUES ('{}') ON CONFLICT DO NOTHING;"
    name = project.write("change", f"ALTER TYPE mood ADD VALUE 'happy'; {insert.format('happy')}")
    named = project.write("named", "INSERT INTO t (mood) VALUES ('happy') ON CONFLICT DO NOTHING;")
    with pytest.raises(NotRestored):  # the columns are not named, so the key is not known
        project.migrator().down(name)
    project.write(
        "change",
        "ALTER TYPE mood ADD VALUE 'happy'; INSERT INTO t (mood) VALUES ('happy') ON CONFLICT DO NOTHING;",
        name=name,
    )
    assert project.migrator().down(name).is_restored
    assert "DELETE FROM public.t WHERE mood = 'happy';" in down_of(project, name)
    assert project.migrator().down(named).is_restored
    assert "DELETE" not in down_of(project, named)


def test_an_up_that_was_edited_or_does_not_run_has_no_down(project: Project) -> None:
    """Nothing is derived of what did not run, or does not run."""
    name = project.write("first", FIRST)
    project.migrator().migrate()
    (project.folder / name).write_text("-- UP\nCREATE TABLE other (id int);\n")
    with pytest.raises(Drifted):
        project.migrator().down(name)
    (project.folder / name).write_text(f"-- UP\n{FIRST}\n")
    faulty, failing = project.write("faulty", "CREATE TABEL x;"), project.write("failing", "SELECT nothing;")
    with pytest.raises(FaultyMigrations):
        project.migrator().down(faulty)
    (project.folder / faulty).unlink()
    with pytest.raises(ReplayFailed, match="does not run in a scratch database"):
        project.migrator().down(failing)
    with pytest.raises(UnknownMigration):
        project.migrator().down("nowhere")


def test_a_migration_of_a_protected_database_is_left_alone(project: Project) -> None:
    """Its history would keep the new DOWN: that needs a `yes`. A pending one needs none."""
    project.write("first", FIRST)
    project.migrator().migrate()
    (project.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.main]\nurl = "{project.database}"\nprotected = true\n'
    )
    migrator = project.migrator(database="main")
    with pytest.raises(ConfirmationRequired, match="protected"):
        migrator.down("first")
    assert migrator.down("first", yes=True).is_restored
    project.write("change", CHANGE)
    assert migrator.down("change").is_restored


def test_a_cell_gets_its_down(project: Project) -> None:
    """The cell's text and the DOWN are the file; a cell with a DOWN is refused."""
    project.write("first", FIRST)
    result = project.migrator().write_with_down("change", f"-- UP\n{CHANGE}\n", apply=True)
    assert result.is_restored
    assert project.has("bought")
    assert down_of(project, result.file.name).endswith("ALTER TABLE public.bought RENAME TO orders;\n")
    with pytest.raises(UsageError, match="the cell has a DOWN"):
        project.migrator().write_with_down("other", "-- UP\nSELECT 1;\n-- DOWN\nSELECT 2;\n")


def test_roles_and_several_steps_are_no_obstacle(project: Project) -> None:
    """An UP that commits in between, and one whose value is used at once."""
    project.write("first", "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int, mood mood);")
    name = project.write("change", "CREATE INDEX CONCURRENTLY t_id ON t (id);\nALTER TYPE mood ADD VALUE 'happy';")
    assert project.migrator().down(name).is_restored
    assert "DROP INDEX public.t_id;" in down_of(project, name)


def test_a_cell_is_not_run_if_its_down_does_not_restore_all(project: Project) -> None:
    """Nothing is written and nothing has run: the error says so, and what would be missing."""
    project.write("first", "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a);")
    project.migrator().migrate()
    with pytest.raises(NotRestored) as raised:
        project.migrator().write_with_down(
            "change", "ALTER TABLE b DISABLE TRIGGER ALL; CREATE TABLE c ();", apply=True
        )
    assert "    +ITS TRIGGERS ARE DISABLED" in raised.value.details
    assert raised.value.state == "unchanged; it was tried in a scratch database only, and the file was not written."
    assert str(raised.value.hint) == "leave out --down, and write the DOWN in the cell; --apply then runs it."
    assert not project.has("c")
    assert len([*project.folder.iterdir()]) == 1


def test_the_error_says_if_the_history_has_the_new_down(project: Project) -> None:
    """Of an applied migration it has; of a pending one nothing has changed."""
    project.write("first", "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a);")
    change = project.write("change", "ALTER TABLE b DISABLE TRIGGER ALL;", "SELECT 1;")
    with pytest.raises(NotRestored) as pending:
        require_restored(project.migrator().down(change, replace=True))
    assert pending.value.state == "unchanged; it was tried in a scratch database only."
    project.write("change", "ALTER TABLE b DISABLE TRIGGER ALL;", "SELECT 1;", name=change)
    project.migrator().migrate()
    with pytest.raises(NotRestored) as applied:
        require_restored(project.migrator().down(change, replace=True))
    assert applied.value.state == (
        "its history has the new DOWN of the applied migration; it was tried in a scratch database only."
    )


def test_secrets_are_starred_in_all_but_the_file(project: Project) -> None:
    """In the result, in what is not restored, and in the difference to the DOWN that is there."""
    project.write("first", "CREATE TABLE t (api_token text DEFAULT 'geheim-1');")
    name = project.write("change", "ALTER TABLE t ALTER api_token SET DEFAULT 'geheim-2';")
    result = project.migrator().down(name)
    shown = repr(result) + result.html() + json.dumps(result.to_json()) + result.sql
    assert "SET DEFAULT '***'" in shown
    assert "geheim" not in shown
    assert "SET DEFAULT 'geheim-1'" in down_of(project, name)
    project.write("change", "ALTER TABLE t ALTER api_token SET DEFAULT 'geheim-2';", "SELECT 1;", name=name)
    with pytest.raises(ConfirmationRequired) as raised:
        project.migrator().down(name)
    assert any("SET DEFAULT '***'" in line for line in raised.value.details)
    assert "geheim" not in str(raised.value)


def test_line_feeds_in_a_body_stay_in_a_file_of_windows(project: Project) -> None:
    """Only those between the tokens become CRLF: the function is the same again, byte for byte."""
    project.write("first", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\nSELECT 1\n$$;")
    name = project.write_text("2026_09_01_00_00_change.sql", "-- UP\r\nDROP FUNCTION f();\r\n")
    assert project.migrator().down(name).is_restored
    written = (project.folder / name).read_bytes().decode()
    assert "$\nSELECT 1\n$" in written
    assert "\n" not in written.partition("-- DOWN")[2].replace("\nSELECT 1\n", "").replace("\r\n", "")


@pytest.mark.parametrize("character", ["\u2028", "\x0c", "\x85", "\r"])
def test_lines_are_those_of_line_feeds(project: Project, character: str) -> None:
    """What Python, too, takes for the end of a line is one of no file of SQL: the UP stays as it is."""
    up = f"-- UP\nCREATE TABLE t (a text DEFAULT 'a{character}b');\n-- more{character}\n"
    up = up if character != "\r" else up.replace("-- more\r\n", "")
    name = project.write_text("2026_01_01_00_00_t.sql", f"{up}\n-- DOWN\nSELECT 1;\n")
    project.migrator().down(name, replace=True)
    written = (project.folder / name).read_bytes().decode()
    assert written.startswith(f"{up}\n-- DOWN\n")
    assert written.endswith("\nDROP TABLE public.t;\n")
    assert "SELECT 1" not in written


def test_the_table_of_the_search_path_is_the_one_whose_rows_change(project: Project) -> None:
    """Not one of the same name in another schema, whichever was made first."""
    project.write(
        "first", "CREATE SCHEMA a; CREATE TABLE a.orders (id int, n text); CREATE TABLE orders (id int, n text);"
    )
    name = project.write(
        "change", "UPDATE orders SET id = 1; ALTER TABLE orders ALTER n TYPE text USING upper(n); DELETE FROM a.orders;"
    )
    project.migrator().down(name)
    assert [line for line in down_of(project, name).splitlines() if "bring back" in line] == [
        "-- does not bring back: the rows of a.orders as they were before UP's DELETE",
        "-- does not bring back: the rows of public.orders as they were before UP's UPDATE",
        "-- does not bring back: the values of public.orders.n as they were before UP's USING",
    ]


def test_a_text_without_a_marker_gets_one(project: Project) -> None:
    """A cell, a pending file, and an applied one, whose UP stays what has run."""
    cell = project.migrator().write_with_down("first", "CREATE TABLE a ();", apply=True)
    assert (project.folder / cell.file.name).read_text().startswith("-- UP\nCREATE TABLE a ();\n\n-- DOWN\n")
    name = project.write_text("2026_09_01_00_00_plain.sql", "CREATE TABLE b ();\r\n")
    project.migrator().migrate()
    project.migrator().down(name)
    assert (project.folder / name).read_bytes().startswith(b"-- UP\r\nCREATE TABLE b ();\r\n\r\n-- DOWN\r\n")
    assert {each.state.value for each in project.migrator().status().statuses} == {"applied"}
    project.migrator().rollback(everything=True)
    assert not project.has("a")
