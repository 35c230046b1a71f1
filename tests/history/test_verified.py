"""Recorded is verified: a trigger or rule that swallows a row of the history undoes what the row was to record."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fsapi_nb import Migrator
from fsapi_nb.errors import FsapiError, HistoryError
from fsapi_nb.model.status import State
from tests.conftest import Project

SWALLOW = (
    "CREATE SCHEMA IF NOT EXISTS tools",
    "CREATE FUNCTION tools.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE TRIGGER quiet BEFORE {1} ON {0} FOR EACH ROW EXECUTE FUNCTION tools.swallow()",
)
TAKE_AWAY = (
    (
        "CREATE FUNCTION take_away() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN EXECUTE format('DELETE FROM %s WHERE id = $1', tg_relid::regclass) USING new.id; RETURN NULL; END $$"
    ),
    "CREATE TRIGGER quiet AFTER {1} ON {0} FOR EACH ROW EXECUTE FUNCTION take_away()",
)
TABLES = ["migrations", "migrations_scripts", "migrations_journal"]
UPDATE = "UPDATE t SET i = i + 1;"


@pytest.fixture
def counted(project: Project) -> Project:
    """A table of one number, the tables of the history, and a pending migration that adds one."""
    project.rows("CREATE TABLE t AS SELECT 0 AS i")
    project.write("first", "SELECT 1;", "SELECT 1;")
    project.migrator().migrate()
    return project


def number(project: Project) -> int:
    return int(project.value("SELECT i FROM t"))


def install(project: Project, statements: tuple[str, ...], table: str, event: str) -> None:
    for statement in statements:
        project.rows(statement.format(table, event))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("how", [SWALLOW, TAKE_AWAY], ids=["before", "after"])
@pytest.mark.parametrize(
    "script", [UPDATE, "ALTER TABLE t ALTER i SET DEFAULT 5;"], ids=["one that runs queries", "plain definitions"]
)
def test_a_row_that_is_swallowed_undoes_the_migration(
    counted: Project, table: str, how: tuple[str, ...], script: str
) -> None:
    """Three runs change nothing, and each says which trigger it is; without it the fourth applies."""
    install(counted, how, table, "INSERT")
    name = counted.write("add", script)
    for _ in range(3):
        with pytest.raises(HistoryError) as caught:
            counted.migrator().migrate()
        assert str(caught.value) == (
            f"the history row was not written to public.{table}\n"
            f"  the trigger quiet of public.{table} may be the cause\n"
            f"Database: {name} was rolled back and left nothing behind.\n"
            f"→ if it must not do that: ALTER TABLE public.{table} DISABLE TRIGGER quiet; then run again."
        )
        assert number(counted) == 0
        assert counted.value("SELECT count(*) FROM pg_attrdef WHERE adrelid = 't'::regclass") == 0
    counted.rows(f"ALTER TABLE {table} DISABLE TRIGGER quiet")
    counted.migrator().migrate()
    assert counted.applied()[1:] == [name]


@pytest.mark.parametrize("table", TABLES)
def test_a_rule_that_swallows_undoes_the_migration(counted: Project, table: str) -> None:
    """PostgreSQL refuses some of them, and the rest is looked for: nothing is done without its row."""
    counted.rows(f"CREATE RULE quiet AS ON INSERT TO {table} DO INSTEAD NOTHING")
    counted.write("add", UPDATE)
    with pytest.raises(FsapiError) as caught:
        counted.migrator().migrate()
    assert f"  the rule quiet of public.{table} may be the cause\n" in str(caught.value)
    assert f"ALTER TABLE public.{table} DISABLE RULE quiet; then run again." in str(caught.value)
    assert number(counted) == 0


def test_a_row_that_is_written_otherwise_undoes_the_migration(counted: Project) -> None:
    """A name that a trigger changes would not be found again."""
    install(
        counted,
        (
            (
                "CREATE FUNCTION upper_case() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN new.name := upper(new.name); RETURN new; END'"
            ),
            "CREATE TRIGGER quiet BEFORE {1} ON {0} FOR EACH ROW EXECUTE FUNCTION upper_case()",
        ),
        "migrations",
        "INSERT",
    )
    counted.write("add", UPDATE)
    with pytest.raises(HistoryError, match="the history row was not written to public.migrations\n"):
        counted.migrator().migrate()
    assert number(counted) == 0


EMPTYING = {
    "by name": "TRUNCATE migrations, migrations_scripts, migrations_journal",
    "all of a schema": "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
    "LOOP EXECUTE format('TRUNCATE %I CASCADE', t); END LOOP; END $$",
    "by a function": "CREATE FUNCTION clear() RETURNS void LANGUAGE sql AS 'DELETE FROM migrations'; SELECT clear()",
    "by a function of an INSERT": "CREATE TABLE sums (n int); CREATE FUNCTION clear() RETURNS int LANGUAGE sql AS "
    "'DELETE FROM migrations; SELECT 1'; INSERT INTO sums SELECT clear()",
    "by a function that was there": "INSERT INTO one SELECT swept()",
    "by a default": "ALTER TABLE one ADD COLUMN more int DEFAULT swept()",
    "the scripts": "DELETE FROM migrations_scripts",
    "made again": "DROP TABLE migrations; CREATE TABLE migrations (id serial PRIMARY KEY, name varchar(255) UNIQUE, "
    "applied_at timestamp DEFAULT now(), duration_ms int)",
    "behind a step": "VACUUM t; TRUNCATE migrations",
    "each alone": "-- fsapi: transaction=off\nDELETE FROM migrations",
}


def refuse_to_empty(project: Project, act: Callable[[], object]) -> None:
    """It is refused, with what to leave alone; the history has every row that it had, and its script."""
    before = project.applied()
    with pytest.raises(HistoryError, match="rows of the history are gone from public.migrations") as caught:
        act()
    assert "leave the tables of the history out of what the script empties" in str(caught.value)
    assert project.applied()[: len(before)] == before
    assert project.value("SELECT count(*) FROM migrations_scripts") == len(project.applied())
    assert number(project) == 0


@pytest.mark.parametrize("script", EMPTYING.values(), ids=EMPTYING)
def test_a_script_that_empties_the_history_is_undone(counted: Project, script: str) -> None:
    """What ran before it would be pending again, and run a second time."""
    counted.rows(
        "CREATE TABLE one (n int); INSERT INTO one VALUES (1); "
        "CREATE FUNCTION swept() RETURNS int LANGUAGE sql AS 'DELETE FROM migrations_scripts; SELECT 1'"
    )
    counted.write("empties", script)
    refuse_to_empty(counted, lambda: counted.migrator().migrate())
    assert len(counted.applied()) == 1


def test_a_script_that_empties_the_history_of_its_own_run_is_undone(project: Project) -> None:
    """On a new database there was no row when the run began; in a rollback one is that of a migration before it."""
    project.rows("CREATE TABLE t AS SELECT 0 AS i")
    names = [project.write("first", "SELECT 1;"), project.write("second", "SELECT 2;")]
    last = project.write("empties", "TRUNCATE migrations;", "DELETE FROM migrations WHERE name LIKE '%second.sql';")
    refuse_to_empty(project, lambda: project.migrator().migrate())
    assert project.applied() == names
    project.write("empties", "SELECT 3;", "DELETE FROM migrations WHERE name LIKE '%second.sql';", name=last)
    project.migrator().migrate()
    refuse_to_empty(project, lambda: project.migrator().rollback())
    assert project.applied() == [*names, last]


@pytest.mark.parametrize("table", ["migrations", "migrations_scripts"])
def test_a_row_that_stays_undoes_the_rollback(counted: Project, table: str) -> None:
    """The DOWN has not happened where its row cannot go."""
    name = counted.write("add", UPDATE, "UPDATE t SET i = i - 1;")
    counted.migrator().migrate()
    install(counted, SWALLOW, table, "DELETE")
    with pytest.raises(HistoryError) as caught:
        counted.migrator().rollback()
    assert f"the history row was not deleted from public.{table}\n" in str(caught.value)
    assert f"Database: nothing of this was kept: {name} is applied, as before.\n" in str(caught.value)
    assert number(counted) == 1
    assert name in counted.applied()


VERBS: dict[str, tuple[Callable[[Migrator, str], object], str, str]] = {
    "baseline": (lambda migrator, name: migrator.baseline(name), "migrations", "INSERT"),
    "repair": (lambda migrator, name: migrator.repair(name), "migrations_scripts", "UPDATE"),
    "fresh": (lambda migrator, _: migrator.fresh(yes=True), "migrations", "DELETE"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_what_only_records_is_verified_as_well(counted: Project, verb: str) -> None:
    """Where the row is not there, nothing is said to be done, and nothing is."""
    run, table, event = VERBS[verb]
    name = counted.write("add", UPDATE)
    if verb != "baseline":
        counted.migrator().migrate()
        (counted.folder / name).write_text("-- UP\nUPDATE t SET i = i + 1 WHERE true;\n")
    before = counted.rows("SELECT * FROM migrations, migrations_scripts")
    install(counted, SWALLOW, table, event)
    with pytest.raises(HistoryError, match=f"public.{table}\n"):
        run(counted.migrator(), name)
    assert counted.rows("SELECT * FROM migrations, migrations_scripts") == before
    assert counted.has("t")


def test_a_step_outside_of_a_transaction_does_not_begin_without_its_row(counted: Project) -> None:
    """Nobody could say later whether it has happened."""
    counted.write("index", "CREATE INDEX CONCURRENTLY t_i ON t (i);")
    install(counted, SWALLOW, "migrations_journal", "INSERT")
    with pytest.raises(HistoryError) as caught:
        counted.migrator().migrate()
    assert "the history row was not written to public.migrations_journal" in str(caught.value)
    assert not counted.has("t_i")


def test_a_step_outside_of_a_transaction_that_is_not_recorded_is_found_by_the_next_run(counted: Project) -> None:
    """It has happened, and the row of its migration has not: said so, and settled once the trigger is gone."""
    name = counted.write("index", "CREATE INDEX CONCURRENTLY t_i ON t (i);")
    install(counted, SWALLOW, "migrations", "INSERT")
    with pytest.raises(HistoryError) as caught:
        counted.migrator().migrate()
    assert "step 1 of 1 was run and not recorded; the next run looks what is there." in str(caught.value)
    counted.rows("DROP TRIGGER quiet ON migrations")
    counted.migrator().migrate()
    assert [status.state for status in counted.migrator().status().statuses if status.name == name] == [State.APPLIED]


def test_what_a_killed_run_has_left_is_not_settled_without_its_row(counted: Project) -> None:
    """The index is there, so the migration is done; where that cannot be recorded, the next run looks again."""
    name = counted.write("index", "CREATE INDEX CONCURRENTLY t_i ON t (i);", "DROP INDEX t_i;")
    install(counted, SWALLOW, "migrations", "INSERT")
    for _ in range(2):  # the first run leaves it in flight, the second settles it
        with pytest.raises(HistoryError, match="the history row was not written to public.migrations\n"):
            counted.migrator().migrate()
        assert counted.has("t_i")
        assert name not in counted.applied()
    counted.rows("DROP TRIGGER quiet ON migrations")
    counted.migrator().migrate()
    assert name in counted.applied()
    assert counted.rows("SELECT event, state FROM migrations_journal WHERE migration LIKE '%index%' ORDER BY id") == [
        ("up", "started"),
        ("up", "resolved"),
        ("up", "done"),
    ]


@pytest.mark.parametrize("table", ["migrations", "migrations_journal"])
def test_a_baseline_of_many_is_all_or_nothing(counted: Project, table: str) -> None:
    """A trigger that swallows one row of several undoes them all."""
    names = [counted.write(f"t{number}", "SELECT 1;") for number in range(3)]
    column = "name" if table == "migrations" else "migration"
    install(
        counted,
        (
            (
                "CREATE FUNCTION few() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN IF new.{column} LIKE '%t1%' THEN RETURN NULL; END IF; RETURN new; END $$"
            ),
            "CREATE TRIGGER quiet BEFORE {1} ON {0} FOR EACH ROW EXECUTE FUNCTION few()",
        ),
        table,
        "INSERT",
    )
    with pytest.raises(HistoryError, match=f"the history row was not written to public.{table}\n"):
        counted.migrator().baseline(names[-1])
    assert not set(names) & set(counted.applied())


@pytest.mark.parametrize("when", ["INITIALLY DEFERRED", "INITIALLY IMMEDIATE"])
def test_a_trigger_that_may_run_at_commit_is_refused(counted: Project, when: str) -> None:
    """It could take away what was verified before; a script can defer one that is not deferred by itself."""
    counted.rows(TAKE_AWAY[0])
    counted.rows(
        f"CREATE CONSTRAINT TRIGGER late AFTER INSERT ON migrations DEFERRABLE {when} "
        "FOR EACH ROW EXECUTE FUNCTION take_away()"
    )
    counted.write("add", f"SET CONSTRAINTS ALL DEFERRED;\n{UPDATE}")
    with pytest.raises(HistoryError) as caught:
        counted.migrator().migrate()
    assert "the trigger late of public.migrations may run at COMMIT" in str(caught.value)
    counted.rows((caught.value.hint or "").partition("or: ")[2])
    counted.migrator().migrate()
    assert number(counted) == 1


def test_a_foreign_key_to_the_history_is_left_alone(counted: Project) -> None:
    """Its deferred triggers are PostgreSQL's own."""
    counted.rows("CREATE TABLE notes (id int REFERENCES migrations DEFERRABLE INITIALLY DEFERRED)")
    counted.write("add", UPDATE)
    counted.migrator().migrate()
    assert number(counted) == 1
