r"""Inline COPY data: any bytes up to `\.`, none of them SQL."""

from __future__ import annotations

import pytest

from fsapi_nb.script.contents import read_copy_data
from fsapi_nb.script.lexer import lex
from tests.script.reading import read, refuse

NASTY = {
    "an apostrophe": "it's\n",
    "quotes of all kinds": "'\"$$ $a$ E'\\\n",
    "comments": "-- x\n/* y\n",
    "markers": "-- UP\n-- DOWN\n",
    "statements": "COPY u FROM stdin;\n; SELECT 1;\n",
    "almost the end": "\\. \n \\.\n\\\\.\nx\\.\n\\.x\n",
    "CRLF": "1\ta\r\n2\tb\r\n",
    "carriage returns": "a\rb\n",
    "nothing": "",
    "an empty line": "\n",
    "more than ASCII": "é\t😀\u2028\n",
    "psql's commands": "\\i x\n\\connect\n",
}


@pytest.mark.parametrize("data", NASTY.values(), ids=NASTY.keys())
def test_data_is_taken_byte_for_byte(data: str) -> None:
    """And what follows it is SQL again, in the right line."""
    text = f"-- UP\nSELECT 0;\nCOPY t (a) FROM stdin WITH (FORMAT csv);\n{data}\\.\nSELECT 1;\n-- DOWN\nSELECT 2;"
    migration = read(text)
    before, copy, after = migration.up.parsed.statements
    assert before.copy is after.copy is None
    assert copy.copy
    assert b"".join(read_copy_data(copy.copy)) == data.encode()
    assert copy.copy.line == 4
    assert copy.text == "COPY t (a) FROM stdin WITH (FORMAT csv)"
    assert after.line == text[: text.rindex("SELECT 1")].count("\n") + 1
    assert migration.down
    assert migration.down.parsed.statements[0].line == text.count("\n") + 1


@pytest.mark.parametrize("data", NASTY.values(), ids=NASTY.keys())
def test_several_copies_keep_their_data(data: str) -> None:
    """Each has its own; one may follow the other at once, the last may end the file."""
    migration = read(
        f"COPY a FROM stdin;\n{data}\\.\ncopy b from STDIN\n; -- here it comes\n1\n\\.\nCOPY c FROM stdin;\n\\."
    )
    copies = [statement.copy for statement in migration.up.parsed.statements]
    assert [copy and b"".join(read_copy_data(copy)) for copy in copies] == [data.encode(), b"1\n", b""]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'COPY t FROM stdin;';",
        "SELECT $$\nCOPY t FROM stdin;\n$$;",
        "-- COPY t FROM stdin;\nSELECT 1;",
        "/* COPY t FROM stdin; */ SELECT 1;",
        'SELECT "COPY t FROM stdin;";',
        "COPY t FROM 'stdin';",
        "COPY t FROM PROGRAM 'stdin';",
        "COPY (SELECT a FROM stdin) TO 'x';",
        "SELECT a FROM stdin;",
        "CREATE TABLE stdin (stdin int);",
        "CREATE FUNCTION f() RETURNS SETOF int BEGIN ATOMIC SELECT a FROM stdin; SELECT b FROM stdin; END;",
    ],
)
def test_what_is_no_copy_from_stdin_has_no_data(statement: str) -> None:
    """The word alone, in a string, a comment, a body, as a table."""
    assert not lex([statement.encode()]).copies
    first, second = read(f"{statement}\nSELECT 1;").up.parsed.statements
    assert first.copy is second.copy is None


def test_data_without_an_end_is_an_error() -> None:
    """The rest of the file, markers included, would be data."""
    (problem,) = refuse("-- UP\nCOPY t FROM stdin;\n1\n\\. \n-- DOWN\nSELECT 1;")
    assert "no end" in problem.message
    assert problem.place.line == 2


@pytest.mark.parametrize("rest", [" SELECT 1;", " 'it", " /* a\n b */", " \\echo hi", ";", " $$", " -- x\rSELECT 1;"])
def test_nothing_but_a_comment_stands_after_the_semicolon(rest: str) -> None:
    """The data begins in the next line, so what stands there would be lost, or read as data."""
    (problem,) = refuse(f"-- UP\nCOPY t FROM stdin;{rest}\n1\n\\.\n")
    assert "same line" in problem.message
    assert problem.place.line == 2
    read("-- UP\nCOPY t FROM stdin; /* a */ -- b\n1\n\\.\n")


def test_copy_without_a_semicolon_is_an_error() -> None:
    """There is nothing it could read."""
    (problem,) = read("-- UP\nCOPY t FROM stdin").up.parsed.problems
    assert "without data" in problem.message


def test_an_end_without_data_is_an_error() -> None:
    r"""A `\.` too many."""
    (problem,) = read("-- UP\nCOPY t FROM stdin;\n\\.\n\\.\n").up.parsed.problems
    assert "\\." in problem.message


def test_stray_parentheses_do_not_hide_a_copy() -> None:
    """As in psql, one that closes nothing counts for nothing; the parser says what is wrong."""
    assert len(lex([b"SELECT 1));\nCOPY t FROM stdin;\nit's\n\\.\n"]).copies) == 1


def test_a_bad_literal_is_found_though_the_scanner_does_not_say_where() -> None:
    """PostgreSQL gives no position for bytes that make no character."""
    (problem,) = refuse("-- UP\nSELECT 'é', E'fine',\n E'a\\xffb' AS c;\n-- DOWN\n")
    assert (problem.place.line, problem.place.column) == (3, 2)


def test_many_copies_take_no_longer_than_one() -> None:
    """Each looks at its own lines only."""
    text = b"COPY t FROM stdin;\n" + b"1\tit's stdin;\n" * 20 + b"\\.\n"
    assert len(read(text * 10_000).up.parsed.statements) == 10_000
