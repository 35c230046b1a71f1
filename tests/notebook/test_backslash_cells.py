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
