"""What each statement is, and whether PostgreSQL takes it in a transaction block (85 of them were tried for real)."""

from __future__ import annotations

import pytest

from fsapi_nb.model.migration import EnumValue, TransactionRule
from fsapi_nb.script.objects import creates
from tests.script.reading import read

ALLOWED, REFUSED = TransactionRule.ALLOWED, TransactionRule.REFUSED

RULES = [
    ("CREATE INDEX CONCURRENTLY i ON t (a)", REFUSED),
    ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", REFUSED),
    ("CREATE INDEX concurrently ON t (a)", REFUSED),
    ('CREATE INDEX "concurrently" ON t (a)', ALLOWED),
    ("CREATE INDEX i ON t (a)", ALLOWED),
    ("DROP INDEX CONCURRENTLY i", REFUSED),
    ("DROP INDEX i", ALLOWED),
    ("REINDEX TABLE CONCURRENTLY t", REFUSED),
    ("REINDEX (CONCURRENTLY) INDEX i", REFUSED),
    ("REINDEX (CONCURRENTLY true) INDEX i", REFUSED),
    ("REINDEX (CONCURRENTLY off) INDEX i", ALLOWED),
    ("REINDEX (CONCURRENTLY false, VERBOSE) TABLE t", ALLOWED),
    ("REINDEX TABLE t", ALLOWED),
    ("REINDEX SCHEMA s", REFUSED),
    ("REINDEX DATABASE d", REFUSED),
    ("REINDEX DATABASE", REFUSED),
    ("REINDEX SYSTEM d", REFUSED),
    ("VACUUM", REFUSED),
    ("VACUUM (FULL, ANALYZE) t", REFUSED),
    ("ANALYZE t", ALLOWED),
    ("CLUSTER", REFUSED),
    ("CLUSTER (VERBOSE)", REFUSED),
    ("CLUSTER t USING i", ALLOWED),
    ("CREATE DATABASE d", REFUSED),
    ("DROP DATABASE IF EXISTS d", REFUSED),
    ("ALTER DATABASE d SET TABLESPACE s", REFUSED),
    ("ALTER DATABASE d SET work_mem = '1MB'", ALLOWED),
    ("ALTER DATABASE d CONNECTION LIMIT 5", ALLOWED),
    ("CREATE TABLESPACE s LOCATION '/x'", REFUSED),
    ("DROP TABLESPACE s", REFUSED),
    ("ALTER SYSTEM SET work_mem = '1MB'", REFUSED),
    ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", REFUSED),
    ("ALTER TABLE t DETACH PARTITION p FINALIZE", ALLOWED),
    ("ALTER TABLE t DETACH PARTITION p", ALLOWED),
    ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", REFUSED),
    ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot)", REFUSED),
    ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = false)", ALLOWED),
    ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = off)", ALLOWED),
    ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = 0)", ALLOWED),
    ("DROP SUBSCRIPTION s", ALLOWED),  # only the catalog tells
    ("ALTER SUBSCRIPTION s REFRESH PUBLICATION", REFUSED),
    ("ALTER SUBSCRIPTION s SET PUBLICATION p", REFUSED),
    ("ALTER SUBSCRIPTION s ADD PUBLICATION p WITH (refresh = false)", ALLOWED),
    ("ALTER SUBSCRIPTION s SET (failover = true)", REFUSED),
    ("ALTER SUBSCRIPTION s SET (binary = true)", ALLOWED),
    ("DISCARD ALL", REFUSED),
    ("DISCARD TEMP", ALLOWED),
    ("COMMIT PREPARED 'x'", REFUSED),
    ("ROLLBACK PREPARED 'x'", REFUSED),
    ("PREPARE TRANSACTION 'x'", REFUSED),
    ("ROLLBACK", REFUSED),
    ("ABORT", REFUSED),
    ("BEGIN", TransactionRule.BEGIN),
    ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", TransactionRule.BEGIN),
    ("COMMIT", TransactionRule.COMMIT),
    ("END WORK", TransactionRule.COMMIT),
    ("COMMIT AND CHAIN", TransactionRule.CHAIN),
    ("COMMIT AND NO CHAIN", TransactionRule.COMMIT),
    ("SAVEPOINT s", ALLOWED),
    ("ROLLBACK TO s", ALLOWED),
    ("RELEASE s", ALLOWED),
    ("LOCK TABLE t", ALLOWED),
    ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", ALLOWED),
    ("TRUNCATE t", ALLOWED),
    ("ALTER TYPE e ADD VALUE 'x'", ALLOWED),
    ("CREATE EXTENSION x", ALLOWED),
    ("CREATE PUBLICATION p", ALLOWED),
    ("CREATE ROLE r", ALLOWED),
    ("CALL p()", ALLOWED),
    ("DO $$ BEGIN COMMIT; END $$", ALLOWED),  # the server says 2D000, and nothing is left
]


@pytest.mark.parametrize(("text", "rule"), RULES, ids=[text for text, _ in RULES])
def test_whether_a_transaction_block_takes_it(text: str, rule: TransactionRule) -> None:
    """By the parse tree, never by the words of the text."""
    (statement,) = read(f"-- VACUUM\n{text}").up.parsed.statements
    assert statement.traits.rule is rule


KINDS = {
    "create table t ()": "CREATE TABLE",
    "CREATE TABLE t AS SELECT 1": "CREATE TABLE AS",
    "CREATE TABLE IF NOT EXISTS t (a) WITH (fillfactor = 70) AS (SELECT 1)": "CREATE TABLE AS",
    "CREATE TABLE t AS EXECUTE q": "CREATE TABLE AS",
    "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY, b int GENERATED ALWAYS AS ((1 + 2)) STORED)": "CREATE TABLE",
    "CREATE MATERIALIZED VIEW v AS SELECT 1": "CREATE MATERIALIZED VIEW",
    "CREATE TYPE e AS ENUM ()": "CREATE TYPE",
    "CREATE TYPE c AS (a int)": "CREATE TYPE",
    "CREATE AGGREGATE a (int) (sfunc = f, stype = int)": "CREATE AGGREGATE",
    "CREATE PROCEDURE p() LANGUAGE sql AS ''": "CREATE PROCEDURE",
    "CREATE FUNCTION p() RETURNS int LANGUAGE sql AS ''": "CREATE FUNCTION",
    "CREATE SERVER s FOREIGN DATA WRAPPER w": "CREATE SERVER",
    "CREATE INDEX CONCURRENTLY i ON t (a)": "CREATE INDEX CONCURRENTLY",
    "ALTER TABLE t RENAME a TO b": "ALTER TABLE",
    "ALTER VIEW v RENAME TO w": "ALTER VIEW",
    "ALTER DOMAIN d RENAME CONSTRAINT a TO b": "ALTER DOMAIN",
    "ALTER TYPE t RENAME ATTRIBUTE a TO b": "ALTER TYPE",
    "ALTER TABLE t DETACH PARTITION p CONCURRENTLY": "ALTER TABLE DETACH PARTITION CONCURRENTLY",
    "ALTER FUNCTION f() DEPENDS ON EXTENSION e": "ALTER FUNCTION",
    "DROP TEXT SEARCH CONFIGURATION c": "DROP TEXT SEARCH CONFIGURATION",
    "DROP STATISTICS s": "DROP STATISTICS",
    "REVOKE a FROM b": "REVOKE",
    "REVOKE ALL ON t FROM b": "REVOKE",
    "ANALYZE t": "ANALYZE",
    "RESET ALL": "RESET",
    "SET CONSTRAINTS ALL IMMEDIATE": "SET CONSTRAINTS",
    "START TRANSACTION": "START TRANSACTION",
    "DISCARD PLANS": "DISCARD PLANS",
    "REINDEX (CONCURRENTLY) TABLE t": "REINDEX CONCURRENTLY",
}


@pytest.mark.parametrize(("text", "kind"), KINDS.items())
def test_a_statement_is_named_as_its_command(text: str, kind: str) -> None:
    """As PostgreSQL's documentation has it."""
    assert [statement.traits.kind for statement in read(text).up.parsed.statements] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "ROLLBACK",
        "ROLLBACK AND CHAIN",
        "ABORT",
        "PREPARE TRANSACTION 'x'",
        "COMMIT PREPARED 'x'",
        "DISCARD ALL",
        "COPY t TO STDOUT",
        "COPY (SELECT 1) TO STDOUT",
    ],
)
def test_what_would_break_the_promise_is_refused(text: str) -> None:
    """Statements that undo the record, move it elsewhere, let go of the lock, or talk to nobody."""
    (problem,) = read(f"-- UP\nSELECT 1;\n{text};").up.parsed.problems
    assert problem.place.line == 3
    assert problem.hint


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("SET search_path = a", True),
        ("SET SESSION work_mem = '1MB'", True),
        ("SET LOCAL search_path = a", False),
        ("SET ROLE r", True),
        ("RESET search_path", True),
        ("SET TRANSACTION READ ONLY", False),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", True),
        ("SELECT pg_catalog.set_config('search_path', '', false)", True),
        ("SELECT set_config('search_path', '', true)", False),
        ("SELECT set_config('a.b', c, false) FROM t", True),
        ("SELECT 1", False),
        ("VALUES (1)", False),
    ],
)
def test_what_lasts_for_the_session_is_known(text: str, *, changes: bool) -> None:
    """A resumed run sets it again; pg_dump's `set_config` counts."""
    assert read(text).up.parsed.statements[0].traits.changes_session is changes


def test_what_a_statement_creates_is_known() -> None:
    """Names as the parser reads them: folded, and without their quotes."""
    text = """
        CREATE TYPE "My".mood AS ENUM ('a'); ALTER TYPE Mood ADD VALUE IF NOT EXISTS 'it''s' AFTER 'a';
        ALTER TYPE mood RENAME VALUE 'a' TO 'b'; CREATE SCHEMA AUTHORIZATION Joe;
        CREATE EXTENSION hstore; CREATE EXTENSION IF NOT EXISTS citext; BEGIN READ WRITE; COMMIT
    """
    enum, value, rename, schema, hstore, citext, begin, commit = read(text).up.parsed.statements
    assert creates(enum) == ("type My.mood",)
    assert value.traits.adds_enum_value == EnumValue("mood", "it's")
    assert rename.traits.adds_enum_value is None
    assert schema.traits.creates_schema == "joe"
    assert (creates(hstore), creates(citext)) == (("extension hstore",), ())
    assert (begin.traits.begin_options, commit.traits.begin_options) == (True, False)


def test_string_constants_are_kept_where_an_enum_value_is_added() -> None:
    """What they say, not how they are quoted; only then does anyone ask."""
    text = "SELECT 'it''s', E'b', $$c$$, $x$ 'd' $x$, U&'e', N'f', X'ab'"
    assert read(text).up.parsed.statements[0].strings == ()
    _, select = read(f"ALTER TYPE t ADD VALUE 'x'; {text}").up.parsed.statements
    assert select.strings == ("it's", "b", "c", " 'd' ", "e", "f", "ab")
