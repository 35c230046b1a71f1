"""What is read off a statement's first words is what its tree says; and it is asked for its tree where it must be."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsapi_nb.model.migration import Effect, EffectKind, Traits
from fsapi_nb.script import traits
from fsapi_nb.script.migration import read_migration
from fsapi_nb.script.parser import parse_one, tokenize
from fsapi_nb.script.tokens import SqlSyntaxError
from fsapi_nb.script.traits import traits_of
from tests.script.reading import CORES, NAME, quick
from tests.script.test_classify import KINDS, RULES

OPENINGS = (
    "INSERT INTO t VALUES (1)",
    "INSERT INTO t WITH gone AS (DELETE FROM u RETURNING i) SELECT i FROM gone",
    "INSERT INTO t SELECT set_config('a.b', 'c', false) ON CONFLICT DO NOTHING RETURNING *",
    "UPDATE t SET i = 1 FROM u WHERE t.i = u.i",
    "COMMENT ON TABLE t IS NULL",
    "CREATE TABLE t (i int, CHECK (i > 0)) PARTITION BY RANGE (i)",
    "CREATE TABLE t PARTITION OF u FOR VALUES FROM (1) TO (2)",
    "CREATE TABLE t OF u (i WITH OPTIONS DEFAULT 1)",
    "CREATE TABLE t (LIKE u INCLUDING ALL) TABLESPACE s",
    "CREATE TABLE t (a int GENERATED ALWAYS AS (b + (1)) STORED)",
    "CREATE TABLE t (a) AS (SELECT 1 AS a)",
    "CREATE TABLE t AS EXECUTE q (1)",
    "CREATE TEMPORARY TABLE t AS SELECT 1",
    "CREATE UNLOGGED TABLE t (i int)",
    'CREATE INDEX "concurrently" ON t (a)',
    "CREATE UNIQUE INDEX i ON t (a) WHERE b",
    "CREATE UNIQUE INDEX Concurrently i ON t (a)",
    "CREATE INDEX CONCURRENTLY ON t (a)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE OR REPLACE VIEW v AS WITH x AS (SELECT 1) SELECT * FROM x",
    "CREATE OR REPLACE RECURSIVE VIEW v (i) AS SELECT 1",
    "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END",
    "CREATE OR REPLACE PROCEDURE p() LANGUAGE sql AS ''",
    "CREATE OR REPLACE AGGREGATE a (int) (sfunc = f, stype = int)",
    "CREATE TRIGGER r BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
    "CREATE CONSTRAINT TRIGGER r AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
    "CREATE OR REPLACE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); DELETE FROM v)",
    "CREATE OR REPLACE TRANSFORM FOR a LANGUAGE b (FROM SQL WITH FUNCTION f(internal), TO SQL WITH FUNCTION g(internal))",
    "WITH gone AS (DELETE FROM t) UPDATE u SET i = 1",
    "WITH gone AS (DELETE FROM t) INSERT INTO u VALUES (1)",
)
GAPS = (" ", "\n", "/* a */", " -- b\n")


def by_words(text: str) -> Traits:
    tokens, _ = tokenize(text.encode())
    first = next(index for index, sort in enumerate(tokens.sorts) if sort not in b"-/")
    return traits_of(text.encode(), tokens, first, len(tokens))


def by_tree(text: str) -> Traits:
    return traits._read(parse_one(text.encode()), text.encode())


def assert_agreed(text: str) -> None:
    """In everything but the effect, which only a statement outside of a transaction is asked for."""
    words, tree = by_words(text), by_tree(text)
    if words.effect == Effect(EffectKind.UNKNOWN) and words.kind == "CREATE INDEX":
        assert tree.effect.kind is EffectKind.INDEX_CREATED
        words = Traits(words.kind, words.rule, tree.effect)
    assert words == tree


@pytest.mark.parametrize("text", [*OPENINGS, *CORES, *KINDS, *(text for text, _ in RULES)])
def test_words_and_tree_agree(text: str) -> None:
    """About one statement of each kind."""
    assert_agreed(text)


@pytest.mark.parametrize("file", sorted((Path(__file__).parent / "golden").glob("*.sql")), ids=lambda file: file.stem)
def test_words_and_tree_agree_about_every_golden_file(file: Path) -> None:
    """Whatever of it is a statement."""
    migration, _ = read_migration(NAME, file.read_bytes())
    if migration is None:
        return
    for script in (migration.up, migration.down):
        for statement in script.parsed.statements if script and not script.parsed.problems else ():
            assert_agreed(statement.text)


# Parts that the grammar combines in many ways, and in many that it refuses.
HEADS = (
    "CREATE {}TABLE {}t",
    "CREATE {}VIEW {}v",
    "CREATE {}INDEX {}i ON t",
    "CREATE {}FUNCTION {}f() RETURNS int LANGUAGE sql",
    "CREATE {}TRIGGER {}r BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    "{}INSERT INTO {}t",
    "{}UPDATE {}t SET a = 1",
    "{}COMMENT ON TABLE {}t IS NULL",
    "{}DROP TABLE {}t",
)
BEFORE = (
    "",
    "OR REPLACE ",
    "UNIQUE ",
    "TEMP ",
    "UNLOGGED ",
    "RECURSIVE ",
    "CONSTRAINT ",
    "WITH x AS (DELETE FROM u) ",
    "EXPLAIN ",
)
NAMED = (
    "",
    "IF NOT EXISTS ",
    "IF EXISTS ",
    "CONCURRENTLY ",
    "ONLY ",
    '"concurrently".',
    "concurrently.",
    "s.",
)
AFTER = (
    "",
    " ()",
    " (a)",
    " (a int GENERATED ALWAYS AS (b) STORED)",
    " (a) AS SELECT 1",
    " AS SELECT 1",
    " AS (SELECT 1) WITH NO DATA",
    " AS EXECUTE q",
    " OF u",
    " PARTITION OF u DEFAULT",
    " VALUES (1)",
    " DEFAULT VALUES",
    " SELECT set_config('a', 'b', false)",
    " AS 'SELECT 1'",
    " RETURN 1",
    " BEGIN ATOMIC SELECT 1; END",
    " WHERE a = 1 RETURNING *",
    ", u CASCADE",
    " USING gin (a) WITH (fillfactor = 50) WHERE b",
)


@settings(derandomize=True, deadline=None, max_examples=1500)
@given(
    st.sampled_from(HEADS),
    st.sampled_from(BEFORE),
    st.sampled_from(NAMED),
    st.lists(st.sampled_from(AFTER), max_size=2),
)
def test_words_and_tree_agree_about_whatever_parses(head: str, before: str, named: str, after: list[str]) -> None:
    """Each head with anything in front of the word, of the name, and behind it."""
    text = head.format(before, named) + "".join(after)
    try:
        parse_one(text.encode())
    except SqlSyntaxError:
        return
    assert_agreed(text)


@quick
@given(st.sampled_from(OPENINGS), st.sampled_from(GAPS), st.booleans())
def test_blanks_comments_and_case_make_no_difference(text: str, gap: str, lower: bool) -> None:
    """Words are what PostgreSQL's scanner says they are."""
    text = text.replace(" ", gap)
    if lower and "'" not in text:
        text = text.lower()
    try:
        tree = by_tree(text)
    except SqlSyntaxError:  # a comment that swallows the rest
        return
    assert by_words(text).kind == tree.kind
    assert by_words(text).rule is tree.rule
