"""Statements that stand far along in a long line: errors show the statement, not the line's beginning."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import AssertionViolated, FaultyMigrations, FsapiError, StatementFailed
from tests.conftest import Project

LONG = "".join(f"INSERT INTO a VALUES ({number}, 'some text that makes this line long'); " for number in range(50))
TABLE = "CREATE TABLE a (id int PRIMARY KEY, t text NOT NULL);\n"


def excerpt(error: FsapiError) -> str:
    """The line of the error that shows a line of the file."""
    return next(line for line in str(error).splitlines() if " | " in line)


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO a VALUES (7, 'twice')", "UPDATE a SET t = NULL WHERE id = 3", "DO $$ BEGIN RAISE 'no'; END $$"],
)
def test_an_error_without_a_position_shows_its_statement(project: Project, statement: str) -> None:
    """A broken constraint, say: the server says nothing of where that is in the text."""
    project.write("a", f"{TABLE}{LONG}{statement}; {LONG}")
    with pytest.raises(StatementFailed) as caught:
        project.migrator().migrate()
    assert excerpt(caught.value).startswith(f"  3 | …{statement}; INSERT INTO a")
    assert "^" not in str(caught.value)


def test_a_password_before_it_is_starred_and_the_statement_is_shown(project: Project) -> None:
    """The stars are not as long as the password."""
    role = "CREATE ROLE somebody PASSWORD 'a very long password that nobody must see'; "
    project.write("a", f"{TABLE}{role}{LONG}INSERT INTO a VALUES (7, 'twice'); {LONG}")
    with pytest.raises(StatementFailed) as caught:
        project.migrator().migrate()
    assert excerpt(caught.value).startswith("  3 | …INSERT INTO a VALUES (7, 'twice')")
    assert "very long password" not in str(caught.value)


def test_a_fault_in_a_long_line_shows_its_statement(project: Project) -> None:
    """Found before anything runs."""
    project.write("a", f"{TABLE}{LONG}COMMIT; {LONG}")
    with pytest.raises(FaultyMigrations) as caught:
        project.migrator().migrate()
    assert excerpt(caught.value).startswith("  3 | …COMMIT; INSERT")


def test_a_reversal_in_a_long_line_shows_its_statement(project: Project) -> None:
    """All of the file may be one line."""
    project.write_text("2026_01_01_00_00_a.sql", f"{TABLE.strip()} {LONG} DROP TABLE a; {LONG}")
    with pytest.raises(FaultyMigrations) as caught:
        project.migrator().migrate()
    assert excerpt(caught.value).startswith("  1 | …DROP TABLE a;")


def test_the_end_of_a_long_line_is_filled(project: Project) -> None:
    """A short statement at the end is shown with what stands before it."""
    project.write("a", f"{TABLE}{LONG}INSERT INTO a VALUES (7, 'twice');\n-- CHECK: few\nSELECT count(*) < 9 FROM a")
    with pytest.raises((StatementFailed, AssertionViolated)) as caught:
        project.migrator().migrate()
    assert excerpt(caught.value).endswith("INSERT INTO a VALUES (7, 'twice');")
    assert len(excerpt(caught.value)) == len("  3 | …") + 100
