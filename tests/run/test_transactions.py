"""Transactions that a file opens, ends or cannot have."""

from __future__ import annotations

import psycopg
import pytest

from fsapi_nb.errors import FaultyMigrations, PartlyApplied, StatementFailed, TransactionEnded
from fsapi_nb.model.plan import Mode
from tests.conftest import Project


def test_a_files_own_pair_is_absorbed(project: Project) -> None:
    """BEGIN and COMMIT around a file change nothing: one transaction, with its history row."""
    project.write("pair", "BEGIN;\nCREATE TABLE t (i int);\nSELECT 1/0;\nCOMMIT;")
    with pytest.raises(StatementFailed, match="division by zero"):
        project.migrator().migrate()
    assert not project.has("t")
    assert project.applied() == []


def test_a_pair_with_statements_around_it_is_one_transaction(project: Project) -> None:
    """Nothing of the file stays where its last statement fails."""
    project.write("pair", "CREATE TABLE a (i int);\nBEGIN;\nCREATE TABLE b (i int);\nCOMMIT;\nSELECT 1/0;")
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    assert not project.has("a")
    assert not project.has("b")


def test_a_pair_keeps_its_isolation_level(project: Project) -> None:
    """BEGIN ISOLATION LEVEL SERIALIZABLE is what the transaction runs with."""
    project.write(
        "pair",
        "BEGIN ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE t AS SELECT current_setting('transaction_isolation') AS level;\nCOMMIT;",
    )
    project.migrator().migrate()
    assert project.value("SELECT level FROM t") == "serializable"


def test_a_file_may_set_its_transaction_up(project: Project) -> None:
    """SET TRANSACTION must come before any query: none of ours comes before it."""
    project.write(
        "set",
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;\nCREATE TABLE t AS SELECT current_setting('transaction_isolation') AS level;",
    )
    project.migrator().migrate()
    assert project.value("SELECT level FROM t") == "repeatable read"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("BEGIN;\nCREATE TABLE t (i int);", "BEGIN without a COMMIT"),
        ("CREATE TABLE t (i int);\nCOMMIT;", "COMMIT without a BEGIN"),
        ("BEGIN;\nBEGIN;\nCREATE TABLE t (i int);\nCOMMIT;", "BEGIN inside a transaction"),
        ("CREATE TABLE t (i int);\nROLLBACK;", "ROLLBACK would undo"),
        ("BEGIN;\nCREATE TABLE t (i int);\nPREPARE TRANSACTION 'x';", "prepared transaction"),
        ("BEGIN;\nVACUUM;\nCOMMIT;", "refuses VACUUM in a transaction block"),
    ],
)
def test_pairs_that_do_not_match_are_refused_with_their_line(project: Project, sql: str, message: str) -> None:
    """Nothing is guessed: the file, the line and what to do are said, and nothing ran."""
    project.write("bad", sql)
    with pytest.raises(FaultyMigrations, match=message) as caught:
        project.migrator().migrate()
    assert all(problem.place.line > 1 for problem in caught.value.problems)
    assert not project.has("t")


def test_several_pairs_are_steps(project: Project) -> None:
    """Each commits by itself; a failure leaves those before it, and the next run goes on from there."""
    name = project.write(
        "pairs", "BEGIN;\nCREATE TABLE a (i int);\nCOMMIT;\nBEGIN;\nINSERT INTO b VALUES (1);\nCOMMIT;"
    )
    migrator = project.migrator()
    with pytest.raises(StatementFailed, match=r"step 1 of 2 of .*pairs\.sql is committed"):
        migrator.migrate()
    assert project.has("a")
    assert project.applied() == []
    assert migrator.status().statuses[0].state.value == "partly applied"
    project.rows("CREATE TABLE b (i int)")
    migrator.migrate()
    assert project.applied() == [name]
    assert project.value("SELECT count(*) FROM b") == 1


def test_a_file_that_was_edited_half_way_is_refused_with_its_difference(project: Project) -> None:
    """Where the edit is in a step that ran; what comes behind it may be mended."""
    name = project.write(
        "pairs", "BEGIN;\nCREATE TABLE a (i int);\nCOMMIT;\nBEGIN;\nSELECT 1/0;\nCOMMIT;", "DROP TABLE a;"
    )
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    project.write_text(name, "-- UP\nBEGIN;\nCREATE TABLE a (i bigint);\nCOMMIT;\nBEGIN;\nSELECT 1;\nCOMMIT;\n")
    with pytest.raises(PartlyApplied, match="was edited in step 1") as caught:
        project.migrator().migrate()
    assert "-CREATE TABLE a (i int)" in str(caught.value)
    project.write_text(
        name, "-- UP\nBEGIN;\nCREATE TABLE a (i int) /* as it was */;\nCOMMIT;\nBEGIN;\nSELECT 1;\nCOMMIT;\n"
    )
    project.migrator().migrate()
    assert project.applied() == [name]


def test_commit_and_chain_is_a_step_boundary(project: Project) -> None:
    """As the author meant it: what stands before it stays."""
    project.write("chain", "CREATE TABLE a (i int);\nCOMMIT AND CHAIN;\nSELECT 1/0;")
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    assert project.has("a")


def test_statements_that_postgresql_refuses_in_a_transaction_run_alone(project: Project) -> None:
    """Around them the rest stays together, and the plan says why."""
    name = project.write(
        "mixed",
        "CREATE TABLE t (i int);\nINSERT INTO t VALUES (1);\n"
        "CREATE INDEX CONCURRENTLY t_i ON t (i);\nVACUUM t;\nINSERT INTO t VALUES (2);",
        "DROP INDEX CONCURRENTLY t_i;\nDROP TABLE t;",
    )
    plan = project.migrator().plan().plan
    assert [(step.mode, len(step.parts[0].statements)) for step in plan.steps] == [
        (Mode.TRANSACTION, 2),
        (Mode.AUTOCOMMIT, 1),
        (Mode.AUTOCOMMIT, 1),
        (Mode.TRANSACTION, 1),
    ]
    assert "CREATE INDEX CONCURRENTLY" in plan.steps[1].reason
    project.migrator().migrate()
    assert project.applied() == [name]
    assert project.value("SELECT count(*) FROM t") == 2
    project.migrator().rollback()
    assert project.applied() == []
    assert not project.has("t")


def test_an_index_that_a_failed_build_left_is_dropped_before_the_next(project: Project) -> None:
    """No repair by hand: mend the data and run again."""
    project.write("t", "CREATE TABLE t (i int);\nINSERT INTO t VALUES (1), (1);")
    name = project.write("index", "CREATE UNIQUE INDEX CONCURRENTLY t_i ON t (i);")
    migrator = project.migrator()
    with pytest.raises(StatementFailed, match="could not create unique index"):
        migrator.migrate()
    assert not project.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_i'::regclass")
    project.rows("DELETE FROM t")
    result = migrator.migrate()
    assert any("t_i is there, but invalid" in note for note in result.notes)
    assert project.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_i'::regclass")
    assert project.applied()[-1] == name


@pytest.mark.parametrize("first", ["", "-- fsapi: transaction=off\n"], ids=["", "transaction=off"])
@pytest.mark.parametrize(
    "sql",
    [
        "DO $$ BEGIN EXECUTE 'CREATE INDEX CONCURRENTLY i ON t (i)'; END $$;",
        "SELECT f('VACUUM');",
        "CALL p('ALTER SYSTEM RESET work_mem');",
    ],
)
def test_what_no_function_may_run_is_not_advised_to_leave_the_transaction(
    project: Project, sql: str, first: str
) -> None:
    """That would not help: the statement must be one of the file."""
    project.rows("CREATE TABLE t (i int)")
    for kind in ("FUNCTION f(t text) RETURNS void", "PROCEDURE p(t text)"):
        project.rows(f"CREATE {kind} LANGUAGE plpgsql AS $$ BEGIN EXECUTE t; END $$")
    project.write("hidden", f"{first}{sql}")
    with pytest.raises(StatementFailed, match="25001") as caught:
        project.migrator().migrate()
    assert "write it as a statement of its own" in str(caught.value)


def test_an_invalid_index_of_somebody_else_is_no_success(project: Project) -> None:
    """IF NOT EXISTS passes over it in silence: we do not, nor do we drop what we did not make."""
    project.write("t", "CREATE TABLE t (i int);\nINSERT INTO t VALUES (1), (1);")
    project.migrator().migrate()
    with pytest.raises(psycopg.errors.UniqueViolation):
        project.rows("CREATE UNIQUE INDEX CONCURRENTLY t_i ON t (i)")
    name = project.write("index", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_i ON t (i);")
    migrator = project.migrator()
    for _ in range(2):
        with pytest.raises(StatementFailed, match="t_i is there, but invalid") as caught:
            migrator.migrate()
        assert "DROP INDEX CONCURRENTLY" in str(caught.value)
    project.rows("DROP INDEX t_i")
    project.rows("DELETE FROM t")
    migrator.migrate()
    assert project.applied()[-1] == name


def test_a_new_enum_value_is_committed_before_it_is_used(project: Project) -> None:
    """PostgreSQL refuses its use in the same transaction (55P04), so the script is cut there."""
    project.write("enum", "CREATE TYPE mood AS ENUM ('ok');\nCREATE TABLE t (m mood);")
    project.write("value", "ALTER TYPE mood ADD VALUE 'great';\nINSERT INTO t VALUES ('great');")
    migrator = project.migrator()
    assert len(migrator.plan().plan.steps) == 3
    migrator.migrate()
    assert project.value("SELECT m::text FROM t") == "great"


def test_a_value_added_to_a_type_of_the_same_script_is_committed_too(project: Project) -> None:
    """PostgreSQL 17 would take it in one transaction, 14 to 16 would not."""
    project.write(
        "enum",
        "CREATE TYPE mood AS ENUM ('ok');\nALTER TYPE mood ADD VALUE 'great';\nCREATE TABLE t AS SELECT 'great'::mood AS m;",
    )
    assert len(project.migrator().plan().plan.steps) == 2
    project.migrator().migrate()
    assert project.value("SELECT m::text FROM t") == "great"


@pytest.mark.parametrize("ends", ["COMMIT", "ROLLBACK"])
@pytest.mark.parametrize("sql", ["CALL p();", "DO $$ BEGIN CALL p(); END $$;"])
def test_a_commit_from_within_is_reported_not_passed_over(project: Project, sql: str, ends: str) -> None:
    """A procedure whose text does not show that it ends the transaction is refused by PostgreSQL; we say what to do."""
    body = f"$p$ BEGIN INSERT INTO t VALUES (1); {ends}; END $p$"
    hidden = body.replace(ends, f"{ends[:3]}' || '{ends[3:]}")
    project.write("t", "CREATE TABLE t (i int);")
    project.migrator().migrate()
    made = f"DO $do$ BEGIN EXECUTE 'CREATE PROCEDURE p() LANGUAGE plpgsql AS {hidden}'; END $do$;"
    name = project.write("call", f"{made}\nINSERT INTO t VALUES (0);\n{sql}")
    with pytest.raises(StatementFailed, match="transaction=off") as caught:
        project.migrator().migrate()
    assert caught.value.sqlstate == "2D000"
    assert project.value("SELECT count(*) FROM t") == 0
    text = (project.folder / name).read_text().replace("-- UP\n", "-- UP\n-- fsapi: transaction=off\n")
    project.write_text(name, text)
    project.migrator().migrate()
    assert project.value("SELECT count(*) FROM t") == (2 if ends == "COMMIT" else 1)


@pytest.mark.parametrize("sql", ["CALL p();", "DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; END $$;"])
def test_a_commit_from_within_is_shown_by_the_plan(project: Project, sql: str) -> None:
    """Where its text shows it: what stands before it is a step of its own, and committed before it."""
    project.write(
        "t",
        "CREATE TABLE t (i int);\nCREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT; END $$;",
    )
    project.migrator().migrate()
    project.write("call", f"INSERT INTO t VALUES (0);\n{sql}")
    assert [step.mode for step in project.migrator().plan().plan.steps] == [Mode.TRANSACTION, Mode.AUTOCOMMIT]
    project.migrator().migrate()
    assert project.rows("SELECT i FROM t ORDER BY i") == [(0,), (1,)]


@pytest.mark.parametrize("first", ["", "-- fsapi: transaction=off\n"], ids=["", "transaction=off"])
@pytest.mark.parametrize(
    "sql",
    [
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN COMMIT; RETURN 1; END $$;\nSELECT f();",
        "CREATE PROCEDURE p() LANGUAGE plpgsql SET search_path = public AS $$ BEGIN COMMIT; END $$;\nCALL p();",
        "CREATE PROCEDURE p() LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN COMMIT; END $$;\nCALL p();",
        "DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; EXCEPTION WHEN unique_violation THEN NULL; END $$;",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL p(); END $$;\nSELECT f();",
    ],
)
def test_what_may_never_commit_is_not_sent_out_of_the_transaction(project: Project, sql: str, first: str) -> None:
    """PostgreSQL refuses it there, too; the hint does not say `transaction=off`."""
    project.write("t", "CREATE TABLE t (i int);")
    project.migrator().migrate()
    project.rows("CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT; END $$")
    project.write("call", f"{first}{sql.replace('CREATE ', 'CREATE OR REPLACE ')}")
    with pytest.raises(StatementFailed, match="take it out of there") as caught:
        project.migrator().migrate()
    assert (caught.value.sqlstate, "transaction=off" in str(caught.value)) == ("2D000", False)
    assert project.value("SELECT count(*) FROM t") == 0


@pytest.mark.parametrize(
    "sql",
    [
        "DO $$ BEGIN EXECUTE 'CALL p()'; END $$;",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL p(); END $$;\nDO $$ BEGIN PERFORM f(); END $$;",
    ],
)
def test_a_block_that_lets_another_one_commit_is_not_sent_in_a_circle(project: Project, sql: str) -> None:
    """It is refused in a transaction and outside of one: the first hint says so, and the second does not repeat it."""
    project.write(
        "t",
        "CREATE TABLE t (i int);\nCREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT; END $$;",
    )
    project.migrator().migrate()
    name = project.write("call", f"INSERT INTO t VALUES (0);\n{sql}")
    with pytest.raises(StatementFailed, match="transaction=off.*no function and no EXECUTE may call it") as caught:
        project.migrator().migrate()
    assert caught.value.sqlstate == "2D000"
    assert project.value("SELECT count(*) FROM t") == 0
    project.write_text(name, f"-- fsapi: transaction=off\n{sql}")
    with pytest.raises(StatementFailed, match="take it out of there"):
        project.migrator().migrate()
    assert project.value("SELECT count(*) FROM t") == 0


def test_transaction_off_lets_a_procedure_commit(project: Project) -> None:
    """Each statement of such a file commits alone."""
    project.write(
        "t",
        "CREATE TABLE t (i int);\nCREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT; END $$;",
    )
    project.write("call", "-- fsapi: transaction=off\nCALL p();\nINSERT INTO t VALUES (2);")
    project.migrator().migrate()
    assert project.value("SELECT count(*) FROM t") == 2


@pytest.mark.parametrize("sql", ["COMMIT; SELEC 1;", "COMMIT; BEGIN; SELECT 1; /* selec */ ) "])
def test_an_unparsed_text_that_commits_is_found_out(project: Project, sql: str) -> None:
    """The server obeys a COMMIT that no parser showed us: the run ends, and nothing is recorded as applied."""
    project.write("odd", f"CREATE TABLE t (i int); {sql}")
    with pytest.raises((TransactionEnded, StatementFailed)):
        project.migrator().migrate(allow_unparsed=True)
    assert project.applied() == []


def test_savepoints_are_the_files_own_affair(project: Project) -> None:
    """ROLLBACK TO a savepoint undoes what the author meant, and the migration is applied."""
    project.write(
        "savepoint", "CREATE TABLE t (i int);\nSAVEPOINT s;\nINSERT INTO t VALUES (1);\nROLLBACK TO s;\nRELEASE s;"
    )
    project.migrator().migrate()
    assert project.value("SELECT count(*) FROM t") == 0
    assert len(project.applied()) == 1


def test_a_file_of_comments_is_a_deliberate_no_op(project: Project) -> None:
    """It is recorded like any other, up and down."""
    name = project.write("nothing", "-- nothing to do here", "-- nor here")
    project.migrator().migrate()
    assert project.applied() == [name]
    result = project.migrator().rollback()
    assert project.applied() == []
    assert any("nothing is undone" in note for note in result.notes)


def test_what_was_done_of_a_partly_applied_migration_can_be_undone(project: Project) -> None:
    """Only that: the DOWN's statements for steps that never ran are passed over."""
    project.rows("CREATE TABLE t (i int); INSERT INTO t VALUES (1), (1)")
    project.write(
        "parts",
        "ALTER TABLE t ADD COLUMN j int;\nCREATE TABLE u (i int);\n"
        "CREATE UNIQUE INDEX CONCURRENTLY t_i ON t (i);\nCREATE TABLE v (i int);",
        "DROP TABLE v;\nDROP INDEX CONCURRENTLY t_i;\nDROP TABLE IF EXISTS u;\nALTER TABLE t DROP COLUMN j;",
    )
    migrator = project.migrator()
    with pytest.raises(StatementFailed):
        migrator.migrate()
    assert project.has("u")
    result = migrator.rollback()
    assert [done.direction.value for done in result.done] == ["down"]
    assert (project.has("u"), project.has("t_i")) == (False, False)
    assert project.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 't'") == 1
    assert [status.state.value for status in migrator.status().statuses] == ["pending"]
    project.rows("DELETE FROM t")
    migrator.migrate()
    migrator.rollback()
    assert not project.has("v")


@pytest.mark.parametrize(
    "down", ["DROP TABLE u;\nDELETE FROM t;", "DROP TABLE u;\nDROP TABLE other;", "DO $$ BEGIN DROP TABLE u; END $$;"]
)
def test_an_undo_that_cannot_be_told_apart_is_refused_with_the_reason(project: Project, down: str) -> None:
    """A DOWN is written for the whole: what of it belongs to a part must be plain."""
    project.rows("CREATE TABLE t (i int); INSERT INTO t VALUES (1), (1); CREATE TABLE other (i int)")
    project.write("parts", "CREATE TABLE u (i int);\nCREATE UNIQUE INDEX CONCURRENTLY t_i ON t (i);", down)
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    with pytest.raises(PartlyApplied, match="line [67] of its DOWN"):
        project.migrator().rollback()
    assert (project.has("u"), project.has("other")) == (True, True)


def test_a_partly_applied_migration_whose_file_is_gone_is_told(project: Project) -> None:
    """Nothing is applied on top of a half, and `nothing to do` would be a lie."""
    name = project.write("pairs", "BEGIN;\nCREATE TABLE a (i int);\nCOMMIT;\nBEGIN;\nSELECT 1/0;\nCOMMIT;")
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    (project.folder / name).unlink()
    project.write("later", "CREATE TABLE later (i int);")
    with pytest.raises(PartlyApplied, match="its file is gone"):
        project.migrator().migrate()
    assert not project.has("later")


def test_a_migration_whose_failed_step_was_taken_out_is_recorded(project: Project) -> None:
    """All that is left of the file has run."""
    name = project.write(
        "pairs", "BEGIN;\nCREATE TABLE a (i int);\nCOMMIT;\nBEGIN;\nSELECT 1/0;\nCOMMIT;", "DROP TABLE a;"
    )
    with pytest.raises(StatementFailed):
        project.migrator().migrate()
    project.write_text(name, "-- UP\nBEGIN;\nCREATE TABLE a (i int);\nCOMMIT;\n-- DOWN\nDROP TABLE a;\n")
    project.migrator().migrate()
    assert project.applied() == [name]
    project.migrator().rollback()
    assert not project.has("a")


def test_our_own_failure_to_record_is_not_pinned_on_the_file(project: Project) -> None:
    """A script that drops our tables is rolled back, and told what it has dropped."""
    project.write("a", "SELECT 1;")
    project.migrator().migrate()
    project.write("drop", "CREATE TABLE t (i int);\nDROP TABLE migrations_journal;")
    with pytest.raises(StatementFailed, match="while the history was written") as caught:
        project.migrator().migrate()
    assert "did a script drop" in str(caught.value)
    assert caught.value.place is None
    assert not project.has("t")


def test_a_function_with_a_new_enum_value_is_made_together_with_it(project: Project) -> None:
    """It is not called there; a statement that may call it, by a trigger, is behind the commit."""
    project.rows("CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (m mood)")
    function = (
        "ALTER TYPE mood ADD VALUE '{0}';\n"
        "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.m := '{0}'; RETURN NEW; END $$;\n"
        "CREATE OR REPLACE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();"
    )
    project.write("together", function.format("great"))
    project.write("called", f"{function.format('best')}\nINSERT INTO t VALUES ('ok');")
    assert [len(step.parts[0].statements) for step in project.migrator().plan().plan.steps] == [3, 3, 1]
    project.migrator().migrate()
    assert project.value("SELECT m::text FROM t") == "best"
