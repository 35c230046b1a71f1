"""The journal's columns for notebooks' cells and runbooks: added once to a journal that an earlier build made."""

from __future__ import annotations

import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb.errors import HistoryError
from tests.conftest import Project

OLDER = "ALTER TABLE migrations_journal DROP COLUMN cell, DROP COLUMN runbook"


def older(project: Project) -> None:
    """A database with a history that an earlier build made."""
    project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    project.migrator().migrate()
    project.rows(OLDER)


def columns(project: Project) -> set[str]:
    return {
        name
        for (name,) in project.rows(
            "SELECT attname::text FROM pg_attribute "
            "WHERE attrelid = 'migrations_journal'::regclass AND NOT attisdropped AND attnum > 0"
        )
    }


def test_reading_does_without_them_and_adds_nothing(project: Project) -> None:
    """The history of an earlier build is read as it is."""
    older(project)
    assert [event.cell for event in project.migrator().history().events] == [None]
    assert project.migrator().history(runbook="x").events == ()
    assert not columns(project) & {"cell", "runbook"}


def test_the_next_run_adds_them_once(project: Project) -> None:
    """And then writes into them; the run after that changes nothing about the table."""
    older(project)
    project.migrator(cell="c1").rollback()
    assert columns(project) >= {"cell", "runbook"}
    assert [event.cell for event in project.migrator().history().events] == [None, "c1"]
    number = project.value("SELECT xmin::text FROM pg_class WHERE relname = 'migrations_journal'")
    project.migrator().migrate()
    assert project.value("SELECT xmin::text FROM pg_class WHERE relname = 'migrations_journal'") == number


def test_who_may_not_add_them_is_told_what_to_do(project: Project) -> None:
    """Nothing is run; the error has the statement for the owner, after which the run succeeds."""
    older(project)
    name = project.value("SELECT current_database()")
    role = f"{name}_writer"
    project.rows(f"CREATE ROLE {role} LOGIN")
    try:
        project.rows(f"GRANT ALL ON SCHEMA public TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")
        project.rows(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}; ALTER TABLE a OWNER TO {role}")
        address = make_conninfo(project.database, options=f"-c role={role}")
        with pytest.raises(HistoryError) as refused:
            project.migrator(database=address).rollback()
        assert "only their owner may add them" in refused.value.message
        assert 'ALTER TABLE "public"."migrations_journal" ADD COLUMN IF NOT EXISTS "cell" pg_catalog.text' in (
            refused.value.hint or ""
        )
        assert project.has("a")
    finally:
        project.rows(f"DROP OWNED BY {role}; DROP ROLE {role}")
