"""What a cell shows of a query: texts at the left, plans and settings as text, notices below, and other libraries' tables."""

from __future__ import annotations

import re
from typing import Any

import pandas
import polars
import pyarrow as pa
import pytest

from fsapi_nb.errors import UsageError
from tests.conftest import Project
from tests.notebook.conftest import Cells


def bundle_of(cells: Cells, frame: Any) -> dict[str, str]:
    """What the shell stores of a value."""
    bundle, _ = cells.shell.display_formatter.format(frame)
    return dict(bundle)


def at_left(html: str) -> list[str]:
    """The texts of cells and headings that stand at the left."""
    return re.findall(r'<t[hd] style="text-align:left">(.*?)</t[hd]>', html)


def test_texts_stand_at_the_left_and_numbers_at_the_right(cells: Cells) -> None:
    """With their headings; exact numbers and truth values are numbers, and whatever else the user makes of the frame is shown, too."""
    frame = cells.run("%query SELECT 1 AS n, 'x' AS t, 1.10 AS d, true AS b, date '2024-01-01' AS day, NULL::text AS e")
    html = bundle_of(cells, frame)["text/html"]
    assert at_left(html) == ["t", "day", "e", "x", "2024-01-01", "&lt;NA&gt;"]
    assert re.sub(' style="text-align:left"', "", html) == frame._repr_html_()
    assert at_left(bundle_of(cells, frame[["d", "t"]])["text/html"]) == ["t", "x"]
    grouped = frame.groupby("t").sum(numeric_only=True)
    assert at_left(bundle_of(cells, grouped)["text/html"]) == []
    wide = cells.run("%query SELECT " + ", ".join((f"'t{n}'" if n % 2 else str(n)) + f" AS c{n}" for n in range(50)))
    with pandas.option_context("display.max_columns", 20):
        found = at_left(bundle_of(cells, wide)["text/html"])
    assert found == [f"c{n}" for n in (*range(1, 10, 2), *range(41, 50, 2))] + [
        f"t{n}" for n in (*range(1, 10, 2), *range(41, 50, 2))
    ]


@pytest.mark.parametrize(
    ("sql", "lines"),
    [
        ("EXPLAIN (COSTS OFF) SELECT 1 WHERE false", ["Result", "  One-Time Filter: false"]),
        ("EXPLAIN (COSTS OFF, FORMAT YAML) SELECT 1", ["- Plan: ", '    Node Type: "Result"']),
        ("EXPLAIN (COSTS OFF, FORMAT JSON) SELECT 1", ["[", "  {", '    "Plan": {', '      "Node Type": "Result",']),
        ("EXPLAIN (COSTS OFF, FORMAT XML) SELECT 1", ['<explain xmlns="http://www.postgresql.org/2009/explain">']),
        ("SHOW search_path", ['"$user", public']),
    ],
)
def test_a_plan_and_a_setting_are_shown_as_text(cells: Cells, project: Project, sql: str, lines: list[str]) -> None:
    """Line by line, whatever their format; the value is a frame as before."""
    frame = cells.run(f"%query {sql}")
    assert frame.shape[1] == 1
    bundle = bundle_of(cells, frame)
    assert bundle["text/plain"].split("\n")[: len(lines)] == lines
    body = re.search(r"<pre[^>]*>(.*)</pre>", bundle["text/html"], re.DOTALL)
    assert body and "<table" not in bundle["text/html"]
    assert body[1].replace("&quot;", '"').replace("&lt;", "<").replace("&gt;", ">").split("\n")[: len(lines)] == lines
    assert project.migrator().query(sql).lines()[: len(lines)] == lines


def test_a_plan_of_many_lines_is_bounded_and_other_frames_are_no_text(cells: Cells) -> None:
    """A column that happens to have that name is shown as a table."""
    many = " UNION ALL ".join(f"SELECT {n}" for n in range(3_000))
    html = bundle_of(cells, cells.run(f"%query EXPLAIN (COSTS OFF) {many}"))["text/html"]
    assert "lines more" in html and len(html) < 45_000
    assert "<table" in bundle_of(cells, cells.run("""%query SELECT 'x' AS "QUERY PLAN" """))["text/html"]


def test_notices_stand_below_the_rows(cells: Cells) -> None:
    """Those of a query whose rows are only assigned are shown, too."""
    said = "DO $$ BEGIN RAISE NOTICE 'half-way'; END $$; SELECT 'the rows' AS x"
    cells.said()
    cells.run(f"%%query\n{said}")
    shown = cells.said()
    assert shown.index("the rows") < shown.index("half-way")
    cells.run(f"rows = %query {said}\nprint('printed')")
    shown = cells.said()
    assert "the rows" not in shown
    assert shown.index("printed") < shown.index("half-way")
    cells.run("1")
    assert "half-way" not in cells.said()


def test_rows_are_returned_as_the_library_that_is_asked_for(cells: Cells) -> None:
    """pandas without a choice; a slip is named."""
    arrow = cells.run("%query --as arrow SELECT 1.50::numeric(5, 2) AS d")
    assert isinstance(arrow, pa.Table) and str(arrow.schema.field("d").type) == "decimal128(5, 2)"
    frame = cells.run("%query --as polars SELECT 'x' AS t")
    assert isinstance(frame, polars.DataFrame) and frame.rows() == [("x",)]
    assert type(cells.run("%query --as pandas SELECT 1")).__module__.startswith("pandas")
    assert cells.run("%query --as arrow CREATE TABLE made ()").headline() == "CREATE TABLE"
    error, _ = cells.fail("%query --as arow SELECT 1")
    assert isinstance(error, UsageError)
