"""What a plan says to its reader, kept in golden files; and that nothing in it gets out of its place."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from fsapi_nb.model.forecast import Forecast, Span, TableSize
from fsapi_nb.text.fold import HTML, OUTPUT, stored_size
from fsapi_nb.text.width import text_width
from fsapi_nb.views.forecast.quantities import row_words, size_words, span_words
from fsapi_nb.views.render.markdown import LONGEST, code, inline
from fsapi_nb.views.results import PlanResult
from tests.views import planned
from tests.views.planned import CHANGE, GOLDEN
from tests.views.test_size import size

#: What is shown of a plan of many statements, each with an effect and a name that takes much room.
LONG = '"' + "<&漢" * 20 + '"'


@pytest.mark.parametrize("name", planned.WRITTEN)
def test_the_plans_are_those_of_the_golden_file(name: str) -> None:
    """`python -m tests.views.planned` writes the files again."""
    assert planned.WRITTEN[name]() == (GOLDEN / name).read_text(encoding="utf-8")


# -- how long it is ----------------------------------------------------------------------------------------------------


def test_a_plan_of_a_thousand_files_is_read_in_one_screen() -> None:
    """And shown in a moment: what is not shown is not written."""
    result = planned.many(1_000)
    before = time.process_time()
    lines = result.lines()
    result._repr_mimebundle_()
    result.to_markdown()
    assert time.process_time() - before < 0.5
    assert len(lines) <= 42
    assert max(map(text_width, lines)) <= 118
    assert lines[1].startswith("  Lost for good: some rows of feature_flag")
    assert lines[2].lstrip().startswith("table feature_flag with its 12 rows")
    dangerous = sum(1 for part in result.expected.steps if any(each.losses for each in part.parts[0].statements))
    assert any(f"{dangerous - 1} lose data" in line for line in lines)


def test_what_is_dangerous_is_counted_where_it_is_left_out() -> None:
    """In the place of the statements of one migration, and above all of them."""
    drops = "".join(f"DELETE FROM orders WHERE id = {n};\n" for n in range(3))
    harmless = "".join(f"CREATE TABLE t{n} (i int);\n" for n in range(20))
    lines = planned.planned({CHANGE: f"-- UP\n{harmless}{drops}{harmless.replace('t', 'v')}"}).lines()
    assert "         … 32 statements more (3 lose data)" in lines
    assert lines[1] == "  Lost for good: some rows of orders (line 22 and 2 other places)"


def test_a_full_plan_has_every_statement_with_its_sql() -> None:
    """However many they are; it does not say that it is shortened."""
    result = planned.many(200).full()
    text = "\n".join(result.lines())
    assert all(f"CREATE INDEX t{n}_name_idx ON t{n} (name)" in text for n in range(200))
    assert "shortened" not in text
    assert "… " not in text


@pytest.mark.parametrize("form", ["folded", "full", "markdown"])
def test_what_a_notebook_stores_of_a_plan_has_its_bound(form: str) -> None:
    """Whatever the names are, and however much SQL there is."""
    statements = "".join(f"DROP TABLE orders; UPDATE {LONG} SET a = '{'x' * n}';\n" for n in range(400))
    result = planned.planned({CHANGE: f"-- UP\n{statements}", "2026_01_03_00_00_b.sql": "-- UP\nSELECT 1;\n"})
    shown = {"folded": result, "full": result.full(), "markdown": result.markdown()}[form]
    assert size(shown) < OUTPUT
    if form != "markdown":
        assert stored_size(shown.html()) <= HTML + 100
    assert repr(shown).splitlines()[-1].startswith("(shortened: ")


# -- what it says ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 0.2, "instant"),
        (0.5, 4, "seconds"),
        (10, 45, "up to a minute"),
        (20, 170, "up to 3 min"),
        (130, 590, "2 to 10 min"),
        (3_600, 7_000, "60 to 120 min"),
        (3_600, 7_300, "1 to 3 h"),
        (100, 90_000, "up to 25 h"),
        (90_000, 260_000, "1 to 4 days"),
    ],
)
def test_a_time_is_a_class_and_a_range(low: float, high: float, words: str) -> None:
    """Rounded outwards to what a reader can remember, and never a number of seconds."""
    assert span_words(Span(low, high)) == words


def test_sizes_have_the_digits_that_are_known() -> None:
    """Counted rows all of them, estimates two; bytes only of what is not small."""
    assert row_words(TableSize(12, 0, exact=True)) == "12 rows"
    assert row_words(TableSize(1, 0, exact=True)) == "1 row"
    assert row_words(TableSize(84_123, 0)) == "about 84,000 rows"
    assert row_words(TableSize(84_123, 0, exact=True)) == "84,123 rows"
    assert row_words(TableSize(12_400_000, 0)) == "12.4 M rows"
    assert row_words(TableSize(2_100_000_000, 0)) == "2.1 bn rows"
    assert row_words(TableSize(None, 10)) == ""
    assert size_words(TableSize(None, 3_300_000_000)) == "3.1 GB"
    assert size_words(TableSize(12_400_000, 3_300_000_000)) == "12.4 M rows, 3.1 GB"
    assert size_words(TableSize(12, 8_192, exact=True)) == "12 rows"


def test_the_worst_comes_first() -> None:
    """What is lost before what is blocked before what is slow, the largest first; what is copied is not lost."""
    sql = (
        "-- UP\nCREATE INDEX CONCURRENTLY orders_x ON orders (x);\n"
        "UPDATE orders SET x = 1;\nALTER TABLE customers ADD UNIQUE (email);\n"
        "ALTER TABLE orders ADD COLUMN y uuid DEFAULT gen_random_uuid();\nDROP TABLE feature_flag, orders;\n"
    )
    lines = planned.planned({CHANGE: sql}).lines()
    labels = [line[2:17].strip() for line in lines if re.match(r"  [A-Z]", line)]
    assert labels == ["Lost for good:", "Blocks:", "Slow:"]
    lost = lines.index(next(line for line in lines if "Lost for good" in line))
    assert "table orders" in lines[lost]
    assert "table feature_flag" in lines[lost + 1]
    moved = planned.cases()["a column moves into a table of its own"]
    assert moved.alerts() == ()
    assert any("its values are kept in profiles" in line for line in moved.lines())


def test_a_plan_without_a_forecast_says_what_it_knows() -> None:
    """The kinds of its statements, their lines, and nothing of what they do."""
    result = replace(planned.cases()["a new table"], forecast=None)
    assert result.lines()[2:] == ["     2  CREATE TABLE", "     3  CREATE INDEX"]
    assert "<details>" not in result.html()


def test_what_could_not_be_found_out_is_a_note() -> None:
    """Beside those of the plan."""
    result = planned.cases()["a new table"]
    noted = replace(result, forecast=Forecast(result.expected.steps, notes=("the sizes of 3 tables are unknown",)))
    assert "  ! the sizes of 3 tables are unknown" in noted.lines()
    assert "the sizes of 3 tables are unknown" in noted.html()
    assert "- the sizes of 3 tables are unknown" in noted.to_markdown()


def test_the_frame_and_json_have_every_fact() -> None:
    """A row a statement, with its SQL; the mode and the reason of each step, times as ranges."""
    result = planned.cases()["much in one transaction"]
    frame = result.to_frame()
    assert frame is not None
    row = frame.iloc[3].to_dict()
    assert (row["line"], row["does"], row["loses"]) == (5, "drop table feature_flag", "its 12 rows")
    assert (row["blocks"], row["sql"]) == ("reads and writes of feature_flag", "DROP TABLE feature_flag")
    assert row["transaction"] == "transaction: one transaction, together with its history row"
    found = result.to_json()
    (step,) = found["steps"]
    assert (step["mode"], step["reason"]) == ("transaction", "one transaction, together with its history row")
    dropped = step["parts"][0]["statements"][3]
    assert dropped["loses"][0]["rows"] == 12
    assert dropped["locks"][0] == {
        "table": "feature_flag",
        "partitions": 0,
        "mode": "ACCESS EXCLUSIVE",
        "blocks": "reads and writes",
        "condition": None,
    }
    indexed = step["parts"][0]["statements"][1]
    assert indexed["takes"]["class"] == "up to a minute"
    assert len(indexed["takes"]["seconds"]) == 2
    assert found["tables"]["orders"] == {"rows": 12_400_000, "bytes": 3_174 * 1024 * 1024, "exact": False}


# -- Markdown ----------------------------------------------------------------------------------------------------------


def tokens(text: str) -> list[str]:
    """The kinds of everything in a Markdown text, what stands within lines included."""
    found = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [each.type for block in found for each in (block, *(block.children or ()))]


def html_in(text: str) -> set[str]:
    """The HTML that a Markdown text has in it, element by element."""
    found = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    pieces = [each.content for block in found for each in (block, *(block.children or ())) if "html" in each.type]
    return {tag for piece in pieces for tag in re.findall(r"<[^>]*>", piece)}


def test_nothing_in_a_name_or_sql_is_markup() -> None:
    """No link, picture, mention, emphasis or HTML but this module's own; every row of a table has its cells."""
    for result in (planned.hostile(), *planned.cases().values()):
        stays_in_its_place(result)


def stays_in_its_place(result: PlanResult) -> None:
    text = result.to_markdown()
    assert html_in(text) <= {"<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>", "<br>"}
    assert not {"link_open", "image", "em_open", "s_open", "autolink"} & set(tokens(text))
    outside = re.sub(r"(`{3,})sql\n.*?\n\1\n|<code>.*?</code>|`[^`\n]*`", "", text, flags=re.DOTALL)
    assert not re.search(r"@|www\.|://|<(?!/?details|/?summary|br>)", outside)
    rows = [line for line in outside.splitlines() if line.startswith("|")]
    assert rows
    assert all(line.endswith("|") for line in rows)


def test_prose_stays_as_it_is_and_all_else_is_code() -> None:
    """A reader of the source sees names where that is safe."""
    assert (
        inline("create index orders_token_idx on orders (token)") == "create index orders_token_idx on orders (token)"
    )
    assert inline("drop table _y_") == r"drop table \_y\_"
    assert inline("- a") == "`- a`"
    assert inline("1. a") == "`1. a`"
    assert code("a|b") == "<code>a&#124;b</code>"
    assert code("a`b") == "<code>a&#96;b</code>"
    assert code("SELECT 1 < 2") == "`SELECT 1 < 2`"
    assert code(" a#b ") == " `a#b` ", "blanks around it stay, so that it does not touch what follows"
    assert inline("see www.evil.example") == "`see www.evil.example`"


@pytest.mark.parametrize(("count", "each"), [(1, 60), (30, 3), (60, 1), (61, 1), (200, 1)])
def test_markdown_fits_a_comment(count: int, each: int) -> None:
    """SQL is left out before statements are, and what is dangerous never is."""
    sql = "".join(
        f"INSERT INTO countries VALUES ('{'`|<' * 300}', {n});\nDROP TABLE feature_flag;\n" for n in range(12)
    )
    names = [f"2026_01_{n // 60 + 1:02}_00_{n % 60:02}_{'`<|' * 20}{n}.sql" for n in range(count)]
    text = planned.planned(dict.fromkeys(names, f"-- UP\n{sql}")).to_markdown()
    assert len(text) <= LONGEST
    assert "**Lost for good:**" in text
    assert text.count("<details>") == text.count("</details>")
