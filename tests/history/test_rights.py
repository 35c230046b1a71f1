"""Rights on the history tables: nobody but their owner has any when they are made, and who else may write them is said."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb.cli import main
from tests.conftest import Project

TABLES = ("migrations", "migrations_journal", "migrations_scripts")
_GRANTEES = """
    SELECT DISTINCT c.relname::text FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relname LIKE 'migrations%' AND a.grantee <> c.relowner ORDER BY 1
"""
FSAPI = (
    "CREATE TABLE migrations (id serial PRIMARY KEY, name varchar(255) UNIQUE, applied_at timestamp DEFAULT now(), "
    "duration_ms integer)"
)


@pytest.fixture
def other(project: Project) -> Iterator[str]:
    """A role that only others give rights to; its name must be written in quotes."""
    role = f'"Other {project.value("SELECT current_database()")}"'
    project.rows(f"CREATE ROLE {role} LOGIN")
    yield role
    project.rows(f"DROP OWNED BY {role}; DROP ROLE {role}")


def warning(table: str, role: str, rights: str) -> str:
    who = "every role" if role == "PUBLIC" else f"the role {role}"
    return f"{who} may write public.{table} ({rights}). If not meant: REVOKE {rights} ON public.{table} FROM {role};"


@pytest.mark.parametrize("grantee", ["PUBLIC", "other"])
@pytest.mark.parametrize("schema", ["", "IN SCHEMA public"])
def test_default_privileges_give_nothing_on_our_tables(project: Project, other: str, grantee: str, schema: str) -> None:
    """Not to everybody, not to a role, and not on the sequences; and the owner goes on as ever."""
    role = other if grantee == "other" else grantee
    for kind in ("TABLES", "SEQUENCES"):
        project.rows(f"ALTER DEFAULT PRIVILEGES {schema} GRANT ALL ON {kind} TO {role}")
    project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    project.migrator().migrate()
    assert project.rows(_GRANTEES) == []
    assert project.value("SELECT relacl IS NOT NULL FROM pg_class WHERE relname = 'a'")
    project.migrator().rollback()
    project.migrator().migrate()
    assert project.migrator().status().notes == ()
    for kind in ("TABLES", "SEQUENCES"):
        project.rows(f"ALTER DEFAULT PRIVILEGES {schema} REVOKE ALL ON {kind} FROM {role}")


def test_an_adopted_table_keeps_its_rights(project: Project, other: str) -> None:
    """The table of fsapi stays as it is, and its rights are said; the tables beside it are made without any."""
    project.rows(
        f"{FSAPI}; GRANT SELECT, INSERT, DELETE ON migrations TO {other}; GRANT SELECT ON migrations TO PUBLIC"
    )
    project.rows("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC")
    project.write("a", "CREATE TABLE a ();", "DROP TABLE a;")
    project.migrator().migrate()
    project.rows("ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC")
    assert project.rows(_GRANTEES) == [("migrations",)]
    assert project.migrator().status().notes == (warning("migrations", other, "DELETE, INSERT"),)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    ("rights", "written"),
    [
        ("ALL", "DELETE, INSERT, REFERENCES, TRIGGER, TRUNCATE, UPDATE"),
        ("TRIGGER", "TRIGGER"),
        ("INSERT", "INSERT"),
    ],
)
def test_who_else_may_write_the_history_is_said(
    project: Project, other: str, table: str, rights: str, written: str
) -> None:
    """Status and plan name role, table and rights in each of their forms, and the statement takes them."""
    project.write("a", "CREATE TABLE a ();", "DROP TABLE a;")
    project.migrator().migrate()
    project.rows(f"GRANT {rights} ON {table} TO {other}")
    expected = warning(table, other, written)
    for result in (project.migrator().status(), project.migrator().plan(), project.migrator().plan("rollback")):
        assert result.notes == (expected,)
        assert expected in " ".join(str(result).split()).replace("! ", "")
        assert "REVOKE" in result.html()
        assert result.to_json()["notes"] == [expected]
    project.rows(expected.rpartition(": ")[2])
    assert project.migrator().status().notes == ()


def test_a_right_on_a_column_is_one(project: Project, other: str) -> None:
    """To write one column of a stored script is to write it."""
    project.write("a", "CREATE TABLE a ();")
    project.migrator().migrate()
    project.rows(f"GRANT UPDATE (down), SELECT (up) ON migrations_scripts TO {other}")
    (note,) = project.migrator().status().notes
    assert note == warning("migrations_scripts", other, "UPDATE")
    project.rows(note.rpartition(": ")[2])
    assert project.migrator().status().notes == ()


def test_who_runs_a_verb_is_not_warned_of(project: Project, other: str) -> None:
    """Nor are superusers, who may write everything anyway, nor readers."""
    project.write("a", "CREATE TABLE a ();")
    project.migrator().migrate()
    project.rows(f"GRANT ALL ON {', '.join(TABLES)} TO {other}")
    as_other = make_conninfo(
        project.database, options=f"-c role={other.strip(chr(34)).replace(chr(32), chr(92) + chr(32))}"
    )
    assert project.migrator(database=as_other).status().notes == ()
    assert len(project.migrator().status().notes) == 3
    project.rows(f"ALTER ROLE {other} SUPERUSER")
    assert project.migrator().status().notes == ()
    project.rows(f"ALTER ROLE {other} NOSUPERUSER; REVOKE ALL ON {', '.join(TABLES)} FROM {other}")
    project.rows(f"GRANT SELECT ON {', '.join(TABLES)} TO {other}")
    assert project.migrator().status().notes == ()


def test_a_plan_that_was_shown_with_a_warning_can_be_run(project: Project, other: str) -> None:
    """The warning is of the database and no part of the plan."""
    project.write("a", "CREATE TABLE a ();")
    project.migrator().migrate()
    project.rows(f"GRANT INSERT ON migrations TO {other}")
    second = project.write("b", "CREATE TABLE b ();")
    plan = project.migrator().plan()
    assert len(plan.notes) == 1
    project.migrator().migrate(planned=plan.plan)
    assert project.applied()[-1] == second


def test_the_terminal_says_who_else_may_write(project: Project, other: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As text and in the JSON document."""
    project.write("a", "CREATE TABLE a ();")
    project.migrator().migrate()
    project.rows("GRANT INSERT ON migrations_journal TO PUBLIC")
    arguments = ["migrate:status", "--database", project.database, "--dir", str(project.folder)]
    assert main(arguments) == 0
    assert "every role may write public.migrations_journal (INSERT)." in " ".join(capsys.readouterr().out.split())
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == [warning("migrations_journal", "PUBLIC", "INSERT")]
