"""Checks: a query that must hold, in a migration before its commit, in a notebook's cell, from Python."""

from __future__ import annotations

import pytest

from fsapi_nb.cli import main
from fsapi_nb.errors import AssertionViolated, FaultyMigrations, MigrationFileError, QueryFailed, StatementFailed
from fsapi_nb.folder.read import parse_text
from tests.conftest import Project

NAME = "2026_01_01_00_00_points.sql"
FILE = """-- UP
CREATE TABLE points (customer text, amount int);
INSERT INTO points VALUES ('ann', 3), ('bob', -1), ('eve', -2);

-- CHECK: nobody owes points
SELECT customer, amount
FROM points WHERE amount < 0;

-- CHECK
SELECT count(*) = 3, true FROM points;

-- DOWN
DROP TABLE points;
"""


def test_a_check_that_does_not_hold_rolls_the_migration_back(project: Project) -> None:
    """Inside its transaction, before the commit: nothing of it stays; the error has the rows as a DataFrame."""
    project.write_text(NAME, FILE)
    with pytest.raises(AssertionViolated) as caught:
        project.migrator().migrate()
    error = caught.value
    assert str(error).splitlines() == [
        f"{NAME}:6: the check 'nobody owes points' does not hold: 2 rows",
        "  6 | SELECT customer, amount",
        f"Database: {NAME} was rolled back and left nothing behind.",
        "→ look at the rows: error.to_frame(); the check stands below the UP of the file.",
    ]
    frame = error.to_frame()
    assert frame is not None
    assert frame.to_dict("list") == {"customer": ["bob", "eve"], "amount": [-1, -2]}
    assert not project.has("points")
    assert project.applied() == []
    assert project.migrator().history().events[-1].state == "failed"


def test_checks_that_hold_let_the_migration_through(project: Project) -> None:
    """No rows, or nothing but true; and the plan shows them."""
    project.write_text(NAME, FILE.replace("-1", "1").replace("-2", "2"))
    plan = project.migrator().plan()
    assert [line.strip() for line in plan.lines() if "check" in line] == [
        "6  check: nobody owes points",
        "10  check: check 2",
    ]
    project.migrator().migrate()
    assert project.applied() == [NAME]
    project.migrator().rollback()
    assert not project.has("points")


@pytest.mark.parametrize(
    ("query", "held"),
    [
        ("SELECT 1 WHERE false", True),
        ("SELECT true, true", True),
        ("SELECT true FROM generate_series(1, 3)", True),
        ("SELECT true UNION ALL SELECT false", False),
        ("SELECT true, NULL::boolean", False),
        ("SELECT NULL", False),
        ("SELECT 1", False),
        ("SELECT 'true'", False),
        ("SELECT true, 1", False),
        ("SELECT FROM generate_series(1, 2)", False),
        ("TABLE pg_catalog.pg_am LIMIT 0", True),
        ("VALUES (true), (true)", True),
        ("WITH x AS (SELECT 1 AS i) SELECT i FROM x WHERE i > 1", True),
        ("SELECT '%s', 'a:b', '{}', 1 FROM generate_series(1, 0)", True),
    ],
)
def test_what_holds(project: Project, query: str, held: bool) -> None:
    """No rows at all, or booleans only, of which all are true."""
    result = project.migrator().check("it is so", query)
    assert result.passed is held
    assert str(result).startswith("✓ it is so" if held else "✗ it is so: does not hold, ")


def test_a_check_may_only_read(project: Project) -> None:
    """In a cell it runs in a read-only transaction, in a migration as a cursor: neither changes anything."""
    project.rows(
        "CREATE TABLE t (i int); CREATE FUNCTION add() RETURNS SETOF int LANGUAGE sql AS 'INSERT INTO t VALUES (1) RETURNING i'"
    )
    with pytest.raises(QueryFailed, match="read-only transaction"):
        project.migrator().check("sneaky", "SELECT add()")
    with pytest.raises(QueryFailed):
        project.migrator().check("sneaky", "WITH x AS (INSERT INTO t VALUES (1) RETURNING i) SELECT * FROM x")
    assert project.value("SELECT count(*) FROM t") == 0


def test_an_error_in_a_check_is_told_with_its_place(project: Project) -> None:
    """Line and column of the file, or of the cell, with a caret."""
    project.write_text(NAME, FILE.replace("FROM points WHERE amount", "FROM points WHERE amuont"))
    with pytest.raises(StatementFailed) as caught:
        project.migrator().migrate()
    assert str(caught.value).startswith(f'{NAME}:7:19: column "amuont" does not exist')
    with pytest.raises(QueryFailed) as failed:
        project.migrator().check("x", "-- a comment\nSELECT 1,\n  nothing FROM pg_am")
    assert [line.strip() for line in failed.value.details][:2] == ["3 |   nothing FROM pg_am", "|   ^"]
    assert project.applied() == []


@pytest.mark.parametrize(
    "body", ["DELETE FROM points;", "SELECT 1; SELECT 2;", "", "CREATE TABLE x (i int);", "SELEC 1;", "SELECT 'open"]
)
def test_what_is_no_query_is_found_before_anything_runs(project: Project, body: str) -> None:
    """Another statement, several, none, or none that can be read."""
    text = (
        f"-- UP\nSELECT 1;\n-- CHECK: x\n{body}\n-- DOWN\nSELECT 1;\n"
        if "open" not in body
        else f"-- UP\n-- CHECK: x\n{body}"
    )
    project.write_text(NAME, text)
    with pytest.raises(FaultyMigrations):
        project.migrator().migrate()
    with pytest.raises(MigrationFileError):
        project.migrator().check("x", body)


def test_checks_of_a_migration_in_several_steps_run_last(project: Project) -> None:
    """With its history row, in a step of their own where the last statement is outside of any transaction."""
    text = (
        "-- UP\nCREATE TABLE t (i int);\nCREATE INDEX CONCURRENTLY t_i ON t (i);\n-- CHECK: the index is valid\n"
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_i'::regclass;\n-- DOWN\nDROP TABLE t;\n"
    )
    project.write_text(NAME, text)
    plan = project.migrator().plan().plan
    assert [step.reason for step in plan.steps][-1] == "its checks, together with its history row"
    project.migrator().migrate()
    assert project.applied() == [NAME]
    other = (
        text.replace("t_i", "u_i").replace(" t ", " u ").replace("indisvalid", "false").replace("TABLE t;", "TABLE u;")
    )
    second = project.write_text("2026_01_01_00_01_other.sql", other)
    with pytest.raises(AssertionViolated, match="steps 1 to 2 of 3"):
        project.migrator().migrate()
    assert [status.state.value for status in project.migrator().status().statuses] == ["applied", "partly applied"]
    project.write_text(second, other.replace("SELECT false", "SELECT true"))
    project.migrator().migrate()
    assert project.applied() == [NAME, second]


def test_only_whole_lines_below_up_are_checks() -> None:
    """Comments that merely speak of checks stay comments; a file without checks keeps its checksum."""
    comments = "-- UP\n-- CHECK constraints follow\nSELECT 1; -- CHECK\n  -- CHECK: indented\n/* -- CHECK */\n-- Check: x\nSELECT '\n-- CHECK\n';\n"
    migration = parse_text(NAME, comments)
    assert migration.up.parsed.checks == ()
    assert len(migration.up.parsed.statements) == 2
    assert parse_text(NAME, "-- CHECK: alone\nSELECT 1;").up.parsed.checks == ()
    plain = parse_text(NAME, "-- UP\nSELECT 1;\n-- DOWN\nSELECT 2;\n")
    checked = parse_text(NAME, "-- UP\nSELECT 1;\n-- CHECK: so\nSELECT true;\n-- DOWN\nSELECT 2;\n")
    below = parse_text(NAME, "-- UP\nSELECT 1;\n-- DOWN\nSELECT 2;\n-- CHECK: so\nSELECT true;\n")
    assert plain.checksum != checked.checksum == below.checksum
    assert [check.title for check in below.up.parsed.checks] == ["so"]
    assert below.down is not None
    assert len(below.down.parsed.statements) == 1


def test_a_promise_of_many_rows_is_kept_by_all_of_them(project: Project) -> None:
    """What is not true far behind the rows that are shown is found, and shown."""
    late = "SELECT i <> 25000 AS ok FROM generate_series(1, 30000) AS i"
    result = project.migrator().check("late", late)
    assert (result.passed, list(result.to_frame()["ok"])) == (False, [False])
    assert project.migrator().check("all", late.replace("25000", "0")).passed
    project.write("a", f"CREATE TABLE a (i int);\n-- CHECK: late\n{late};")
    with pytest.raises(AssertionViolated):
        project.migrator().migrate()
    assert not project.has("a")


def test_many_rows_are_not_all_read(project: Project) -> None:
    """Of a check that finds millions, the first hundred are kept."""
    result = project.migrator().check("few", "SELECT i FROM generate_series(1, 1000000) i")
    assert len(result.to_frame()) == 100
    assert len(str(result).splitlines()) < 30


def test_a_terminal_shows_the_rows_of_a_broken_check(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """There is no `error` to ask there."""
    project.write_text(NAME, FILE)
    assert main(["migrate", "--database", project.database, "--dir", str(project.folder)]) == 1
    said = capfd.readouterr().err
    assert " eve      |     -2" in said
    assert "(2 rows)" in said
