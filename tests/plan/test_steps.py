"""How a script is cut into steps, why, and what keeps one from being run."""

from __future__ import annotations

import pytest

from fsapi_nb.model.migration import Migration
from fsapi_nb.model.place import Problem
from fsapi_nb.model.plan import Mode
from fsapi_nb.plan.steps import ABSORBED, BETWEEN, ONE_TRANSACTION, OWN_PAIR, TRANSACTION_OFF, UNPARSED, ScriptStep, cut
from tests.script.reading import read

TOGETHER, ALONE = Mode.TRANSACTION, Mode.AUTOCOMMIT


def pieces(text: str) -> tuple[ScriptStep, ...]:
    """The steps of an UP that can be run."""
    migration = read(f"-- UP\n{text}")
    found, problems = cut(migration, migration.up)
    assert not problems
    return found


def shape(text: str) -> list[tuple[Mode, str, list[str]]]:
    """The steps with their reasons and the texts of their statements."""
    return [(piece.mode, piece.reason, [each.text for each in piece.statements]) for piece in pieces(text)]


def faults(text: str, *, allow_unparsed: bool = False) -> list[Problem]:
    """What keeps an UP from being run; then there are no steps."""
    migration = read(f"-- UP\n{text}")
    found, problems = cut(migration, migration.up, allow_unparsed=allow_unparsed)
    assert not found
    return problems


def refused(kind: str) -> str:
    return f"PostgreSQL refuses {kind} in a transaction"


def test_a_script_is_one_transaction() -> None:
    """With its history row; nothing else is needed for almost all of them."""
    assert shape("SELECT 1; SELECT 2;") == [(TOGETHER, ONE_TRANSACTION, ["SELECT 1", "SELECT 2"])]


def test_a_script_without_statements_has_the_step_that_records_it() -> None:
    """A deliberate no-op, a pair around nothing, transaction=off over nothing."""
    for text in ("", "-- nothing", "BEGIN; COMMIT;", "-- fsapi: transaction=off", "BEGIN; COMMIT; BEGIN; COMMIT;"):
        (piece,) = pieces(text)
        assert piece.mode is TOGETHER
        assert not piece.statements


def test_the_files_own_pair_is_absorbed() -> None:
    """With what stands around it: the history row must be in the same transaction."""
    assert shape("SELECT 1; BEGIN; SELECT 2; COMMIT; SELECT 3;") == [
        (TOGETHER, ABSORBED, ["SELECT 1", "SELECT 2", "SELECT 3"])
    ]


def test_the_options_of_a_begin_are_kept() -> None:
    """In an absorbed pair, in each of several, after COMMIT AND CHAIN, beside a statement that stands alone."""
    begin = "BEGIN ISOLATION LEVEL SERIALIZABLE"
    assert [piece.begin for piece in pieces("BEGIN; SELECT 1; COMMIT;")] == ["BEGIN"]
    assert [piece.begin for piece in pieces(f"{begin}; SELECT 1; COMMIT;")] == [begin]
    assert [p.begin for p in pieces(f"{begin}; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT;")] == [begin, "BEGIN"]
    assert [p.begin for p in pieces(f"{begin}; SELECT 1; COMMIT AND CHAIN; SELECT 2; COMMIT;")] == [begin, begin]
    assert [p.begin for p in pieces(f"{begin}; SELECT 1; COMMIT; VACUUM;")] == [begin, "BEGIN"]
    enum = f"{begin}; ALTER TYPE e ADD VALUE 'x'; SELECT 'x'; COMMIT;"
    assert [piece.begin for piece in pieces(enum)] == [begin, begin]


def test_several_pairs_are_steps_of_their_own() -> None:
    """And what stands between them is one more."""
    assert shape("BEGIN; SELECT 1; COMMIT; SELECT 2; SELECT 3; BEGIN; SELECT 4; COMMIT; BEGIN; COMMIT;") == [
        (TOGETHER, OWN_PAIR, ["SELECT 1"]),
        (TOGETHER, BETWEEN, ["SELECT 2", "SELECT 3"]),
        (TOGETHER, OWN_PAIR, ["SELECT 4"]),
    ]


def test_commit_and_chain_ends_a_step() -> None:
    """Inside a pair, and in the transaction that each migration has without one (real histories do so)."""
    assert shape("BEGIN; SELECT 1; COMMIT AND CHAIN; SELECT 2; COMMIT;") == [
        (TOGETHER, OWN_PAIR, ["SELECT 1"]),
        (TOGETHER, OWN_PAIR, ["SELECT 2"]),
    ]
    assert shape("SELECT 1; COMMIT AND CHAIN; SELECT 2; COMMIT AND CHAIN;") == [
        (TOGETHER, BETWEEN, ["SELECT 1"]),
        (TOGETHER, BETWEEN, ["SELECT 2"]),
    ]
    assert [mode for mode, *_ in shape("VACUUM; COMMIT AND CHAIN; SELECT 2;")] == [ALONE, TOGETHER]


def test_what_postgresql_refuses_in_a_transaction_is_alone() -> None:
    """What stands before and after it is together."""
    assert shape("SELECT 1; SELECT 2; VACUUM; CREATE INDEX CONCURRENTLY i ON t (a); SELECT 3;") == [
        (TOGETHER, BETWEEN, ["SELECT 1", "SELECT 2"]),
        (ALONE, refused("VACUUM"), ["VACUUM"]),
        (ALONE, refused("CREATE INDEX CONCURRENTLY"), ["CREATE INDEX CONCURRENTLY i ON t (a)"]),
        (TOGETHER, BETWEEN, ["SELECT 3"]),
    ]


def test_a_pair_beside_such_a_statement_stays_a_pair() -> None:
    """What the file commits together is not mixed with what stands outside."""
    assert shape("SELECT 1; BEGIN; SELECT 2; COMMIT; SELECT 3; VACUUM;") == [
        (TOGETHER, BETWEEN, ["SELECT 1"]),
        (TOGETHER, OWN_PAIR, ["SELECT 2"]),
        (TOGETHER, BETWEEN, ["SELECT 3"]),
        (ALONE, refused("VACUUM"), ["VACUUM"]),
    ]


def test_transaction_off_makes_each_statement_commit_alone() -> None:
    """With its journal row where PostgreSQL allows that; a pair of the file's own still is one transaction."""
    assert shape(
        "-- fsapi: transaction=off\nSELECT 1; CALL p(); DO 'x'; BEGIN; SELECT 3; SELECT 4; COMMIT; VACUUM"
    ) == [
        (TOGETHER, TRANSACTION_OFF, ["-- fsapi: transaction=off\nSELECT 1"]),
        (ALONE, TRANSACTION_OFF, ["CALL p()"]),
        (ALONE, TRANSACTION_OFF, ["DO 'x'"]),
        (TOGETHER, OWN_PAIR, ["SELECT 3", "SELECT 4"]),
        (ALONE, refused("VACUUM"), ["VACUUM"]),
    ]


@pytest.mark.parametrize(
    "use",
    [
        "UPDATE t SET e = 'it''s'",
        "UPDATE t SET e = E'it''s'",
        "UPDATE t SET e = $$it's$$",
        "ALTER TABLE t ALTER e SET DEFAULT 'it''s'::e",
        "DO $$ BEGIN UPDATE t SET e = 'it''s'; END $$",
        "DO 'BEGIN UPDATE t SET e = ''it''''s''; END'",
        "SELECT '{it''s,other}'::e[]",
        "SELECT '{\"other\", \"it''s\"}'::e[]",
        "ALTER TYPE e RENAME VALUE 'it''s' TO 'its'",
    ],
)
def test_a_new_enum_value_is_committed_before_its_use(use: str) -> None:
    """Else PostgreSQL says 55P04. As a string however quoted, in a body, in a body in a string, in an array."""
    add = "ALTER TYPE e ADD VALUE 'it''s'"
    assert shape(f"SELECT 0; {add}; SELECT 'other'; {use}; SELECT 1;") == [
        (TOGETHER, BETWEEN, ["SELECT 0", add, "SELECT 'other'"]),
        (TOGETHER, 'the new enum value "it\'s" must be committed before it is used', [use, "SELECT 1"]),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TYPE e ADD VALUE 'x'; SELECT 'y', 'xx', \"x\", x;",
        "SELECT 'x'; ALTER TYPE e ADD VALUE 'x';",
        "ALTER TYPE e ADD VALUE 'x'; ALTER TYPE e ADD VALUE 'y' AFTER 'x';",
        "ALTER TYPE e ADD VALUE 'x'; ALTER TYPE e ADD VALUE IF NOT EXISTS 'x';",
        "ALTER TYPE e RENAME VALUE 'y' TO 'x'; SELECT 'x'::e;",
        "ALTER TYPE e ADD VALUE 'x'; SELECT 1 -- 'x'\n;",
    ],
)
def test_no_cut_where_no_new_value_is_used(text: str) -> None:
    """A value beside a new one, a use before: one transaction is better."""
    assert [reason for _, reason, _ in shape(text)] == [ONE_TRANSACTION]


_FUNCTION = (
    "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.e := 'x'; RETURN NEW; END $$;"
)


@pytest.mark.parametrize(
    "after",
    [
        "",
        "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();",
        "COMMENT ON FUNCTION f() IS 'f'; GRANT EXECUTE ON FUNCTION f() TO PUBLIC; CREATE VIEW v AS SELECT 1;",
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN UPDATE t SET e = ''x''; END';",
    ],
)
def test_no_cut_for_a_function_that_nothing_calls(after: str) -> None:
    """PostgreSQL does not look into its body before it is called."""
    assert [reason for _, reason, _ in shape(f"ALTER TYPE e ADD VALUE 'x'; {_FUNCTION} {after}")] == [ONE_TRANSACTION]


@pytest.mark.parametrize(
    ("between", "use"),
    [
        (_FUNCTION, "INSERT INTO t VALUES (1)"),
        (_FUNCTION, "ALTER TABLE t ADD COLUMN e e DEFAULT g()"),
        (_FUNCTION + "CREATE TABLE u (i int);", "CREATE INDEX i ON t (f2(i))"),
        ("", "CREATE FUNCTION f() RETURNS e LANGUAGE sql AS $$ SELECT 'x'::e $$"),
        ("", "CREATE FUNCTION f(e e DEFAULT 'x') RETURNS e LANGUAGE plpgsql AS $$ BEGIN RETURN 'x'; END $$"),
        ("", "CREATE FUNCTION f() RETURNS e BEGIN ATOMIC SELECT 'x'::e; END"),
    ],
)
def test_a_function_that_may_be_called_is_a_use(between: str, use: str) -> None:
    """By a trigger, a default, an index; and at once where PostgreSQL reads what it says."""
    (first, second) = shape(f"ALTER TYPE e ADD VALUE 'x'; {between} {use};")
    assert (first[1], second[1]) == (BETWEEN, "the new enum value 'x' must be committed before it is used")
    assert second[2] == [use]


def test_several_new_values_are_committed_together() -> None:
    """A cut for each use that is not committed yet, not for each value."""
    text = "ALTER TYPE e ADD VALUE 'x'; ALTER TYPE e ADD VALUE 'y'; SELECT 'x'; SELECT 'y'; ALTER TYPE e ADD VALUE 'z';"
    assert [len(piece.statements) for piece in pieces(f"{text} SELECT 'x', 'z';")] == [2, 3, 1]


def test_a_value_added_alone_needs_no_cut() -> None:
    """It is committed by then, and so is one of an earlier pair."""
    assert len(pieces("-- fsapi: transaction=off\nALTER TYPE e ADD VALUE 'x'; SELECT 'x';")) == 2
    assert len(pieces("BEGIN; ALTER TYPE e ADD VALUE 'x'; COMMIT; BEGIN; SELECT 'x'; COMMIT;")) == 2
    assert len(pieces("BEGIN; ALTER TYPE e ADD VALUE 'x'; SELECT 'x'; COMMIT; BEGIN; SELECT 1; COMMIT;")) == 3


@pytest.mark.parametrize(
    ("text", "lines", "word"),
    [
        ("BEGIN;\nSELECT 1;", [2], "BEGIN without a COMMIT"),
        ("SELECT 1;\nSTART TRANSACTION;", [3], "START TRANSACTION without a COMMIT"),
        ("SELECT 1;\nCOMMIT;", [3], "COMMIT without a BEGIN"),
        ("BEGIN;\nBEGIN;\nCOMMIT;", [3], "already open"),
        ("BEGIN;\nCOMMIT;\nCOMMIT;", [4], "COMMIT without a BEGIN"),
        ("BEGIN;\nVACUUM;\nCOMMIT;", [3], "refuses VACUUM"),
        ("BEGIN;\nSELECT 1;\nCOMMIT AND CHAIN;\nSELECT 2;", [4], "COMMIT without a COMMIT"),
        ("-- fsapi: transaction=off\nLOCK TABLE t;\nSAVEPOINT s;", [3, 4], "needs a transaction"),
        ("COMMIT;\nBEGIN;\nBEGIN;\nVACUUM;", [2, 3, 4, 5], "without"),
    ],
)
def test_pairs_that_do_not_match_are_faults(text: str, lines: list[int], word: str) -> None:
    """All of them, in order, each with its line and what to do."""
    found = faults(text)
    assert [problem.place.line for problem in found] == lines
    assert word in found[0].message
    assert all(problem.hint and problem.place.source for problem in found)


def test_a_fault_shows_its_line_without_a_password() -> None:
    """The line is the file's, and it goes to a screen that may be saved."""
    (problem,) = faults("CREATE ROLE r PASSWORD 'hunter2'; COMMIT;")
    assert problem.place.source == "CREATE ROLE r PASSWORD '***'; COMMIT;"


def test_what_is_wrong_with_a_script_keeps_it_from_being_cut() -> None:
    """Its own problems are what is told."""
    assert [problem.message for problem in faults("SELEC 1;")] == ['syntax error at or near "SELEC"']


def test_an_unparsed_script_runs_whole_if_the_user_insists() -> None:
    """Another server's syntax, say: as one transaction, from its first line."""
    migration = read("-- UP\n-- new\nREPACK t;\n-- DOWN\n")
    (piece,), problems = cut(migration, migration.up, allow_unparsed=True)
    assert not problems
    assert (piece.mode, piece.reason) == (TOGETHER, UNPARSED)
    (statement,) = piece.statements
    assert (statement.text, statement.line, statement.traits.kind) == ("-- new\nREPACK t;\n", 2, "SQL")


def test_insisting_does_not_help_against_other_faults() -> None:
    """psql's commands, options that are none, and COPY data, which must be sent on its own."""
    for text in ("REPACK t;\n\\d", "-- fsapi: x=y\nREPACK t;", "REPACK t;\nCOPY t FROM stdin;\n1\n\\.\n", "ROLLBACK;"):
        assert faults(text, allow_unparsed=True), text


def test_many_faults_take_no_longer_than_one() -> None:
    """The file's lines are counted once."""
    assert len(faults("COMMIT;\n" * 5000)) == 5000


def test_the_example_migrations_can_all_be_cut(examples: list[Migration]) -> None:
    """Every pattern of the format is in them."""
    for migration in examples:
        for script in (migration.up, migration.down):
            if script:
                found, problems = cut(migration, script)
                assert found
                assert not problems
