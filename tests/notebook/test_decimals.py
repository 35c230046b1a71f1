"""Exact Decimals are left out by pandas' own drawing and describing: where that happens, the way out is said."""

from __future__ import annotations

import pytest

from tests.notebook.conftest import Cells

SQL = "SELECT g, g * 1.5 AS price, sum(g::bigint) OVER () AS total, g::float8 AS f FROM generate_series(1, 4) g"
PRICE = (
    "price is numeric: exact Decimals, which .{}() leaves out. For floats, write ::float8 after the expression in "
    "the SQL, or t.astype({{'price': float}}).\n"
)
BOTH = (
    "price and total are numeric: exact Decimals, which .{}() leaves out. For floats, write ::float8 after the expression in "
    "the SQL, or t.astype({{'price': float, 'total': float}}).\n"
)


@pytest.fixture
def table(cells: Cells) -> Cells:
    """A variable t with two columns of Decimals, an int and a float."""
    cells.run(f"t = %query {SQL}")
    cells.said()
    return cells


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("t.describe();", BOTH.format("describe")),
        ("t[['g', 'price']].describe();", PRICE.format("describe")),
        ("t['price'].describe();", PRICE.format("describe")),
        ("t.set_index('g').describe();", BOTH.format("describe")),
        ("x = t[t['g'] > 1]['price'].describe()", PRICE.format("describe")),
        ("for i in range(2): t.describe()", BOTH.format("describe")),
        ("t.price.describe();", PRICE.format("describe")),
        ("t.groupby('g').price.describe();", PRICE.format("describe")),
        ("t.loc[:, ['g', 'price']].describe();", PRICE.format("describe")),
        ("t[t.g > 1].describe();", BOTH.format("describe")),
        ("_ = t\n_.describe();", BOTH.format("describe").replace("t.astype", ".astype")),
        ("u = t.copy()\nu.describe();", BOTH.format("describe").replace("t.astype", "u.astype")),
    ],
)
def test_what_is_left_out_is_said_once(table: Cells, cell: str, hint: str) -> None:
    """With the columns by name, and two ways to have floats."""
    table.run(cell)
    assert table.said().endswith(hint)
    assert table.said() == ""


def test_a_column_of_any_name_is_said_as_escapes(cells: Cells) -> None:
    """A name in a result is text of others, and drives no terminal."""
    cells.run('t = %query SELECT 1.5 AS "e\x1b]0;t\x07\u202e"')
    cells.said()
    cells.run("x = t.describe()")
    said = cells.said()
    assert said.startswith("e\\x1b]0;t\\x07\\u202e is numeric")
    assert not {"\x1b", "\x07", "\u202e"} & set(said)


@pytest.mark.parametrize("cell", ["t.plot()", "t['price'].plot.bar()", "t.hist()"])
def test_it_is_said_where_pandas_fails(table: Cells, cell: str) -> None:
    """For want of numbers, or of a library that draws."""
    _, shown = table.fail(cell)
    assert "numeric: exact Decimals, which ." in shown


def test_what_it_says_works(table: Cells) -> None:
    """The columns are described as numbers then, and the frame's own stay exact."""
    assert "price" not in table.run("t.describe()").columns
    assert "price" in table.run("t.astype({'price': float, 'total': float}).describe()").columns
    assert "price" in table.run(f"%query {SQL.replace('g * 1.5', '(g * 1.5)::float8')}").describe().columns
    assert type(table.run("t['price'][0]")).__name__ == "Decimal"


@pytest.mark.parametrize(
    "cell",
    [
        "t.astype({'price': float, 'total': float}).describe();",
        "t['price'].astype(float).describe();",
        "t['g'].describe();",
        "t.g.describe();",
        "t[['g', 'f']].describe();",
        "t.loc[t['price'] > 1, 'f'].describe();",
        "t.head();",
        "'t.describe()';",
        "import pandas\nother = pandas.DataFrame({'a': [1]})\nother.describe();",
        "s = %query SELECT 1 AS a, 'x' AS b\ns.describe();",
        "n = %query SELECT NULL::numeric AS a\nn.describe();",
        "plain = {'plot': 1}",
    ],
)
def test_nothing_is_said_of_anything_else(table: Cells, cell: str) -> None:
    """What is converted, has no Decimals, or is no result of a query."""
    table.run(cell)
    assert "numeric" not in table.said()
