"""Blocks and procedures that commit by themselves: where they run, and what is said where one fails half-way."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import FaultyMigrations, InDoubt, StatementFailed
from fsapi_nb.model.plan import Mode
from tests.conftest import Project

PROCEDURE = (
    "CREATE PROCEDURE fill(n int) LANGUAGE plpgsql AS "
    "$$ BEGIN INSERT INTO t VALUES (n); COMMIT; INSERT INTO t VALUES (1 / (n - n)); END $$;"
)
HALF_COMMITTED = {
    "a block": "DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; RAISE EXCEPTION 'boom'; END $$;",
    "a loop": "DO $$ BEGIN FOR n IN 1..3 LOOP INSERT INTO t VALUES (n / (2 - n)); COMMIT; END LOOP; END $$;",
    "a procedure": "CALL fill(1);",
    "a block that calls": "DO $$ BEGIN CALL fill(1); END $$;",
}


def values(project: Project) -> list[int]:
    return [i for (i,) in project.rows("SELECT i FROM t ORDER BY i")]


@pytest.mark.parametrize("off", [True, False], ids=["transaction=off", "by itself"])
@pytest.mark.parametrize("sql", HALF_COMMITTED.values(), ids=HALF_COMMITTED)
def test_what_had_committed_before_it_failed_is_in_doubt(project: Project, sql: str, *, off: bool) -> None:
    """A part of it is committed: neither is that denied, nor is it run again by the next run."""
    first = "-- fsapi: transaction=off\n" if off else ""
    name = project.write("half", f"{first}CREATE TABLE t (i int PRIMARY KEY);\n{PROCEDURE}\n{sql}", "DROP TABLE t;")
    with pytest.raises(StatementFailed, match="a part of it may be committed, and the next run does not") as failure:
        project.migrator().migrate()
    assert f"run `sapi migrate:resolve {name} --retry`" in str(failure.value)
    assert values(project) == [1]
    for _ in range(2):
        with pytest.raises(InDoubt, match="had committed by itself and failed then: line"):
            project.migrator().migrate()
    assert values(project) == [1]
    status = project.migrator().status().statuses[-1]
    assert (status.state.value, "had committed by itself" in str(status.note)) == ("in doubt", True)


@pytest.mark.parametrize(
    ("answer", "left"), [({"done": True}, [1]), ({"retry": True}, [1]), ({"undo": True}, None)], ids=str
)
def test_it_goes_on_as_the_user_says(project: Project, answer: dict[str, bool], left: list[int] | None) -> None:
    """Once somebody has looked at what is there."""
    project.rows("CREATE TABLE may (yes int); INSERT INTO may VALUES (0)")
    sql = "DO $$ BEGIN INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING; COMMIT; PERFORM 1 / yes FROM may; END $$;"
    name = project.write("half", f"CREATE TABLE t (i int PRIMARY KEY);\n{sql}", "DROP TABLE t;")
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    project.rows("UPDATE may SET yes = 1")
    project.migrator().resolve(name, **answer)
    if left is None:
        assert not project.has("t")
        return
    project.migrator().migrate()
    assert (project.applied(), values(project)) == ([name], left)


@pytest.mark.parametrize(
    "sql",
    [
        "DO $$ BEGIN INSERT INTO t SELECT 1; INSERT INTO t SELECT 3 / no FROM may; COMMIT; END $$;",
        "DO $$ BEGIN INSERT INTO t SELECT 1; PERFORM 1 / no FROM may; COMMIT; END $$;",
        "-- fsapi: transaction=off\nDO $$ BEGIN INSERT INTO t SELECT 1; PERFORM 1 / no FROM may; END $$;",
    ],
)
def test_what_failed_before_it_committed_has_left_nothing(project: Project, sql: str) -> None:
    """Then nothing is in doubt: the next run begins with it."""
    project.rows("CREATE TABLE may (no int); INSERT INTO may VALUES (0); CREATE TABLE t (i int PRIMARY KEY)")
    name = project.write("early", sql)
    with pytest.raises(StatementFailed, match="failed, and the next run begins with it"):
        project.migrator().migrate()
    project.rows("UPDATE may SET no = 1")
    project.migrator().migrate()
    assert project.applied() == [name]


@pytest.mark.parametrize("where", ["the block", "the same file", "an earlier file", "the database", "through another"])
def test_what_commits_by_itself_never_meets_a_transaction(project: Project, where: str) -> None:
    """It is found before anything runs, wherever its text is, and is a step outside of a transaction."""
    procedure = "CREATE PROCEDURE go() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT; END $$;"
    project.write("first", "CREATE TABLE t (i int);")
    sql = "CALL go();"
    if where == "the block":
        sql = "DO $$ BEGIN INSERT INTO t VALUES (1); IF true THEN COMMIT; END IF; END $$;"
    elif where == "the same file":
        sql = f"{procedure}\nCALL go();"
    elif where == "an earlier file":
        project.write("second", procedure)
    elif where == "the database":
        project.rows(procedure)
    else:
        project.rows(procedure)
        project.rows("CREATE PROCEDURE outer_go() LANGUAGE plpgsql AS $$ BEGIN CALL public.go(); END $$")
        sql = "DO $$ BEGIN CALL outer_go(); END $$;"
    project.write("last", f"{sql}\nCREATE TABLE u (i int);")
    step = next(s for s in project.migrator().plan().plan.steps if s.mode is Mode.AUTOCOMMIT)
    assert "commits or rolls back by itself, which PostgreSQL refuses in a transaction" in step.reason
    project.migrator().migrate()
    assert values(project) == [1]
    assert project.has("u")


def test_inside_a_pair_of_the_file_it_is_a_fault(project: Project) -> None:
    """Of the whole run, before anything of it."""
    project.write("first", "CREATE TABLE t (i int);")
    project.write("last", "BEGIN;\nDO $$ BEGIN COMMIT; END $$;\nCOMMIT;")
    with pytest.raises(
        FaultyMigrations, match=r":3: DO commits or rolls back by itself(.|\n)*move it out of the BEGIN"
    ):
        project.migrator().migrate()
    assert not project.has("t")


@pytest.mark.parametrize(
    "sql",
    [
        "DO $$ BEGIN PERFORM 'COMMIT;'; /* ROLLBACK; */ END $$;",
        "CREATE PROCEDURE go() LANGUAGE plpgsql AS $$ BEGIN NULL; END $$;\nCALL go();",
        "CREATE PROCEDURE go() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;",
        "CREATE PROCEDURE go() LANGUAGE sql AS 'SELECT 1';\nCALL go();",
    ],
)
def test_what_does_not_commit_stays_in_the_transaction(project: Project, sql: str) -> None:
    """A word in a string or a comment, a procedure that is only made, one that does not commit."""
    project.write("one", sql)
    assert [step.mode for step in project.migrator().plan().plan.steps] == [Mode.TRANSACTION]
    project.migrator().migrate()
