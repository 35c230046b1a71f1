r"""psql's backslash commands in a cell and on a terminal."""

from __future__ import annotations

import pytest

from fsapi_nb import cli
from fsapi_nb.errors import UsageError
from fsapi_nb.views.results import ObjectResult
from tests.conftest import Project
from tests.notebook.conftest import Cells


def test_a_cell_and_a_terminal_answer_alike(project: Project, cells: Cells, capsys: pytest.CaptureFixture[str]) -> None:
    """`%query`, `%%query` and `sapi query`: the same value."""
    project.rows_in_session(
        "CREATE SCHEMA shop", "CREATE TABLE shop.orders (id int)", 'CREATE TABLE shop."Odd ""name; --" (a int)'
    )
    line, cell = cells.run(r"%query \d orders"), cells.run("%%query\n\\d orders\n")
    assert isinstance(line, ObjectResult)
    assert repr(line) == repr(cell)
    assert [each.name for each in cells.run(r"%query \dt shop.*").objects] == ['Odd "name; --', "orders"]
    capsys.readouterr()
    assert cli.main(["query", r"\d orders", "--database", project.database]) == 0
    assert capsys.readouterr().out.startswith("table shop.orders on ")
    error, shown = cells.fail(r"%query \copy orders TO 'x'")
    assert isinstance(error, UsageError)
    assert r"\copy is not answered here" in shown


def test_what_a_command_has_not_is_refused(cells: Cells) -> None:
    """Parameters and plans are of SQL."""
    for line in (r"%query --explain \d orders", "x = 1\n%query --param x \\d orders"):
        error, _ = cells.fail(line)
        assert isinstance(error, UsageError)
        assert error.message == "a backslash command has no parameters and no plan"
