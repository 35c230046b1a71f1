"""What is cut out of a section as one statement: exactly what was written, and all of it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fsapi_nb.model.migration import Script, TransactionRule
from fsapi_nb.script.contents import read_copy_data
from fsapi_nb.script.lexer import lex
from fsapi_nb.script.migration import read_migration
from fsapi_nb.script.parser import tokenize
from fsapi_nb.script.tokens import COMMENTS, END
from tests.script.reading import CORES, NAME, File, Written, all_problems, files, quick, read

BLANKS = " \t\r\n"


def check(script: Script, put_in: tuple[Written, ...], text: str, position: int) -> int:
    """That a script's statements are those that were put into the text from there on; return where they end."""
    assert len(script.parsed.statements) == len(put_in)
    for found, each in zip(script.parsed.statements, put_in, strict=True):
        whole = (each.gap + each.core).lstrip(BLANKS)
        start = text.index(each.gap + each.core + ";", position) + len(each.gap + each.core) - len(whole)
        core = start + len(whole) - len(each.core)
        assert found.text == whole
        assert found.text_line == text.count("\n", 0, start) + 1
        assert found.text_column == start - (text.rfind("\n", 0, start) + 1) + 1
        assert found.line == text.count("\n", 0, core) + 1
        position = core + len(each.core) + 1
        assert (found.copy is None) == (each.data is None)
        if found.copy and each.data is not None:
            assert b"".join(read_copy_data(found.copy)).decode() == each.data
            begins = text.index("\n", position) + 1
            assert found.copy.line == text.count("\n", 0, begins) + 1
            position = begins + len(each.data)
    return position


@quick
@given(files())
def test_the_statements_found_are_exactly_those_written(file: File) -> None:
    """In order, byte for byte, in the right lines, whatever blanks, comments, bodies and data are around them."""
    migration = read(file.text)
    assert not all_problems(file.text)
    end = check(migration.up, file.up, file.text, 0)
    assert (migration.down is None) == (file.down is None)
    if migration.down and file.down is not None:
        check(migration.down, file.down, file.text, file.text.index("\n-- DOWN", end - 1))


FRAGMENTS = (
    *CORES,
    *("'", '"', "$$", "$a$", "--", "/*", "*/", ";", "\\", "\\.\n", "(", ")", "\n", "\r", "\r\n", "\t", "é", "😀", "\u00a0"),
    *("COPY t FROM stdin;\n", "copy t from STDIN", "-- UP\n", "-- DOWN\n", "-- up\n", "-- fsapi: lock_timeout=1s\n"),
    *("{{ x }}", "${x}", "`", "\x01"),
    *("E'\\xff'", "E'\\u00'", "U&'\\d800'", "1a", "BEGIN ATOMIC", "END", "SELECT", "password 'x'", "\ufeff", "\v", "\f"),
)  # fmt: skip


@quick
@given(
    st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(" ".join) | st.lists(st.sampled_from(FRAGMENTS)).map("".join)
)
@example("-- UP\nSELECT E'\\xff', 1 -- é")
@example("SELECT ')' )); COPY t FROM stdin;\nit's\n\\.\n")
def test_every_token_is_in_one_statement_or_the_text_has_problems(text: str) -> None:
    """No text makes the reader raise, and none is dropped in silence."""
    migration, problems = read_migration(NAME, text.encode())
    if migration is None:
        assert problems
        return
    for script in (migration.up, migration.down):
        if script and not script.parsed.problems:
            assert covered(script) == solid(lex([script.written.text.encode()]).code)


def covered(script: Script) -> list[bytes]:
    return [token for statement in script.parsed.statements for token in solid(statement.text.encode())]


def solid(text: bytes) -> list[bytes]:
    tokens, problem = tokenize(text)
    assert problem is None
    places = zip(tokens.starts, tokens.ends, tokens.sorts, strict=True)
    return [text[start:end] for start, end, sort in places if sort not in COMMENTS + END]


@quick
@given(st.text() | st.binary())
def test_no_bytes_make_the_reader_raise(text: str | bytes) -> None:
    """Whatever a file holds, the answer is a migration or problems that can be shown."""
    for problem in all_problems(text):
        assert problem.lines()


def test_semicolons_inside_bodies_end_no_statement() -> None:
    """Dollar quotes, BEGIN ATOMIC, rules, strings, quoted names: none is cut."""
    cores = [core for core in CORES if ";" in core]
    assert [statement.text for statement in read(";\n".join(cores)).up.parsed.statements] == cores


def test_a_last_statement_needs_no_semicolon() -> None:
    """And empty statements are none."""
    statements = read("-- UP\n;;SELECT 1;; ;\nSELECT 2 -- done").up.parsed.statements
    assert [(statement.text, statement.line) for statement in statements] == [("SELECT 1", 2), ("SELECT 2", 3)]


def test_comments_go_with_the_statement_that_follows() -> None:
    """They are sent with it, so that the server's logs show them; what follows the last is sent nowhere."""
    first, second = read("-- UP\n-- one\nSELECT 1; -- two\nSELECT 2; -- three").up.parsed.statements
    assert first.text == "-- one\nSELECT 1"
    assert (first.text_line, first.line) == (2, 3)
    assert second.text == "-- two\nSELECT 2"
    assert (second.text_line, second.text_column, second.line) == (3, 11, 4)


@pytest.mark.parametrize("joint", [" || ", " + ", " UNION ALL SELECT ", "::text || "])
def test_a_long_expression_is_no_trouble(joint: str) -> None:
    """protobuf's Python library refuses a tree of 100 levels, which 50 operators in a row make."""
    long = joint.join(["'a'"] * 1000)
    text = f"CREATE VIEW v AS SELECT {long}; CREATE INDEX CONCURRENTLY i ON t ((a || (SELECT {long})));"
    first, second = read(text).up.parsed.statements
    assert (first.traits.kind, second.traits.kind) == ("CREATE VIEW", "CREATE INDEX CONCURRENTLY")
    assert second.traits.rule is TransactionRule.REFUSED


def test_an_expression_too_deep_for_the_parser_is_a_problem() -> None:
    """libpg_query would overrun the stack and take the kernel down with it."""
    for text in (
        "SELECT " + "1+" * 30_000 + "1",
        "SELECT " + "(" * 20_000 + ")" * 20_000,
        "SELECT " + "NOT " * 20_000,
    ):
        (problem,) = read(text).up.parsed.problems
        assert "build on one another" in problem.message or "memory exhausted" in problem.message
        assert read(text).up.parsed.unparsed


def test_many_rows_are_not_deep() -> None:
    """A seed of thousands of rows with signs, casts and calls is flat."""
    rows = ", ".join(["(-1, '{}'::jsonb, now() - interval '1 day', f(g(1) + 2))"] * 3000)
    assert not read(f"INSERT INTO t VALUES {rows};").up.parsed.problems
    assert not read("SELECT 1 WHERE " + " OR ".join(["a = -1"] * 6000)).up.parsed.problems


def test_time_grows_with_the_length_of_the_text() -> None:
    """Words that the reader looks out for, thousands of times, cost no more than any other."""
    lines = 20_000
    assert len(read("-- UP\n" + "SELECT 1; -- stdin;\n" * lines).up.parsed.statements) == lines
    assert not read("-- UP\nSELECT '" + "stdin;\n" * lines + "';").up.parsed.problems
    assert not read("-- UP\nSELECT $$" + "password" + " " * lines + "$$;").up.parsed.problems
    assert not read("-- UP\nSELECT $$" + "connection 'password " * lines + "$$;").up.parsed.problems


def test_a_script_with_a_syntax_error_is_unparsed_and_shows_where() -> None:
    """The caret counts characters, not bytes; other faults are told with it."""
    script = read("-- UP\n-- fsapi: nonsense=1\nSELECT 'é😀', FROM x;").up
    assert script.parsed.unparsed
    assert not script.parsed.statements
    assert [problem.place.line for problem in script.parsed.problems] == [2, 3]
    assert script.parsed.problems[1].place.column == len("SELECT 'é😀', ") + 1


def test_a_down_that_does_not_parse_leaves_the_up_usable() -> None:
    """Real histories are full of them."""
    for down in ("DROPP TABLE t;", "SELECT 'unterminated", "COPY t FROM stdin;\n1\n", "SELECT E'\\xff';", "\\d t"):
        migration = read(f"-- UP\nSELECT 1;\n-- DOWN\n{down}")
        assert not migration.up.parsed.problems
        assert migration.down
        assert migration.down.parsed.problems


def test_faults_are_told_together() -> None:
    """Options, psql's commands and refused statements of both sections, each with its line."""
    text = "-- UP\n-- fsapi: lock_timeout=soon\nROLLBACK;\nCOPY t TO STDOUT;\n-- DOWN\n\\i x.sql\n\\connect db\n"
    assert [problem.place.line for problem in all_problems(text)] == [2, 3, 4, 6, 7]


def test_an_option_that_has_no_effect_is_a_fault() -> None:
    """Below the first statement, twice, misspelt, out of range: nobody should believe in a timeout that is not set."""
    for options in (
        "SELECT 1;\n-- fsapi: lock_timeout=1s",
        "-- fsapi: lock_timeout=1s\n-- fsapi: lock_timeout=2s\nSELECT 1;",
        "-- FSAPI: lock_timeout=1s\nSELECT 1;",
        "-- fsapi lock_timeout=1s\nSELECT 1;",
        "-- fsapi: lock_timeout=25d\nSELECT 1;",
        "-- fsapi: lock_timeout=١s\nSELECT 1;",
        "-- fsapi: transaction=on\nSELECT 1;",
    ):
        assert len(read(f"-- UP\n{options}\n").up.parsed.problems) == 1, options


def test_options_stand_above_the_marker_too() -> None:
    """For UP; those of DOWN stand in its section."""
    migration = read(
        "-- fsapi: lock_timeout=1s\n-- UP\n-- fsapi: transaction=off\n-- DOWN\n-- fsapi: statement_timeout=0\n"
    )
    assert dict(migration.up.parsed.options) == {"lock_timeout": "1s", "transaction": "off"}
    assert migration.down
    assert dict(migration.down.parsed.options) == {"statement_timeout": "0"}


def test_the_empty_template_is_no_migration() -> None:
    """Neither half of it: an unwritten DOWN would count as rolled back and undo nothing."""
    from fsapi_nb.script.naming import DOWN_PLACEHOLDER, TEMPLATE

    assert len(all_problems(TEMPLATE)) == 2
    migration = read(f"-- UP\nSELECT 1;\n-- DOWN\n{DOWN_PLACEHOLDER}\n")
    assert not migration.up.parsed.problems
    assert migration.down
    assert migration.down.parsed.problems


def test_the_rest_of_a_psql_commands_line_is_not_sql() -> None:
    r"""The apostrophe of `\i don't.sql` opens no string: there is one fault, and the rest of the file is read."""
    (problem,) = all_problems("-- UP\n\\i don't.sql\nSELECT 1;\n-- DOWN\nSELECT 2;")
    assert "\\i" in problem.message
    assert len(all_problems("-- UP\n\\i don't.sql\nSELECT 1 FROM;\n\\i other.sql\n")) == 2
    migration = read("-- UP\n\\echo don't\nSELECT 1;\n\\echo /* $$ \"\nSELECT 2;\n-- DOWN\nSELECT 3;")
    assert [statement.text for statement in migration.up.parsed.statements] == ["SELECT 1", "SELECT 2"]
    assert [statement.line for statement in migration.up.parsed.statements] == [3, 5]
    assert migration.down
