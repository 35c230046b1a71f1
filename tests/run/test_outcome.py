"""What a run says beside the schema: the rows that statements have changed, as the server counted them, and waits."""

from __future__ import annotations

import threading

import pytest

from fsapi_nb.events import LockAwaited, StepRetried
from fsapi_nb.history.tables import Tables
from fsapi_nb.model.outcome import ChangedRows
from fsapi_nb.postgres.connect import open_session
from fsapi_nb.text.safe import esc
from fsapi_nb.views.results import RunResult
from tests import asking
from tests.conftest import Project


def rows(result: RunResult) -> list[tuple[str, str, int, int]]:
    return [(each.command, each.table, each.rows, each.statements) for done in result.done for each in done.rows]


def said(result: RunResult) -> list[str]:
    """The lines below the migrations."""
    return [line.strip() for line in str(result).splitlines() if line.startswith("      ")]


@pytest.mark.parametrize(
    ("sql", "changed", "words"),
    [
        ("INSERT INTO t VALUES (1), (2);", ("INSERT", "t", 2), "inserted 2 rows into t"),
        ("INSERT INTO t SELECT 3 WHERE false;", ("INSERT", "t", 0), "inserted no rows into t"),
        ("UPDATE ONLY public.t SET i = 5;", ("UPDATE", "public.t", 2), "updated 2 rows of public.t"),
        ("DELETE FROM t WHERE i = 7;", ("DELETE", "t", 1), "deleted 1 row of t"),
        ("COPY t FROM stdin;\n1\n2\n\\.\n", ("COPY", "t", 2), "copied 2 rows into t"),
        ('CREATE TABLE "N( ew" AS SELECT * FROM t;', ("SELECT", '"N( ew"', 2), 'filled "N( ew" with 2 rows'),
        ("SELECT * INTO n FROM t;", ("SELECT", "n", 2), "filled n with 2 rows"),
        ("CREATE MATERIALIZED VIEW m AS SELECT 1 FROM t;", ("SELECT", "m", 2), "filled m with 2 rows"),
        (
            "WITH x AS (DELETE FROM t RETURNING i) INSERT INTO u SELECT i FROM x;",
            ("INSERT", "u", 2),
            "inserted 2 rows into u",
        ),
        ("PREPARE p AS DELETE FROM t; EXECUTE p;", ("DELETE", "", 2), "deleted 2 rows"),
        ("SELECT 'into' FROM t; CREATE TABLE x (i int);", None, None),
    ],
)
def test_a_run_says_how_many_rows_its_statements_changed(
    project: Project, sql: str, changed: tuple[str, str, int] | None, words: str | None
) -> None:
    """By command and table; a query that only reads changes none."""
    project.rows("CREATE TABLE t (i int); CREATE TABLE u (i int); INSERT INTO t VALUES (6), (7)")
    project.write("a", sql)
    result = project.migrator().migrate(changes=False)
    assert rows(result) == ([(*changed, 1)] if changed else [])
    assert said(result) == ([words] if words else [])
    assert (esc(words) in result.html()) if words else ("row" not in str(result))


def test_a_merge_says_how_many_rows_it_changed(project: Project) -> None:
    """From PostgreSQL 15 on."""
    if project.value("SELECT current_setting('server_version_num')::int < 150000"):
        pytest.skip("no MERGE")
    project.rows("CREATE TABLE t (i int); INSERT INTO t VALUES (6), (7)")
    project.write("a", "MERGE INTO t USING (VALUES (7)) v(i) ON t.i = v.i WHEN MATCHED THEN DELETE;")
    assert said(project.migrator().migrate()) == ["merged 1 row into t"]


def test_many_statements_are_counted_together(project: Project) -> None:
    """A sum for each command and table, in order of the first, whatever stands between them, in several steps."""
    inserts = "".join(f"INSERT INTO {'tu'[number % 2]} VALUES ({number});\n" for number in range(1000))
    project.write("tables", "CREATE TABLE t (i int); CREATE TABLE u (i int);")
    project.write(
        "seed",
        f"{inserts}insert into t(i) values (1);\nCREATE INDEX CONCURRENTLY i ON t (i);\n-- so\nINSERT INTO t VALUES (2);",
        "DELETE FROM t; DELETE FROM u;",
    )
    result = project.migrator().migrate()
    assert rows(result) == [("INSERT", "t", 502, 502), ("INSERT", "u", 500, 500)]
    assert result.to_json()["done"][1]["rows"][0] == {"command": "INSERT", "table": "t", "rows": 502, "statements": 502}
    assert list(result.to_frame()["rows"]) == [0, 1002]
    assert list(result.to_frame()["attempts"]) == [1, 1]
    assert rows(project.migrator().rollback()) == [("DELETE", "t", 502, 1), ("DELETE", "u", 500, 1)]


def test_rows_are_counted_by_the_table_that_a_statement_names(project: Project) -> None:
    """Not by that of a statement with the same answer, whose text the next one begins with."""
    project.rows("CREATE TABLE t (i int); CREATE TABLE tt (i int); INSERT INTO t VALUES (6); INSERT INTO tt VALUES (7)")
    project.write("a", "DELETE FROM t; DELETE FROM tt; DELETE FROM tt WHERE i = 7; DELETE FROM t;")
    result = project.migrator().migrate(changes=False)
    assert rows(result) == [("DELETE", "t", 1, 2), ("DELETE", "tt", 1, 2)]


def test_a_redo_says_it_for_each_direction(project: Project) -> None:
    """Although both are one transaction."""
    project.write("t", "CREATE TABLE t (i int); INSERT INTO t VALUES (1);", "UPDATE t SET i = 2; DROP TABLE t;")
    project.migrator().migrate()
    result = project.migrator().redo()
    assert [[each.command for each in done.rows] for done in result.done] == [["UPDATE"], ["INSERT"]]


def test_a_cell_says_it_too(project: Project) -> None:
    """Below the run of `%%migration --apply`."""
    result = project.migrator().write("t", "CREATE TABLE t AS SELECT 1 AS i;", apply=True)
    assert "filled t with 1 row" in str(result)


def test_of_many_tables_a_notebook_stores_the_first_and_the_last(project: Project) -> None:
    """A terminal shows all of them."""
    project.write("t", "".join(f"CREATE TABLE t{number:02} AS SELECT 1 AS i;\n" for number in range(30)))
    result = project.migrator().migrate()
    assert said(result)[-4:] == [
        "… rows of 21 tables more",
        *(f"filled t{number} with 1 row" for number in (27, 28, 29)),
    ]
    assert len([line for line in result.lines(times=True) if "filled" in line]) == 30


def test_a_run_that_was_tried_again_says_so(project: Project) -> None:
    """How often, and for which lock; who held it, and for how long, differs from run to run: only with times."""
    project.rows("CREATE TABLE t (i int)")
    project.write("a", "INSERT INTO t VALUES (1); ALTER TABLE t ADD COLUMN j int;")
    tried = threading.Event()
    with asking.session(project.database) as holder:
        holder.execute(b"BEGIN; LOCK TABLE t IN ACCESS SHARE MODE")

        def release(event: object) -> None:
            if isinstance(event, StepRetried) and event.attempts == 2 and not tried.is_set():
                tried.set()
                holder.execute(b"COMMIT")

        result = project.migrator(lock_timeout="400ms", observers=(release,)).migrate(changes=False)
    (done,) = result.done
    (wait,) = done.waits
    assert (wait.step, wait.attempts, wait.reason) == (1, 3, "lock timeout")
    assert done.rows == (ChangedRows("INSERT", "t", 1),)
    assert said(result) == [
        "after 3 attempts (lock timeout), waited for a lock of table public.t",
        "inserted 1 row into t",
    ]
    shown = next(line for line in result.lines(times=True) if "after 3" in line)
    assert f"held by pid {wait.blockage.blockers[0].pid} (" in shown
    assert " s" in shown.rpartition("for ")[2]
    assert list(result.to_frame()["attempts"]) == [3]
    (fact,) = result.to_json()["done"][0]["waits"]
    assert (fact["attempts"], fact["blockers"][0]["lock"]) == (3, "table public.t")


def test_a_run_that_waited_for_another_runner_says_so(project: Project) -> None:
    """Who it was is shown while it waits."""
    project.write("a", "CREATE TABLE t (i int);")
    project.migrator().plan()
    with open_session(project.database, application="another") as session:
        key = Tables("public").lock_key(session.facts.database)
        session.connection().execute("SELECT pg_advisory_lock(%s)", [key])

        def release(event: object) -> None:
            if isinstance(event, LockAwaited):
                session.connection().execute("SELECT pg_advisory_unlock_all()")

        result = project.migrator(observers=(release,)).migrate(changes=False)
    assert result.notes == ("waited for another runner of fsapi_nb to end",)
    assert project.migrator().migrate().notes == ()
