"""Which statements psql would send otherwise than they are, and how these are sent."""

from __future__ import annotations

import pytest

from fsapi_nb.script.psql_text import comment, echo, for_psql, literal, quoted


@pytest.mark.parametrize(
    "text",
    [
        "SELECT '10:30', \":x\", $$ :x $$, E'\\':x' -- :x",
        "SELECT 1::int /* :x /* :y */ :z */",
        "SELECT a[1 : 2]",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ begin $$ -- begin",
    ],
)
def test_what_psql_reads_alike_is_written_as_it_is(text: str) -> None:
    """With a semicolon, which no comment may hide."""
    assert for_psql(text, "CREATE FUNCTION") == (f"{text}\n;" if "--" in text else f"{text};")


@pytest.mark.parametrize(
    "text",
    ["SELECT a[1:n]", "SELECT a[1:2]", "SELECT :x", "SELECT :'x'", 'SELECT :"x"', "SELECT 1 <:ü"],
)
def test_what_psql_would_put_a_variable_into_is_sent_as_a_string(text: str) -> None:
    """By gexec, which sends what a query gives untouched."""
    assert for_psql(text, "SELECT") == f"SELECT $fsapi_nb${text}$fsapi_nb$\n\\gexec"


@pytest.mark.parametrize("text", ["SELECT 'a\\', '\n\\! program\n'", "SELECT n'a\\'", "SELECT 'a' '\n\\'"])
def test_a_string_that_may_end_elsewhere_is_sent_as_a_string(text: str) -> None:
    """Without `standard_conforming_strings` a backslash hides the quote, and psql would execute what follows."""
    assert for_psql(text, "SELECT") == f"SELECT $fsapi_nb${text}$fsapi_nb$\n\\gexec"


def test_a_body_that_psql_would_look_for_the_end_of_is_sent_as_a_string() -> None:
    """A word `begin` in CREATE FUNCTION makes psql wait for an END."""
    text = "CREATE FUNCTION f(begin int) RETURNS int RETURN begin"
    assert for_psql(text, "CREATE FUNCTION").endswith("\\gexec")
    assert for_psql(text, "CREATE TABLE") == f"{text};"


@pytest.mark.parametrize("text", ["SELECT :x, $fsapi_nb$", "SELECT :x $fsapi_nb", "SELECT :x, $fsapi_nb$ $fsapi_nb1$"])
def test_a_string_ends_where_its_text_ends(text: str) -> None:
    """The dollar quote is another one than those of the text."""
    begin, _, rest = for_psql(text, "SELECT").removeprefix("SELECT ").partition(text)
    assert rest == f"{begin}\n\\gexec"
    assert begin not in text
    assert text.count(begin[:-1]) == 0 or not text.endswith(begin[:-1])


def test_values_are_quoted_for_the_server_and_for_psql() -> None:
    """Backslashes mean themselves, whatever `standard_conforming_strings` is; a line stays one."""
    assert literal("it's") == "'it''s'"
    assert literal("a\\'") == "E'a\\\\'''"
    assert quoted("it's \\x") == "'it''s \\\\x'"
    assert comment("a\nDROP TABLE t;") == "-- a\\nDROP TABLE t;"
    assert echo("a\n`date` :x") == "\\echo 'a\\\\n`date` :x'"
