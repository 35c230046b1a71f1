"""What squawk reads of a step: only statements, each in its own place of the file."""

from __future__ import annotations

import re

import pytest

from fsapi_nb.checks.feed import FindingPlace, begin_of, feed_of
from fsapi_nb.checks.squawk import find_squawk
from tests.checks.scripts import steps

FILE = """\
-- UP
-- squawk-ignore renaming-table
ALTER TABLE a RENAME TO b; /* ä */ DROP TABLE "😀";
COPY b (x, y) FROM stdin;
1\tDROP TABLE c;
-- DOWN
\\.

INSERT INTO b VALUES ('
-- DOWN
DROP TABLE d;
');
BEGIN;
DROP VIEW v
;
COMMIT;
-- CHECK: no rows
SELECT 1 FROM b WHERE false;

-- DOWN
DROP TABLE e;
"""


def test_each_statement_stands_where_it_stands_in_the_file() -> None:
    """What has no rule, and what is no statement, is blank: data, strings, checks, BEGIN and COMMIT, the DOWN."""
    (step,) = steps(FILE)
    feed = feed_of(enumerate(step.statements))
    assert feed
    assert feed.text.split("\n") == [
        "",
        "-- squawk_ignore renaming-table",
        'ALTER TABLE a RENAME TO b; /* ä */ DROP TABLE "😀";',
        *[""] * 10,
        "DROP VIEW v;",
    ]


def test_a_step_without_a_statement_that_has_a_rule_is_not_read() -> None:
    """A seed of INSERTs starts no program."""
    (step,) = steps("INSERT INTO a VALUES (1);\nUPDATE a SET x = 1;\nSELECT 1;\n")
    assert feed_of(enumerate(step.statements)) is None


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE ROLE shop PASSWORD 'hunter2'",
        "ALTER USER shop PASSWORD 'hunter2'",
        "CREATE SUBSCRIPTION s CONNECTION 'password=hunter2' PUBLICATION p",
        "CREATE USER MAPPING FOR shop SERVER s OPTIONS (password 'hunter2')",
        "ALTER SERVER s OPTIONS (SET password 'hunter2')",
        "INSERT INTO users (password) VALUES ('hunter2')",
    ],
)
def test_a_statement_that_has_a_password_is_not_read(statement: str) -> None:
    """No program gets what it does not need."""
    feeds = [feed_of(enumerate(step.statements)) for step in steps(f"DROP TABLE a;\n{statement};\n")]
    assert "hunter2" not in "".join(feed.text for feed in feeds if feed)


def test_each_step_is_fed_alone() -> None:
    """What runs outside of a transaction is read as such."""
    before, alone, after = steps("DROP TABLE a;\nCREATE INDEX CONCURRENTLY i ON b (x);\nDROP TABLE c;\n")
    texts = [feed.text if (feed := feed_of(enumerate(each.statements))) else "" for each in (before, alone, after)]
    assert texts == ["DROP TABLE a;", "\nCREATE INDEX CONCURRENTLY i ON b (x);", "\n\nDROP TABLE c;"]


@pytest.mark.parametrize(
    ("before", "column"),
    [("", 1), ("/* äöü€ */ ", 12), ("/* 😀🎉 */ ", 10), ("SELECT 'ä😀'; ", 14), ("/*\té */ ", 9)],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_count_characters(before: str, column: int, end: str) -> None:
    """squawk counts bytes, from zero; people count characters, from one."""
    (step,) = steps(end.join(["-- UP", "-- ü", f"{before}DROP TABLE orders;", ""]))
    feed, squawk = feed_of(enumerate(step.statements)), find_squawk()
    assert feed
    assert squawk
    found = squawk.run(feed.text, in_transaction=True, version=18)
    places = {feed.locate(each.line, each.column) for each in found if each.rule == "ban-drop-table"}
    number = len(step.statements) - 1
    assert places == {FindingPlace(number, 3, column)}
    assert begin_of(step.statements[number]) == (3, column)


def test_a_finding_outside_of_all_statements_has_no_place() -> None:
    """A program that answers nonsense does not lead to a wrong line."""
    (step,) = steps("\n\nDROP TABLE a;\n")
    feed = feed_of(enumerate(step.statements))
    assert feed
    assert feed.locate(0, 0) is None
    assert feed.locate(99, 0) is None
    assert feed.locate(2, 9_999) == FindingPlace(0, 3, len("DROP TABLE a;") + 1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("DROP TABLE a;", (1, 1)),
        ("  /* a */ -- b\n -- c\n   DROP TABLE a;", (3, 4)),
        ("SELECT 1; /* ü */ DROP TABLE a;", (1, 19)),
        ("/* a\n b */DROP TABLE a;", (2, 6)),
    ],
)
def test_a_statement_begins_with_its_first_word(text: str, place: tuple[int, int]) -> None:
    """Comments before it belong to its text, and not to its place."""
    *_, last = steps(text)[-1].statements
    assert begin_of(last) == place
    line, column = place
    assert re.match("DROP", text.split("\n")[line - 1][column - 1 :])
