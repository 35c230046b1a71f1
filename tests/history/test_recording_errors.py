"""Errors while the history is written: what is said fits the cause, and names the tables as they are called."""

from __future__ import annotations

import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb.errors import DatabaseError, FsapiError, HistoryError, InDoubt, StatementFailed
from tests.conftest import Project

BLAME = "did a script drop or change the tables of the history?"


def refused(project: Project, up: str) -> FsapiError:
    """The error of a migration of that UP."""
    project.write("bad", up)
    with pytest.raises(FsapiError) as caught:
        project.migrator().migrate()
    return caught.value


@pytest.fixture
def named(project: Project) -> Project:
    """A project whose history has another name, in another schema, with one migration applied."""
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nschema = "audit"\ntable = "hist"\n')
    project.rows("CREATE SCHEMA audit")
    project.write("first", "SELECT 1;")
    project.migrator().migrate()
    return project


@pytest.mark.parametrize(
    ("up", "code"),
    [
        ("DROP TABLE audit.hist_journal;", "42P01"),
        ("ALTER TABLE audit.hist_scripts DROP COLUMN checksum;", "42703"),
        ("ALTER TABLE audit.hist RENAME TO history; SELECT 1;", "42P01"),
    ],
)
def test_a_script_that_changes_the_tables_of_the_history_is_told_so(named: Project, up: str, code: str) -> None:
    """With the names that they have here."""
    error = refused(named, up)
    assert isinstance(error, StatementFailed)
    assert error.sqlstate == code
    assert error.hint == f'{BLAME} They are "audit"."hist", "audit".hist_scripts, "audit".hist_journal.'


SLOW = (
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN new; END'; "
    "CREATE TRIGGER slow BEFORE INSERT ON audit.hist FOR EACH ROW EXECUTE FUNCTION slow()"
)


@pytest.mark.parametrize(
    ("before", "up", "code", "hint"),
    [
        (SLOW, "SET LOCAL statement_timeout = '200ms';", "57014", "a statement_timeout ended it"),
        ("SELECT 1", "SET TRANSACTION READ ONLY;", "25006", "the script makes its transaction read-only"),
        (
            (
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1 FROM gone; RETURN new; END'; "
                "CREATE TRIGGER broken BEFORE INSERT ON audit.hist FOR EACH ROW EXECUTE FUNCTION broken()"
            ),
            "SELECT 1;",
            "42P01",
            None,
        ),
    ],
    ids=["timeout", "read-only", "a trigger of others"],
)
def test_a_script_is_not_blamed_for_what_it_has_not_done(
    named: Project, before: str, up: str, code: str, hint: str | None
) -> None:
    """The tables are as they were; the hint is that of the error."""
    named.rows(before)
    error = refused(named, up)
    assert isinstance(error, StatementFailed)
    assert error.sqlstate == code
    assert (error.hint or "").startswith(hint or "")
    assert BLAME not in str(error)


def test_a_script_that_takes_our_rights_away_is_told_so(project: Project) -> None:
    """Row-level security that it forces holds for its own history row, and is undone with it."""
    role = f"owner_{project.value('SELECT current_database()')}"
    project.rows(f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}")
    try:
        database = make_conninfo(project.database, options=f"-c role={role}")
        project.write("first", "SELECT 1;")
        project.migrator(database=database).migrate()
        project.write("force", "ALTER TABLE migrations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;")
        with pytest.raises(HistoryError) as caught:
            project.migrator(database=database).migrate()
        assert "the script takes away the right to write the history in public.migrations" in str(caught.value)
        assert "was rolled back and left nothing behind" in str(caught.value)
        assert len(project.migrator(database=database).status().statuses) == 2
    finally:
        project.rows(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_migration_in_doubt_shows_its_statement_as_it_was_sent(named: Project) -> None:
    """The query can be pasted, with the names that the tables have, and a comment hides nothing behind it."""
    name = named.write("doubt", "-- fsapi: transaction=off\n-- how many\nUPDATE t SET i = 1;\nSELECT 1;")
    named.rows("CREATE TABLE t (i int)")
    named.rows(
        "INSERT INTO audit.hist_journal (run_id, migration, event, state, step, steps, in_transaction, script) "
        f"VALUES (gen_random_uuid(), '{name}', 'up', 'started', 1, 2, false, '-- how many\nUPDATE t SET i = 1')"
    )
    with pytest.raises(InDoubt) as caught:
        named.migrator().migrate()
    query, *rest = caught.value.details
    assert query.startswith(f"""  SELECT step, state, script FROM "audit".hist_journal WHERE migration = '{name}' """)
    assert len(named.rows(query)) == 1
    assert rest[:3] == ["  step 1, started:", "    -- how many", "    UPDATE t SET i = 1"]


def test_a_script_that_drops_the_schema_of_the_history_is_told_where_to_put_it(project: Project) -> None:
    """The statements can be pasted, and the script runs then; nothing that was applied is forgotten."""
    first = project.write("first", "CREATE TABLE a (i int);")
    project.migrator().migrate()
    error = refused(project, "DROP SCHEMA public CASCADE;\nCREATE SCHEMA public;")
    assert (error.hint or "").startswith(f"{BLAME} They are public.migrations, ")
    _, found, rest = (error.hint or "").partition("keep them in another one: ")
    statements, setting, _ = rest.partition(" and [tool.fsapi_nb] ")
    assert (bool(found), bool(setting)) == (True, True)
    project.rows(statements)
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nschema = "fsapi_history"\n')
    project.migrator().migrate()
    assert not project.has("public.a")
    assert project.rows("SELECT name FROM fsapi_history.migrations ORDER BY id")[0] == (first,)


@pytest.mark.parametrize(
    ("up", "taken"),
    [
        ("CREATE TABLE migrations (id int);", "migrations"),
        ("CREATE TABLE public.migrations_journal AS SELECT 1;", "migrations_journal"),
        ("CREATE VIEW migrations_scripts AS SELECT 1;", "migrations_scripts"),
    ],
)
def test_a_table_that_has_our_name_is_told_so(project: Project, up: str, taken: str) -> None:
    """With what renames the history, which the next run then finds."""
    first = project.write("first", "SELECT 1;")
    project.migrator().migrate()
    error = refused(project, up)
    assert (error.hint or "").startswith(
        f"public.{taken} belongs to fsapi_nb's history: give this table another name; or "
    )
    statements = (error.hint or "").partition("rename the history, ")[2].partition(" and [tool.fsapi_nb]")[0]
    project.rows(statements)
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\ntable = "fsapi_history"\n')
    project.migrator().migrate()
    assert project.rows("SELECT name FROM fsapi_history ORDER BY id")[0] == (first,)
    assert project.has(taken)


@pytest.mark.parametrize(
    ("there", "up"),
    [
        ("CREATE TABLE users (id int)", "CREATE TABLE users (id int);"),
        ("CREATE SCHEMA app", "CREATE SCHEMA app;"),
        ("CREATE TYPE mood AS ENUM ('ok')", "CREATE TYPE mood AS ENUM ('ok');"),
        ("CREATE TABLE users (id int)", "ALTER TABLE users ADD COLUMN id int;"),
    ],
)
def test_a_first_migration_of_what_is_there_is_told_of_baseline(project: Project, there: str, up: str) -> None:
    """Once something is applied, it is a mistake like any other."""
    project.rows(there)
    error = refused(project, up)
    (name,) = [file.name for file in project.folder.iterdir()]
    assert (error.hint or "").endswith(f"record it without running it: `sapi migrate:baseline {name}`")
    project.migrator().baseline(name)
    assert "baseline" not in str(refused(project, f"{up}\nSELECT 1;"))


def test_what_is_committed_in_part_is_not_to_be_recorded_instead(project: Project) -> None:
    """The first step of the first migration is committed, and the index of the second is somebody else's."""
    project.rows("CREATE TABLE a (id int, n int); CREATE INDEX i ON a (n)")
    project.write("half", "CREATE TABLE b (id int);\nCREATE INDEX CONCURRENTLY i ON a (id);", "DROP TABLE b;")
    for _ in range(2):
        with pytest.raises(StatementFailed) as caught:
            project.migrator().migrate()
        assert (caught.value.sqlstate, caught.value.steps_before, caught.value.hint) == ("42P07", 1, None)


def test_what_fails_before_anything_of_it_runs_says_so(project: Project) -> None:
    """A baseline whose row is refused by the table itself."""
    name = project.write("a", "CREATE TABLE a (id int);")
    project.migrator().migrate()
    other = project.write("b", "CREATE TABLE b (id int);")
    project.rows(f"ALTER TABLE migrations ADD CHECK (name <> '{other}')")
    with pytest.raises(DatabaseError) as caught:
        project.migrator().baseline(other)
    assert caught.value.state == "unchanged."
    assert project.applied() == [name]
