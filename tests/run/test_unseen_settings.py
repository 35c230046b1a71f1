"""Steps that leave something in their session which their text does not show: the rest never runs without it."""

from __future__ import annotations

import pytest
from psycopg.conninfo import make_conninfo

from fsapi_nb.errors import PartlyApplied, StatementFailed
from fsapi_nb.model.status import State
from tests.conftest import Project

BOUNDARY = "CREATE INDEX CONCURRENTLY i ON public.t (n);\nSELECT 1 / yes FROM public.may;"
_SETS = "PERFORM set_config('{}', '{}', false)"
#: What a called function does; what the rest does with it; what the refusal says of it.
UNSEEN = [
    (
        _SETS.format("search_path", "app, public"),
        "INSERT INTO u VALUES (7);",
        'search_path was app, public, and is "$user", public',
    ),
    (
        _SETS.format("TimeZone", "Asia/Tokyo"),
        "INSERT INTO u SELECT 7 WHERE extract(timezone FROM now()) = 32400;",
        "TimeZone was Asia/Tokyo, and is ",
    ),
    (
        _SETS.format("role", "pg_monitor"),
        "INSERT INTO public.v SELECT 7 WHERE current_user = 'pg_monitor';",
        "role was pg_monitor, and is none",
    ),
    (
        _SETS.format("app.tenant", "seven"),
        "INSERT INTO u SELECT 7 WHERE current_setting('app.tenant') = 'seven';",
        "app.tenant was set, and is not",
    ),
    (
        _SETS.format("app.tenant", "seven"),
        "INSERT INTO d DEFAULT VALUES; INSERT INTO u SELECT 7 FROM d WHERE tenant = 'seven';",
        "app.tenant was set, and is not",
    ),
    (
        "PERFORM pg_advisory_lock(7)",
        "INSERT INTO u SELECT 7 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7;",
        "advisory locks were 7, and are none",
    ),
]
INTO = "SELECT (SELECT count(*) FROM public.u), (SELECT count(*) FROM app.u), (SELECT count(*) FROM public.v)"


def prepared(project: Project, does: str) -> None:
    """A database in which a function does that, and a division that fails."""
    project.rows("CREATE TABLE t (n int); CREATE TABLE may (yes int); INSERT INTO may VALUES (0); CREATE SCHEMA app")
    project.rows(
        "CREATE TABLE u (n int); CREATE TABLE app.u (n int); CREATE TABLE v (n int); GRANT ALL ON v TO pg_monitor"
    )
    project.rows(
        "GRANT SELECT ON may TO pg_monitor; GRANT CREATE ON SCHEMA public TO pg_monitor; ALTER TABLE t OWNER TO pg_monitor"
    )
    project.rows("CREATE TABLE d (tenant text DEFAULT current_setting('app.tenant', true))")
    project.rows(f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {does}; END $$")


def refused(project: Project, **options: str) -> PartlyApplied:
    """The refusal of a run that would go on."""
    with pytest.raises(PartlyApplied) as caught:
        project.migrator(**options).migrate()
    return caught.value


def advised(error: PartlyApplied) -> str:
    """What is to be pasted; a value that only its author knows is filled in."""
    assert "put this in front of the part of the file that has not run" in str(error.hint)
    return str(error.hint).rpartition("run again: ")[2].replace("…", "seven")


@pytest.mark.parametrize(
    "step",
    ["SELECT f();", "BEGIN; SELECT f(); SET LOCAL search_path = app; COMMIT; BEGIN; SELECT 1; COMMIT;"],
    ids=["one", "two"],
)
@pytest.mark.parametrize(("does", "rest", "said"), UNSEEN)
def test_the_rest_does_not_run_without_what_a_function_has_set(
    project: Project, does: str, rest: str, said: str, step: str
) -> None:
    """The plan refuses with its name and what to paste; then it ends where an undisturbed run ends."""
    prepared(project, does)
    name = project.write("a", f"{step}\n{BOUNDARY}\n{rest}")
    with pytest.raises(StatementFailed, match="division by zero"):
        project.migrator().migrate()
    project.rows("UPDATE may SET yes = 1")
    error = refused(project)
    assert [line for line in error.details if said in line], error.details
    assert len(error.details) == 1
    assert str(error.state).startswith("unchanged; its first")
    with pytest.raises(PartlyApplied):
        project.migrator().plan()
    assert project.migrator().status().statuses[-1].state is State.PARTLY_APPLIED
    assert project.rows(INTO) == [(0, 0, 0)]
    project.write("a", f"{step}\n{BOUNDARY.replace('SELECT 1', advised(error) + ' SELECT 1')}\n{rest}", name=name)
    project.migrator().migrate()
    assert project.applied() == [name]
    assert sum(project.rows(INTO)[0]) == 1
    assert project.value("SELECT count(*) FROM app.u") == (1 if "search_path" in does else 0)


def test_a_value_of_the_run_is_given_again(project: Project) -> None:
    """What --set gave to the first steps, the rest gets too, or it does not run; the value itself stands nowhere."""
    prepared(project, "NULL")
    project.write(
        "a", f"SELECT 1;\n{BOUNDARY}\nINSERT INTO u SELECT 7 WHERE current_setting('fsapi.tenant', true) = 'canary';"
    )
    with pytest.raises(StatementFailed, match="division by zero"):
        project.migrator(settings={"tenant": "canary"}).migrate()
    project.rows("UPDATE may SET yes = 1")
    for wrong, said in (({}, "was set, and is not"), ({"tenant": "other"}, "was set to another value")):
        with pytest.raises(PartlyApplied, match=said) as caught:
            project.migrator(settings=wrong).migrate()
        assert "--set tenant" in str(caught.value.hint)
    assert project.rows("SELECT FROM migrations_journal j WHERE j::text LIKE '%canary%' AND event <> 'up'") == []
    assert "canary" not in str(project.rows("SELECT witness FROM migrations_journal"))
    project.migrator(settings={"tenant": "canary"}).migrate()
    assert project.rows(INTO) == [(1, 0, 0)]


def test_a_setting_that_only_the_connection_of_the_rest_has_keeps_it_from_running(project: Project) -> None:
    """Such as options of an address, or PGTZ: the first steps had the server's own."""
    prepared(project, "NULL")
    project.write("a", f"SELECT 1;\n{BOUNDARY}\nINSERT INTO u VALUES (7);")
    with pytest.raises(StatementFailed, match="division by zero"):
        project.migrator().migrate()
    project.rows("UPDATE may SET yes = 1")
    other = make_conninfo(project.database, options="-c datestyle=German")
    assert "DateStyle was ISO, MDY, and is German" in str(refused(project, database=other))
    assert len(project.migrator().migrate().done) == 1


def test_what_ends_with_its_transaction_keeps_nothing_from_going_on(project: Project) -> None:
    """A SET LOCAL, a lock of the transaction, a table that is dropped at its end: the next session is the same."""
    prepared(project, "SET LOCAL search_path = app; PERFORM pg_advisory_xact_lock(7)")
    project.rows("CREATE TABLE app.may (yes int)")
    temporary = "CREATE TEMP TABLE x (n int) ON COMMIT DROP;"
    name = project.write(
        "a",
        f"BEGIN; SET LOCAL timezone = 'Asia/Tokyo'; SELECT f(); {temporary} COMMIT; BEGIN; SELECT 1; COMMIT;\n{BOUNDARY}\nINSERT INTO u VALUES (7);",
    )
    with pytest.raises(StatementFailed, match="division by zero"):
        project.migrator().migrate()
    project.rows("UPDATE may SET yes = 1")
    project.migrator().migrate()
    assert project.applied() == [name]
    assert project.rows(INTO) == [(1, 0, 0)]


def test_what_has_ended_with_a_step_is_taken_back_in_the_journal(project: Project) -> None:
    """The row of a step was written inside of its transaction; another one says what the session has after it."""
    project.rows("CREATE TABLE t (n int)")
    project.write("a", "SET LOCAL timezone = 'Asia/Tokyo'; SELECT 1;\nCREATE INDEX CONCURRENTLY i ON t (n);")
    project.migrator().migrate()
    zones = (
        "SELECT state, witness::json ->> 'TimeZone' <> 'Asia/Tokyo' FROM migrations_journal WHERE step = 1 ORDER BY id"
    )
    assert project.rows(zones) == [("done", False), ("session", True)]


def test_a_temporary_table_that_a_function_has_made_is_missed(project: Project) -> None:
    """A table of that name that stays is another one."""
    prepared(project, "CREATE TEMP TABLE x AS SELECT 7 AS n")
    project.rows("CREATE TABLE x (n int); INSERT INTO x VALUES (9)")
    project.write("a", f"SELECT f();\n{BOUNDARY}\nINSERT INTO u SELECT n FROM x;")
    with pytest.raises(StatementFailed, match="division by zero"):
        project.migrator().migrate()
    project.rows("UPDATE may SET yes = 1")
    assert "needs the temporary table x, which an earlier step has made" in str(refused(project))
    assert project.rows(INTO) == [(0, 0, 0)]


def test_a_setting_whose_value_is_computed_is_compared_before_the_rest_runs(project: Project) -> None:
    """It is set again from the text, and would be another one now."""
    prepared(project, "NULL")
    project.rows("CREATE TABLE path (name text); INSERT INTO path VALUES ('app')")
    project.write(
        "a",
        f"SELECT set_config('search_path', (SELECT name FROM public.path), false);\n{BOUNDARY}\nINSERT INTO u VALUES (7);",
    )
    with pytest.raises(StatementFailed, match="division by zero"):
        project.migrator().migrate()
    project.rows("UPDATE may SET yes = 1; UPDATE path SET name = 'public'")
    assert "search_path was app, and is public" in str(refused(project))
    project.rows("UPDATE path SET name = 'app'")
    project.migrator().migrate()
    assert project.rows(INTO) == [(0, 1, 0)]


def test_who_may_add_to_the_journal_chooses_no_setting(project: Project) -> None:
    """A planted row makes a run be refused at most; what the refusal shows is quoted."""
    prepared(project, "NULL")
    project.write("a", f"SELECT 1;\n{BOUNDARY}\nINSERT INTO u VALUES (7);")
    with pytest.raises(StatementFailed, match="division by zero"):
        project.migrator().migrate()
    project.rows("UPDATE may SET yes = 1")
    project.rows(
        "INSERT INTO migrations_journal (run_id, migration, event, state, step, steps, in_transaction, witness) SELECT run_id, "
        "migration, event, 'session', step, steps, in_transaction, json_build_object('search_path', 'app'';DROP TABLE u;--', "
        "'x y', 'z')::text FROM migrations_journal WHERE state = 'done' ORDER BY step DESC LIMIT 1"
    )
    error = refused(project)
    assert "set_config('search_path', 'app'';DROP TABLE u;--', false)" in str(error)
    assert project.rows(INTO) == [(0, 0, 0)]


def test_who_is_killed_behind_a_commit_is_not_refused_for_what_has_ended_with_it(project: Project) -> None:
    """What the file sets for a transaction is known from its text, if nobody has looked at the session behind it."""
    prepared(project, "NULL")
    temporary = "CREATE TEMP TABLE u (n int) ON COMMIT DROP;"
    local = (
        "SET LOCAL search_path = pg_temp, app; SELECT set_config('app.tenant', 'x', true), pg_advisory_xact_lock(7);"
    )
    project.write(
        "a",
        f"BEGIN; {temporary} {local} COMMIT; BEGIN; SELECT 1 / yes FROM may; INSERT INTO u VALUES (7); COMMIT;",
    )
    with pytest.raises(StatementFailed, match="division by zero"):
        project.migrator().migrate()
    project.rows("UPDATE may SET yes = 1; DELETE FROM migrations_journal WHERE state = 'session'")
    assert len(project.migrator().migrate().done) == 1
    assert project.rows(INTO) == [(1, 0, 0)]


def test_a_definition_without_a_literal_needs_no_time_zone(project: Project) -> None:
    """An index is the same under each; so the run goes on by itself behind a change of what new sessions begin with."""
    prepared(project, "NULL")
    database = project.value("SELECT quote_ident(current_database())")
    project.rows("INSERT INTO t VALUES (1), (1)")
    change = f"ALTER DATABASE {database} SET timezone = 'Asia/Tokyo'"
    project.write("a", f"{change};\nCREATE UNIQUE INDEX CONCURRENTLY i ON t (n);")
    with pytest.raises(StatementFailed, match="could not create unique index"):
        project.migrator().migrate()
    project.rows("TRUNCATE t")
    assert len(project.migrator().migrate().done) == 1
