"""What the database remembers: adopting fsapi's, drift, missing and late files, baseline, repair, the journal."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb.errors import Drifted, HistoryError, OutOfOrder, StatementFailed, UnknownMigration
from fsapi_nb.model.status import State
from tests.conftest import Project

FSAPI = """
    CREATE TABLE migrations (
        id serial PRIMARY KEY, name varchar(255) UNIQUE, applied_at timestamp DEFAULT now(), duration_ms integer
    )
"""
SHAPE = """
    SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = 'public.migrations'::regclass AND attnum > 0 ORDER BY attnum
"""


def states(project: Project) -> dict[str, State]:
    return {status.name: status.state for status in project.migrator().status().statuses}


def test_an_fsapi_database_is_adopted_unchanged(project: Project) -> None:
    """Its rows count as applied, its table keeps its shape, and fsapi's own statements still work beside us."""
    old = project.write("old", "CREATE TABLE old (i int);", "DROP TABLE old;")
    new = project.write("new", "CREATE TABLE new (i int);", "DROP TABLE new;")
    project.rows(FSAPI)
    project.rows(f"INSERT INTO migrations (name, duration_ms) VALUES ('{old}', 12)")
    project.rows("CREATE TABLE old (i int)")
    before = project.rows(SHAPE), project.rows("SELECT * FROM migrations")
    assert states(project) == {old: State.APPLIED, new: State.PENDING}
    project.migrator().migrate()
    assert (project.rows(SHAPE), project.rows("SELECT * FROM migrations WHERE id = 1")) == before
    assert project.applied() == [old, new]
    project.migrator().rollback(2)
    assert not project.has("old")
    project.rows("INSERT INTO migrations (name, duration_ms) VALUES ('x.sql', 1)")
    project.rows("DELETE FROM migrations WHERE name = 'x.sql'")


def test_a_row_that_fsapi_made_anew_has_no_text_of_ours(project: Project) -> None:
    """fsapi rolls back and applies again: what we stored is not taken for what ran then."""
    name = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    project.migrator().migrate()
    project.rows("DELETE FROM migrations")
    project.rows(f"INSERT INTO migrations (id, name) VALUES (1, '{name}')")
    project.write_text(name, "-- UP\nCREATE TABLE a (i bigint);\n-- DOWN\nDROP TABLE a;\n")
    assert states(project) == {name: State.APPLIED}


def test_an_edited_applied_file_is_refused_with_its_difference(project: Project) -> None:
    """Comments and blanks are no edit; a literal is."""
    name = project.write("a", "CREATE TABLE a (i varchar(10));", "DROP TABLE a;")
    project.migrator().migrate()
    project.write_text(name, "-- UP\r\n/* a comment */ CREATE  TABLE a\r\n(i varchar(10));\r\n-- DOWN\r\nDROP TABLE a;")
    assert states(project) == {name: State.APPLIED}
    project.write_text(name, "-- UP\nCREATE TABLE a (i varchar(99));\n-- DOWN\nDROP TABLE a;\n")
    project.write("b", "CREATE TABLE b (i int);")
    assert states(project)[name] is State.DRIFTED
    with pytest.raises(Drifted) as caught:
        project.migrator().migrate()
    assert "-CREATE TABLE a (i varchar(10));" in str(caught.value)
    assert "+CREATE TABLE a (i varchar(99));" in str(caught.value)
    assert not project.has("b")


def test_an_applied_file_that_became_unreadable_is_drift(project: Project) -> None:
    """It is not what ran any more; rolling back still works, with what is stored."""
    name = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    project.migrator().migrate()
    project.write_text(name, b"\x00")
    with pytest.raises(Drifted, match="NUL"):
        project.migrator().migrate()
    project.migrator().rollback()
    assert not project.has("a")


def test_repair_accepts_an_edited_file(project: Project) -> None:
    """As a recorded event; from then on the new text is what is stored."""
    name = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE nope;")
    project.migrator().migrate()
    project.write_text(name, "-- UP\nCREATE TABLE a (i int);\n-- DOWN\nDROP TABLE a;\n")
    assert project.migrator().repair("a").names == (name,)
    assert states(project) == {name: State.APPLIED}
    (project.folder / name).unlink()
    project.migrator().rollback()
    assert not project.has("a")
    assert ("repair", "done") in project.rows("SELECT event, state FROM migrations_journal")


def test_repair_gives_an_adopted_row_its_text(project: Project) -> None:
    """So that its file may go, too."""
    name = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    project.rows(FSAPI + f"; INSERT INTO migrations (name) VALUES ('{name}'); CREATE TABLE a (i int)")
    project.migrator().repair(name)
    (project.folder / name).unlink()
    project.migrator().rollback()
    assert not project.has("a")


def test_repair_of_what_is_as_it_was_does_nothing(project: Project) -> None:
    """And of what is not there is an error."""
    project.write("a", "SELECT 1;")
    project.migrator().migrate()
    assert project.migrator().repair("a").names == ()
    with pytest.raises(UnknownMigration):
        project.migrator().repair("b")


def test_missing_files_are_reported_and_stop_nothing(project: Project) -> None:
    """Another branch has them."""
    gone = project.write("gone", "CREATE TABLE gone (i int);")
    project.migrator().migrate()
    (project.folder / gone).unlink()
    project.write("b", "CREATE TABLE b (i int);")
    assert states(project)[gone] is State.MISSING
    result = project.migrator().migrate()
    assert result.notes == (f"missing: {gone} is applied, but has no file",)
    assert project.has("b")


def test_late_files_are_said_and_run_in_order(project: Project) -> None:
    """As fsapi does it; never skipped in silence."""
    project.write("a", "CREATE TABLE a (i int);")
    project.migrator().migrate()
    late = project.write("late", "CREATE TABLE late (i int);", name="2025_06_01_00_00_late.sql")
    assert states(project)[late] is State.LATE
    result = project.migrator().migrate()
    assert any(late in note for note in result.notes)
    assert project.has("late")


def test_baseline_says_what_it_records_that_could_not_be_run(project: Project) -> None:
    """Another tool may have applied it, or nobody has."""
    name = project.write("a", "CREATE TABEL a (i int);")
    project.write("b", "CREATE TABLE b (i int);")
    noted = [
        note
        for note in project.migrator().baseline("b").notes
        if note.startswith("recorded although its UP cannot be run")
    ]
    assert [note.partition(": ")[2] for note in noted] == [f'{name}:2:8: syntax error at or near "TABEL"']


def test_baseline_records_without_running(project: Project) -> None:
    """Up to and with the name; what is recorded can be rolled back like anything else."""
    a = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    b = project.write("b", "CREATE TABLE b (i int);", "DROP TABLE b;")
    c = project.write("c", "CREATE TABLE c (i int);")
    project.rows("CREATE TABLE a (i int)")
    project.rows("CREATE TABLE b (i int)")
    result = project.migrator().baseline("b")
    assert str(result).splitlines()[0] == f"Recorded 2 migrations as applied on {project.label}, running nothing."
    assert states(project) == {a: State.APPLIED, b: State.APPLIED, c: State.PENDING}
    assert project.migrator().baseline(b).done == ()
    project.migrator().rollback()
    assert not project.has("b")
    assert project.has("a")


def test_the_journal_holds_every_attempt(project: Project) -> None:
    """Applied, failed and rolled back; by whom, from where; nothing is deleted."""
    project.write("a", "CREATE TABLE a (i int);", "DROP TABLE a;")
    broken = project.write("b", "SELECT 1/0;")
    with pytest.raises(Exception, match="division"):
        project.migrator(notebook="x.ipynb").migrate()
    project.migrator().rollback()
    events = project.migrator().history().events
    assert [(event.event, event.state) for event in events] == [("up", "done"), ("up", "failed"), ("down", "done")]
    assert (events[1].migration, events[1].notebook) == (broken, "x.ipynb")
    assert "division by zero" in (events[1].message or "")
    assert events[0].role
    assert events[0].host
    assert len({event.run_id for event in events}) == 2


def test_another_tools_table_is_not_touched(project: Project) -> None:
    """Laravel's has the same name: refused, with the way out."""
    project.rows("CREATE TABLE migrations (id serial PRIMARY KEY, migration varchar(255), batch int)")
    project.write("a", "SELECT 1;")
    with pytest.raises(HistoryError, match=r"no column applied_at, duration_ms, name"):
        project.migrator().migrate()
    assert project.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'migrations_%' AND relkind = 'r'") == 0


def test_the_table_is_found_where_fsapi_made_it(project: Project) -> None:
    """In the first schema of the search_path that has one; otherwise it is made in the first that there is."""
    project.rows("CREATE SCHEMA app")
    name = project.value("SELECT current_database()")
    project.rows(f"ALTER DATABASE {name} SET search_path = app, public")
    project.write("a", "CREATE TABLE a (i int);")
    project.migrator().migrate()
    assert project.value("SELECT name FROM app.migrations") is not None
    project.rows(f"ALTER DATABASE {name} SET search_path = public, app")
    assert project.migrator().migrate().done == ()


def test_a_temporary_table_does_not_stand_in(project: Project) -> None:
    """A script that makes a temporary `migrations` gets its own; the history goes where it belongs."""
    name = project.write(
        "temp", "CREATE TEMP TABLE migrations (name text, duration_ms int, id int, applied_at timestamp);"
    )
    project.migrator().migrate()
    assert project.applied() == [name]


def test_an_old_order_is_refused_on_a_protected_database(project: Project) -> None:
    """Unless it is asked for."""
    (project.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{project.database}"\nprotected = true\n'
    )
    project.write("a", "SELECT 1;")
    migrator = project.migrator(database="prod")
    migrator.migrate(yes=True)
    late = project.write("late", "SELECT 1;", name="2025_06_01_00_00_late.sql")
    with pytest.raises(OutOfOrder, match=late):
        migrator.migrate(yes=True)
    assert len(migrator.migrate(yes=True, out_of_order=True).done) == 1


def test_passwords_are_not_stored(project: Project) -> None:
    """A history row never holds one, whatever the script says."""
    role = "r_" + str(project.value("SELECT current_database()"))
    project.write("role", f"CREATE ROLE {role} PASSWORD 's3cret-canary';", f"DROP ROLE {role};")
    project.migrator().migrate()
    with psycopg.connect(project.database) as connection:
        dump = str(connection.execute("SELECT s, j FROM migrations_scripts s, migrations_journal j").fetchall())
    project.migrator().rollback()
    assert "canary" not in dump
    assert "CREATE ROLE" in dump


def test_a_migration_that_changes_the_search_path_loses_no_history(project: Project) -> None:
    """A history that knows the folder's files is found wherever it is."""
    database = project.value("SELECT current_database()")
    project.write("a", "CREATE TABLE public.a (i int);")
    project.write("path", f"CREATE SCHEMA app; ALTER DATABASE {database} SET search_path TO app;")
    project.migrator().migrate()
    project.write("b", "CREATE TABLE b (i int);")
    assert [status.state for status in project.migrator().pending().statuses] == [State.PENDING]
    project.migrator().migrate()
    assert project.value("SELECT count(*) FROM public.migrations") == 3
    assert project.has("app.b")
    assert not project.has("app.migrations")


def test_a_history_of_other_files_is_left_alone(project: Project) -> None:
    """Another application's, in another schema: ours is made in our own."""
    project.rows("CREATE SCHEMA other")
    project.rows(FSAPI.replace("TABLE migrations", "TABLE other.migrations"))
    project.rows("INSERT INTO other.migrations (name) VALUES ('2020_01_01_00_00_theirs.sql')")
    name = project.write("a", "CREATE TABLE a (i int);")
    project.migrator().migrate()
    assert project.applied() == [name]
    assert project.value("SELECT count(*) FROM other.migrations") == 1


def test_several_histories_of_the_same_files_are_a_question(project: Project) -> None:
    """Which of them is meant must be said."""
    name = project.write("a", "CREATE TABLE a (i int);")
    for schema in ("one", "two"):
        project.rows(f"CREATE SCHEMA {schema}")
        project.rows(FSAPI.replace("TABLE migrations", f"TABLE {schema}.migrations"))
        project.rows(f"INSERT INTO {schema}.migrations (name) VALUES ('{name}')")
    with pytest.raises(HistoryError, match=r"one\.migrations, two\.migrations"):
        project.migrator().migrate()
    (project.root / "pyproject.toml").write_text('[tool.fsapi_nb]\nschema = "two"\n')
    assert project.migrator().migrate().done == ()


def test_a_stale_row_of_ours_stops_nothing(project: Project) -> None:
    """Somebody emptied `migrations` and restarted its sequence."""
    name = project.write("a", "CREATE TABLE IF NOT EXISTS a (i int);", "DROP TABLE a;")
    project.migrator().migrate()
    project.rows("TRUNCATE migrations RESTART IDENTITY")
    project.migrator().migrate()
    assert project.applied() == [name]


def test_missing_rights_are_found_before_anything_runs(project: Project) -> None:
    """Not after a migration's SQL has run."""
    project.write("a", "SELECT 1;")
    project.migrator().migrate()
    project.write("b", "SELECT 1;")
    role = f"writer_{project.value('SELECT current_database()')}"
    project.rows(f"CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, DELETE ON migrations, migrations_scripts TO {role}")
    try:
        database = make_conninfo(project.database, options=f"-c role={role}")
        with pytest.raises(HistoryError) as caught:
            project.migrator(database=database).migrate()
    finally:
        project.rows(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert "permission denied for table migrations_journal" in str(caught.value)


def test_a_failed_rollback_says_that_the_migration_is_still_applied(project: Project) -> None:
    """Nothing was rolled back."""
    project.write("a", "CREATE TABLE a (i int);", "DROP TABLE nope;")
    project.migrator().migrate()
    with pytest.raises(StatementFailed, match="is applied, as before"):
        project.migrator().rollback()


def test_lines_of_a_stored_script_are_said_to_be_so(project: Project) -> None:
    """They are not those of the file."""
    name = project.write("a", "CREATE TABLE a (i int);", "DROP TABLE nope;")
    project.migrator().migrate()
    (project.folder / name).unlink()
    with pytest.raises(StatementFailed, match=r"\(as stored\):"):
        project.migrator().rollback()
