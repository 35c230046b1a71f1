"""`%query --param`: Python's values in SQL that stays as it is written; the same in the terminal, as text."""

from __future__ import annotations

import pytest

from fsapi_nb import cli
from fsapi_nb.errors import QueryFailed, UsageError
from tests.conftest import Project
from tests.notebook.conftest import Cells


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("%query --param city SELECT $1 AS it", "Bern"),
        ("%query --param=city SELECT $1 AS it", "Bern"),
        ("%query --param city --param=since SELECT $1 || $2::text AS it", "Bern2020-01-31"),
        ("%query --yes --param 'city' --max-wait 1 SELECT $1 AS it", "Bern"),
        ("%%query --param since --param city\nSELECT $2 || $1::date || $2 AS it", "Bern2020-01-31Bern"),
        ("%%fsapi_query --param city\nSELECT $1 AS it;\n", "Bern"),
        ("%query --param quoted SELECT $1 AS it", "{city} $city'; DROP TABLE x; --"),
        ("%query --param city SELECT '{city} $city :city %(city)s ' || $1 AS it", "{city} $city :city %(city)s Bern"),
    ],
)
def test_variables_are_bound_by_name_and_place(cells: Cells, cell: str, value: object) -> None:
    """The first `--param` is `$1`; nothing in the SQL or in a value is expanded, and nothing ends it."""
    cells.run("import datetime\ncity, since = 'Bern', datetime.date(2020, 1, 31)")
    cells.run('quoted = "{city} $city\'; DROP TABLE x; --"')
    assert cells.run(cell)["it"][0] == value


def test_variables_of_a_function_are_bound(cells: Cells) -> None:
    """Where the magic stands in a function, its own names come first."""
    cells.run("i = 1\ndef ask(i):\n    found = %query --param i SELECT $1::int AS i\n    return found")
    assert cells.run("ask(7)")["i"][0] == 7


def test_a_table_is_asked_with_what_it_gave(cells: Cells, project: Project) -> None:
    """Values of a DataFrame of ours go in again, and NULL with them."""
    cells.run("%%query\nCREATE TABLE t AS SELECT * FROM (VALUES (1, 'a'), (NULL, NULL)) t (i, s)")
    cells.run("t = %query SELECT * FROM t ORDER BY i")
    cells.run("i, s, none = t['i'][0], t['s'][0], t['i'][1]")
    assert len(cells.run("%query --param i --param s SELECT * FROM t WHERE (i, s) = ($1, $2)")) == 1
    assert len(cells.run("%query --param none SELECT * FROM t WHERE i IS NOT DISTINCT FROM $1")) == 1


@pytest.mark.parametrize(
    ("cell", "kind", "message"),
    [
        ("%query --param nowhere SELECT $1", UsageError, "no variable is named 'nowhere'"),
        ("%query --param 'city[0]' SELECT $1", UsageError, "no variable is named 'city[0]'"),
        ("%query --param list SELECT $1", UsageError, "no variable is named 'list'"),
        ("%query --param city SELECT 1", UsageError, "the SQL has no parameter $1, and 1 value is given"),
        ("%query --param city SELECT $3", UsageError, "the SQL has parameters up to $3, and 1 value is given"),
        ("%query --param city --param city SELECT $1", UsageError, "the SQL has parameters up to $1, and 2 values"),
        ("%query --param cells SELECT $1", UsageError, "$1 (object) cannot be a parameter: cannot adapt type 'object'"),
        ("%query --param city SELECT $1; SELECT 2", QueryFailed, "this text is 2 statements, and parameters can be"),
        ("%query SELECT $1", QueryFailed, "there is no parameter $1 [42P02]"),
        ("%query --param city SELECT $1::int", QueryFailed, "invalid input syntax for type integer"),
    ],
)
def test_what_cannot_be_bound_is_said(cells: Cells, cell: str, kind: type[Exception], message: str) -> None:
    """Which variable, how many, or which statement is one too many: a few lines, and nothing was run."""
    cells.run("city, cells = 'Bern', object()")
    error, shown = cells.fail(cell)
    assert type(error) is kind
    assert str(error).startswith(message)
    assert "Traceback" not in shown
    assert len(shown.splitlines()) <= 6


def test_the_terminal_binds_text(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL reads it as the type that the SQL wants."""
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("DATABASE_URL", project.database)
    sql = "SELECT $1 || '!' AS a, $2::int + 1 AS b"
    assert cli.main(["query", sql, "--param", "it's $2", "--param=-8"]) == 0
    assert "it's $2! | -7" in capsys.readouterr().out
    assert cli.main(["query", "SELECT 1", "--param", "x"]) == 2
    assert "the SQL has no parameter $1" in capsys.readouterr().err


def test_a_value_whose_variable_is_a_secret_is_in_no_error(cells: Cells) -> None:
    """The server quotes what it cannot convert; a secret is one by its variable's name, or by what the SQL does with it."""
    cells.run("api_key, city, keys = 'hunter2-x', 'hunter3-x', ['hunter4-x']")
    for cell in (
        "%query --param api_key SELECT $1::int",
        "%query --param city SELECT $1::int AS token",
        "%query --param keys SELECT 1 FROM (SELECT 1 AS token) t WHERE token = ANY ($1::text[]::int[])",
    ):
        error, shown = cells.fail(cell)
        assert "***" in str(error)
        assert "hunter" not in shown + str(error) + repr(error.__cause__)
