"""A name in a variable, as other tools write it, meets one hint on the form that works here."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import FsapiError, QueryFailed, UsageError
from fsapi_nb.script.placeholders import Meant, Placeholder, find_placeholder
from tests.conftest import Project
from tests.notebook.conftest import Cells

BIND = "{} is not replaced: write $1, and pass the value beside the SQL: %query --param city SELECT ... $1"
NAMES = (
    "a parameter is a value, never the name of a table or column: if Python knows the name, "
    'get_ipython().run_line_magic("query", f"SELECT ... {{{}}} ...").'
)
MADE = (
    "the SQL is sent as it is written, so write it without quotes and variables; if Python makes it: "
    'get_ipython().run_line_magic("query", {})'
)
TEXT = MADE.format('f"SELECT ... {table} ..."')
RESULT = "assign the result in Python: r = %query SELECT ...; after a %%query cell, write r = _ in the next cell."
LIST = "instead of IN {}, write = any($1), and pass the list beside the SQL: %query --param cities SELECT ... = any($1)"


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("%query SELECT * FROM {tbl}", NAMES.format("tbl")),
        ("%query SELECT * FROM $tbl", NAMES.format("tbl")),
        ('%query SELECT * FROM "{tbl}"', NAMES.format("tbl")),
        ("%query SELECT * FROM :name", NAMES.format("name")),
        ("%query DROP TABLE {{ tbl }}", NAMES.format("tbl")),
        ("%query --param tbl SELECT * FROM $1", NAMES.format("table")),
        ("%query SELECT {cols} FROM pg_class", NAMES.format("cols")),
        ("%query SELECT 1 FROM pg_class ORDER BY %(c)s DESC", NAMES.format("c")),
        ("%query SELECT * FROM pg_class WHERE relname = :city", BIND.format(":city")),
        ("%query SELECT * FROM pg_class WHERE relname = :'city'", BIND.format(":'city'")),
        ("%query SELECT * FROM pg_class WHERE relname = %(city)s", BIND.format("%(city)s")),
        ("%query SELECT * FROM pg_class WHERE relname = %s", BIND.format("%s")),
        ("%query SELECT * FROM pg_class WHERE relname = ?", BIND.format("?")),
        ("%query SELECT * FROM pg_class WHERE relname = {city}", BIND.format("{city}")),
        ("%query SELECT * FROM pg_class WHERE relname = ${city}", BIND.format("${city}")),
        ("%query SELECT * FROM pg_class WHERE relname = @city", BIND.format("@city")),
        ("%query SELECT * FROM pg_class WHERE relname = f'{city}'", BIND.format("f'{city}'")),
        ("%%query\nSELECT *\nFROM pg_class\nLIMIT {n}", BIND.format("{n}").replace("city", "n")),
        ("%query SELECT * FROM pg_class WHERE relname IN {cities}", LIST.format("{cities}")),
        ("%query SELECT * FROM pg_class WHERE relname IN ({cities})", LIST.format("({cities})")),
        ("%query SELECT * FROM pg_class WHERE relname NOT IN ( :cities )", LIST.format("(:cities)")),
        (
            "%query SELECT * FROM pg_class WHERE relname IN (%s)",
            LIST.format("(%s)").replace("--param cities", "--param city"),
        ),
        ("%query SELECT * FROM pg_class WHERE relname IN (:city, 'x')", BIND.format(":city")),
        (
            "%query --param cities SELECT * FROM pg_class WHERE relname IN $1",
            LIST.format("$1").replace("--param cities SELECT", "--param city SELECT"),
        ),
        ("%query SELECT * FROM pg_catalog.{tbl}", NAMES.format("tbl")),
        ("%query SELECT * FROM pg_{tbl}", NAMES.format("tbl")),
        ("%query TRUNCATE {tbl}", NAMES.format("tbl")),
        ("%query DROP TABLE IF EXISTS {tbl}", NAMES.format("tbl")),
        ("%query SELECT c.{tbl} FROM pg_class c", NAMES.format("tbl")),
        ("%query {sql}", MADE.format("sql")),
        ("%query $sql", MADE.format("sql")),
        ("%%query\n{{ sql }}", MADE.format("sql")),
        ('%query f"SELECT * FROM {tbl}"', TEXT),
        ('%query "SELECT 1"', TEXT),
        ("%query 'SELECT 1'", TEXT),
        ("%%query\nSELECT relname,\n{col} FROM pg_class", BIND.format("{col}").replace("city", "col")),
        ("%query r << SELECT 1", RESULT),
        ("%query r = SELECT 1", RESULT),
        ("%%query r <<\nSELECT 1", RESULT),
    ],
)
def test_a_cell_gets_the_hint_that_works(cells: Cells, cell: str, hint: str) -> None:
    """One line, with what is to be written in a notebook."""
    cells.run("tbl, city, cities = 'pg_class', 'Bern', ['Bern']")
    error, _ = cells.fail(cell)
    assert isinstance(error, QueryFailed | UsageError)
    assert error.hint == hint


def test_what_the_hints_say_works(cells: Cells) -> None:
    """Each form of advice, as it is written."""
    cells.run("city, cities, table = 'pg_class', ['pg_class', 'pg_type'], 'pg_class'")
    assert len(cells.run("%query --param city SELECT 1 FROM pg_class WHERE relname = $1")) == 1
    assert len(cells.run("%query --param cities SELECT 1 FROM pg_class WHERE relname = any($1)")) == 2
    assert len(cells.run('get_ipython().run_line_magic("query", f"SELECT 1 FROM {table} LIMIT 3")')) == 3
    cells.run("r = %query SELECT 1 AS one")
    assert list(cells.run("r")["one"]) == [1]


@pytest.mark.parametrize("value", [["a", "b"], ("a", "b"), {"a"}, [1, 2]])
@pytest.mark.parametrize("operator", ["IN", "NOT IN", "in"])
def test_a_list_in_parentheses_is_refused(project: Project, value: object, operator: str) -> None:
    """PostgreSQL makes one text of a list of texts, so that the query would silently give nothing."""
    with pytest.raises(UsageError) as caught:
        project.migrator().query(f"SELECT 1 FROM pg_class WHERE relname {operator} ( /* these */ $1 )", [value])
    assert caught.value.hint == "write = any($1), or <> all($1) for NOT IN, with a list."


def test_values_in_parentheses_are_no_list(project: Project) -> None:
    """One or several, each a parameter; and a list where it is compared as a whole."""
    query = project.migrator().query
    assert query("SELECT 1 WHERE 'a' IN ($1)", ["a"]).last
    assert len(query("SELECT 1 WHERE 'a' IN ($1, $2)", ["a", "b"]).results[0].rows) == 1
    assert len(query("SELECT 1 WHERE ARRAY[1, 2] = $1::int[]", [[1, 2]]).results[0].rows) == 1


def test_the_terminal_says_how_it_is_done_there(project: Project) -> None:
    """A value by `--param`; a name is written; a result has none."""
    for text, hint in (
        (
            "SELECT :a",
            "a parameter is a value, never the name of a table or column: write the name instead of :a.",
        ),
        (
            "SELECT 1 WHERE 1 = :a",
            BIND.format(":a").replace("%query --param city SELECT ... $1", "sapi query 'SELECT ... $1' --param VALUE"),
        ),
        ("r << SELECT 1", "give the SQL alone: a result has no name here."),
        ("{sql}", "give the SQL itself, or `-` and the SQL on standard input: sapi query - < FILE"),
    ):
        with pytest.raises(FsapiError) as caught:
            project.migrator().query(text)
        assert caught.value.hint == hint


@pytest.mark.parametrize("text", ["\\d", "SELECT 1 \\gexec", "SELECT 1;\n\\x", "\\echo 'hi'"])
def test_a_command_of_psql_is_said_to_be_one(project: Project, text: str) -> None:
    """Whoever knows psql types it."""
    with pytest.raises(QueryFailed) as caught:
        project.migrator().query(text)
    assert "psql's commands are not SQL" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text",
    ["SELECT 1 FROM pg_class WHERE", "SELECT nothing", "SELECT '{a}' FROM nowhere", "SELECT ':x', (1", "SELEKT 1"],
)
def test_any_other_error_has_no_such_hint(project: Project, text: str) -> None:
    """A form like these elsewhere in the text, in a literal say, is none."""
    with pytest.raises(QueryFailed) as caught:
        project.migrator().query(text)
    assert caught.value.hint is None


def test_the_form_next_to_the_error_is_found() -> None:
    """Of several on a line the one that the server stumbled over."""
    line = "SELECT a FROM t WHERE b = :b AND c = :c"
    assert find_placeholder(line, line.index(":c") + 1) == Placeholder(":c", Meant.VALUE)
    assert find_placeholder(line, line.index("AND") + 1) is None


# -- lines without SQL
# --------------------------------------------------------------------------------------------------


def test_a_line_without_sql_is_expanded(cells: Cells, project: Project) -> None:
    """`%migrate`, `%rollback` and `%%migration`, as IPython expands other magics; a cell's SQL is not."""
    name = project.write("one", "CREATE TABLE one (id int);", "DROP TABLE one;")
    project.write("two", "CREATE TABLE two (id int);", "DROP TABLE two;")
    cells.run(f"n, what = {name!r}, 'three'")
    assert cells.run("%migrate --to {n}").done[0].name == name
    assert cells.run("%migrate show $n").status.name == name
    cells.run("%migrate")
    assert len(cells.run("%rollback --to {n}").done) == 1
    result = cells.run("%%migration {what}\n-- UP\nSELECT '{what} $n';\n")
    assert result.name.endswith("_three.sql")
    assert "SELECT '{what} $n';" in (project.folder / result.name).read_text()


def test_a_line_in_a_function_has_its_variables(cells: Cells, project: Project) -> None:
    """A loop over migrations, in a function too."""
    name = project.write("one", "CREATE TABLE one (id int);", "DROP TABLE one;")
    cells.run("def show(each):\n    found = %migrate show {each}\n    return found")
    assert cells.run(f"show({name!r})").status.name == name
