"""Where UP and DOWN are, what is no marker, and what the reader is told when it cannot be sure."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsapi_nb.script.lexer import lex
from fsapi_nb.script.sections import Source
from tests.script.reading import NAME, all_problems, read, refuse

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("case", sorted(GOLDEN.glob("*.sql")), ids=lambda path: path.stem)
def test_problems_read_as_they_always_did(case: Path, *, update_golden: bool) -> None:
    """What is wrong with each file of `golden/` is told in exactly the words of the .txt beside it."""
    told = "".join(f"{line}\n" for problem in all_problems(case.read_bytes()) for line in problem.lines())
    expected = case.with_suffix(".txt")
    if update_golden:
        expected.write_text(told, encoding="utf-8", newline="")
    assert told == expected.read_text(encoding="utf-8")


def test_a_marker_is_a_whole_line() -> None:
    """Trailing blanks and CRLF are allowed; each section is what stands below its marker."""
    for end in ("\n", "\r\n", " \t\n"):
        migration = read(f"-- UP{end}SELECT 1;{end}-- DOWN{end}SELECT 2;")
        assert migration.up.written.text == f"SELECT 1;{end}"
        assert migration.up.first_line == 2
        assert migration.down
        assert migration.down.written.text == "SELECT 2;"
        assert migration.down.first_line == 4


def test_without_a_marker_all_is_up() -> None:
    """And the migration is irreversible."""
    migration = read("SELECT 1;")
    assert migration.up.written.text == "SELECT 1;"
    assert migration.down is None


def test_a_down_of_comments_is_a_deliberate_no_op() -> None:
    """It is there, it is sound, and it has no statements."""
    down = read("-- UP\nSELECT 1;\n-- DOWN\n-- nothing to take back\n").down
    assert down
    assert not down.parsed.statements
    assert not down.parsed.problems


@pytest.mark.parametrize(
    "hidden",
    [
        "SELECT '\n-- DOWN\n';",
        'SELECT "\n-- DOWN\n";',
        "SELECT E'\\'\n-- DOWN\n';",
        "SELECT U&'\n-- DOWN\n';",
        "DO $$\n-- DOWN\n$$;",
        "DO $up$ $$\n-- DOWN\n$up$;",
        "/* a /* b\n-- DOWN\n*/\n-- DOWN\n*/ SELECT 1;",
        "COPY t FROM stdin;\n-- DOWN\n\\.\n",
    ],
)
def test_a_marker_inside_something_is_none(hidden: str) -> None:
    """Strings, quoted names, bodies, comments in comments, COPY data."""
    migration = read(f"-- UP\n{hidden}\n-- DOWN\nSELECT 2;")
    assert not all_problems(f"-- UP\n{hidden}\n-- DOWN\nSELECT 2;")
    assert migration.up.written.text == f"{hidden}\n"
    assert migration.down
    assert [statement.text for statement in migration.down.parsed.statements] == ["SELECT 2"]
    assert read(f"-- UP\nSELECT 1;\n{hidden}").down is None


@pytest.mark.parametrize(
    "almost",
    [
        "--DOWN",
        "-- down",
        "--  DOWN",
        "--\tDOWN",
        " -- DOWN",
        "-- DOWN -- take it back",
        "-- DOWN:",
        "--\u00a0DOWN",
        "--\u200bDOWN",
        "-- === DOWN ===",
        "-- [DOWN]",
        "---- DOWN",
        "/* DOWN */",
        "-- migrate:down",
        "-- +goose Down",
        "-- +migrate Down",
        "-- +migrate Down notransaction",
        "-- rambler down",
        "-- +micrate Down",
        "-- !Downs",
        "-- migrate down",
        "-- Down Migration",
        "-- migrateDown",
        "---- create above / drop below ----",
        "-- //@UNDO",
        "--//@UNDO",
        "-- Revert",
        "-- downgrade",
        "-- Running downgrade ae1027a6acf -> 1975ea83b712",
        "-- Rollback:",
        "-- ROLLBACK SCRIPT",
        "/*\n * DOWN\n */",
        "-- Down: drop it",
        "-- down (drop it)",
    ],
)
def test_what_is_almost_the_missing_marker_is_an_error(almost: str) -> None:
    """Else the SQL that takes the change back would run together with the change."""
    (problem,) = refuse(f"-- UP\nCREATE TABLE t ();\n{almost}\nDROP TABLE t;")
    assert problem.place.line == 3
    assert not all_problems(f"-- UP\nCREATE TABLE t ();\n{almost}\n-- DOWN\nDROP TABLE t;")


@pytest.mark.parametrize(
    "prose",
    [
        "-- upper case",
        "-- the DOWN",
        "SELECT 1; -- down",
        "-- updates",
        "/* up to here */",
        "-- Up to now we had one table for both.",
        "-- down the road this becomes a view",
        "-- Down migration is not needed.",
        "-- DOWN payment",
        "-- up-to-date prices only",
        "-- Up/down counters",
        "-- Up and running",
        "-- Deploy this after 5pm",
        "-- Revert the change of last week",
        "-- Rollback is not possible here",
        "-- ROLLBACK;",
        "-- Upgrade",
        "--> statement-breakpoint",
    ],
)
def test_prose_is_prose(prose: str) -> None:
    """A comment that is not a marker by its form, or shares its line with SQL."""
    assert not all_problems(f"{prose}\nSELECT 1;")
    assert not all_problems(f"-- UP\nSELECT 1;\n{prose}\nSELECT 2;")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-- +nobody Up", "-- +nobody Down"),
        ("-- acme:apply", "-- acme:revert"),
        ("/* region up */", "/* region down */"),
        ("-- install", "-- uninstall"),
    ],
)
def test_two_comments_that_differ_in_the_direction_are_marks_of_any_tool(one: str, other: str) -> None:
    """In a file without a marker, if SQL follows: each alone, in another order, or below `-- UP` is prose."""
    (problem,) = refuse(f"{one}\nCREATE TABLE t ();\n{other}\nDROP VIEW v;")
    assert (problem.place.line, "line 1" in problem.message) == (3, True)
    for text in (f"{one}\nSELECT 1;", f"{other}\nSELECT 1;", f"{one}\nSELECT 1;\n{other}\n-- DROP VIEW v;\n"):
        assert not all_problems(text)
    assert not all_problems(f"{other}\nSELECT 1;\n{one}\nSELECT 2;")
    assert not all_problems(f"-- UP\n{one}\nSELECT 1;\n{other}\nSELECT 2;")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-- clean up the queue", "-- write down the totals"),
        ("-- apply the new rates", "-- revert what was booked twice"),
        ("-- Up to now there was one table for both", "-- Down to now there was one table for both"),
    ],
)
def test_two_comments_that_differ_in_more_are_prose(one: str, other: str) -> None:
    """So are long ones: no tool writes a sentence."""
    assert not all_problems(f"{one}\nSELECT 1;\n{other}\nSELECT 2;")


@pytest.mark.parametrize("word", ["-- Rollback:", "-- revert", "-- downgrade"])
def test_a_weak_mark_counts_only_above_sql(word: str) -> None:
    """Many people keep the way back in comments, and no SQL runs by mistake there."""
    assert not all_problems(f"CREATE TABLE t ();\n{word}\n-- DROP TABLE t;\n")
    assert all_problems(f"CREATE TABLE t ();\n{word}\nDROP TABLE t;\n")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("-- UP\n-- UP\n", [2]),
        ("-- UP\n-- DOWN\n-- DOWN\n", [3]),
        ("-- DOWN\nSELECT 1;", [1]),
        ("-- DOWN\n-- UP\n", [1]),
        ("SELECT 1;\n-- UP\n", [1]),
        (";\n-- UP\n", [1]),
        ("-- UP\n\n-- UP\n-- DOWN\n-- DOWN\n", [3, 5]),
    ],
)
def test_markers_that_cannot_be_meant_are_errors(text: str, lines: list[int]) -> None:
    """Twice, alone, in the wrong order, below SQL; all are told, each with its line."""
    assert [problem.place.line for problem in refuse(text)] == lines


def test_a_carriage_return_alone_ends_no_line() -> None:
    """To PostgreSQL it does: what looks like the rest of a comment would run, and a marker would be none."""
    for text in ("-- UP\rCREATE TABLE t ();\r-- DOWN\rDROP TABLE t;\r", "-- UP\nSELECT 1; -- harmless\rDROP TABLE t;"):
        assert "carriage return" in refuse(text)[0].message
    assert not all_problems("-- UP\r\r\nSELECT 'a\rb'; /* \r */\r\n\r")
    migration = read("-- UP\nSELECT 1;\n-- DOWN\nSELECT 2; -- \rSELECT 3;")
    assert not migration.up.parsed.problems
    assert migration.down
    assert migration.down.parsed.problems


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"-- nothing\n", "no SQL"),
        ("-- UP\n".encode("utf-16"), "UTF-16"),
        ("-- UP\n".encode("utf-16-le"), "NUL"),
        (b"-- UP\nSELECT '\x00';", "NUL"),
        ("-- UP\n-- \u00e9\n".encode("latin-1"), "0xe9"),
    ],
)
def test_what_is_no_utf8_sql_is_an_error(raw: bytes, word: str) -> None:
    """With what to do about it."""
    (problem,) = refuse(raw)
    assert word in problem.message
    assert problem.hint


def test_a_byte_order_mark_is_no_fault() -> None:
    """Windows editors write one. Elsewhere, what cannot be seen is named."""
    assert read(b"\xef\xbb\xbf-- UP\nSELECT 1;").up.written.text == "SELECT 1;"
    assert any("invisible" in (problem.hint or "") for problem in all_problems("-- UP\nCREATE\u00a0TABLE t ();"))


def test_places_count_lines_and_characters_from_one() -> None:
    """Multi-byte characters are one column; the last place is after the last character."""
    source = Source(NAME, lex(["é😀x\r\n\nend".encode()]))
    assert (source.line(0), source.line(7), source.line(8), source.line(9), source.line(10)) == (1, 1, 1, 2, 3)
    place = source.place(6)
    assert (place.line, place.column, place.source) == (1, 3, "é😀x")
    assert str(source.place(13)) == f"{NAME}:3:4"


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    """A migration of somebody else's must not move the cursor, or turn the line around."""
    (problem,) = read("-- UP\nSELECT '\x1b[2J\u202e' FROM WHERE;").up.parsed.problems
    assert problem.place.source == "SELECT '\ufffd[2J\ufffd' FROM WHERE;"
    assert problem.place.column == len("SELECT '.[2J.' FROM ") + 1
