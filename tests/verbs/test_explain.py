"""`query --explain`: the plan of a statement as a tree, which runs nothing; with `--analyze` it is run and rolled back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fsapi_nb import ConfirmationRequired, QueryFailed, UsageError
from fsapi_nb.cli import main
from fsapi_nb.query.plans import _plan
from fsapi_nb.text.fold import HTML, TEXT, stored_size
from fsapi_nb.views.results import QueryPlanResult, QueryResult
from tests.conftest import Project
from tests.notebook.conftest import Cells, cells, shell

__all__ = ["cells", "shell"]

SETUP = """
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE orders (id serial PRIMARY KEY, customer int REFERENCES customers, total numeric);
INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 100) n;
INSERT INTO orders (customer, total) SELECT 1 + n % 100, n FROM generate_series(1, 2000) n;
"""
JOIN = "SELECT c.name, o.total FROM orders o JOIN customers c ON c.id = o.customer WHERE o.total > 1990"


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with rows that the planner knows."""
    project.rows(SETUP)
    project.rows("ANALYZE customers, orders")
    return project


def count(project: Project, table: str = "orders") -> object:
    return project.value(f"SELECT count(*) FROM {table}")


def test_a_plan_is_a_tree_with_rows_and_costs(shop: Project) -> None:
    """Each node behind its numbers, its conditions below it, and a mark at what costs most; every form says the same."""
    result = shop.migrator().explain(JOIN)
    assert result.headline().startswith(f"Plan of 4 nodes on {shop.label}: about 10 rows, cost ")
    heads, *lines = result.lines()[1:]
    assert heads.split() == ["rows", "cost"]
    titles = [line[len(heads) + 2 :] for line in lines]
    assert titles == [
        "Hash Join",
        "│   Hash Cond: (o.customer = c.id)",
        "├ Seq Scan on orders o   ◀ 92 % of the cost",
        "│     Filter: (total > '1990'::numeric)",
        "└ Hash",
        "  └ Seq Scan on customers c",
    ]
    assert repr(result) == "\n".join(result.lines())
    assert "◀ 92 % of the cost" in result.html() and "(o.customer = c.id)" in result.html()
    frame = result.to_frame()
    assert list(frame["parent"].fillna(0)) == [0, 1, 1, 3]
    assert list(frame["relation"].fillna("")) == ["", "orders", "", "customers"]
    top = result.to_json()["plans"][0]["plan"]
    assert [node["title"] for node in top["nodes"]] == ["Seq Scan on orders o", "Hash"]
    assert (top["actual_rows"], top["ms"]) == (None, None)
    json.dumps(result.to_json())


@pytest.mark.parametrize("analyze", [False, True])
def test_a_statement_that_writes_changes_nothing(shop: Project, analyze: bool) -> None:
    """Without --analyze it is not run; with it, what it did is rolled back, but for its sequence, which is said."""
    result = shop.migrator().explain("INSERT INTO orders (total) VALUES (1), (2)", analyze=analyze)
    assert count(shop) == 2000
    taken = shop.value("SELECT last_value FROM orders_id_seq")
    assert taken == (2002 if analyze else 2000)
    assert any("what it took from sequences stays taken" in note for note in result.notes) is analyze
    top = result.plans[0].node
    assert top.title == "Insert on orders" and top.nodes[0].actual_rows == (2 if analyze else None)


def test_a_query_that_is_run_may_only_read(shop: Project) -> None:
    """One that writes after all is refused by the server, and it is said how to run it; --yes rolls it back, too."""
    migrator = shop.migrator()
    for sql in (
        "SELECT nextval('orders_id_seq')",
        "WITH gone AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM gone",
    ):
        with pytest.raises(QueryFailed) as caught:
            migrator.explain(sql, analyze=True)
        assert caught.value.hint == (
            "the query writes; to run it in a transaction that may write, and is rolled back, add --yes"
        )
        assert migrator.explain(sql, analyze=True, yes=True).notes
    assert count(shop) == 2000
    assert not migrator.explain(JOIN, analyze=True).notes


def test_a_protected_database_runs_only_queries(shop: Project) -> None:
    """What writes wants --yes; its plan alone does not."""
    (shop.folder.parent / "pyproject.toml").write_text(
        f"[tool.fsapi_nb.databases.prod]\nurl = {json.dumps(shop.database)}\nprotected = true\n", encoding="utf-8"
    )
    migrator = shop.migrator(database="prod")
    assert migrator.explain(JOIN, analyze=True).plans[0].is_run
    delete = "DELETE FROM orders WHERE id = 5"
    assert migrator.explain(delete).plans[0].node.title == "Delete on orders"
    with pytest.raises(ConfirmationRequired, match="this database is protected") as refused:
        migrator.explain(delete, analyze=True)
    assert refused.value.hint == "to run it, and roll it back, add --yes; without --analyze its plan is shown."
    assert migrator.explain(delete, analyze=True, yes=True).plans[0].is_run
    assert count(shop) == 2000


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1; DROP TABLE orders", "a plan is made of one statement, and this text has 2"),
        ("SELECT 1; COMMIT; DROP TABLE orders", "this text has 3"),
        ("", "this text has 0"),
        ("EXPLAIN SELECT 1", "the SQL begins with EXPLAIN itself"),
        ("DROP TABLE orders", "there is no plan for such a statement"),
        ("COMMIT", "there is no plan for such a statement"),
        ("SELEC 1", "cannot be parsed"),
    ],
)
def test_what_has_no_plan_is_refused_before_it_is_sent(shop: Project, sql: str, said: str) -> None:
    """With what is wrong, and what to do."""
    with pytest.raises(UsageError, match=said) as refused:
        shop.migrator().explain(sql, analyze=True, yes=True)
    assert refused.value.hint
    assert count(shop) == 2000


def test_an_error_is_at_its_place_in_the_text_that_was_given(shop: Project) -> None:
    """Not in the one that was sent; and parameters are bound as those of a query."""
    with pytest.raises(QueryFailed) as caught:
        shop.migrator().explain("SELECT 1\nFROM nowhere")
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (2, 6)
    found = shop.migrator().explain("SELECT name FROM customers WHERE id = $1", [7], analyze=True)
    assert found.plans[0].node.actual_rows == 1
    with pytest.raises(UsageError, match=r"the SQL has parameters up to \$1, and 0 values are given"):
        shop.migrator().explain("SELECT name FROM customers WHERE id = $1")


def test_text_has_no_times_unless_they_are_asked_for(shop: Project) -> None:
    """A notebook that stores it is the same twice; DataFrame and JSON have them always, and a terminal shows them."""
    result = shop.migrator().explain(JOIN, analyze=True)
    again = shop.migrator().explain(JOIN, analyze=True)
    assert result._repr_mimebundle_() == again._repr_mimebundle_()
    assert "10 rows, 10 expected" in result.headline()
    assert result.lines()[1].split() == ["rows", "actual", "cost"]
    timed = result.lines(times=True)
    assert timed[1].split() == ["rows", "actual", "cost", "pages", "ms"]
    assert timed[-1].startswith("planning ") and timed[-1].endswith(" ms")
    frame = result.to_frame()
    assert frame["own_ms"].notna().all() and frame["pages"].iloc[0] > 0


def test_what_was_never_run_repeated_and_misjudged_is_said(shop: Project) -> None:
    """With how many times as many rows came; below a LIMIT fewer rows are what was asked for."""
    shop.rows("CREATE FUNCTION many() RETURNS SETOF int ROWS 5 LANGUAGE sql AS 'SELECT generate_series(1, 3000)'")
    shop.rows("CREATE FUNCTION few() RETURNS SETOF int ROWS 9000 LANGUAGE plpgsql AS 'BEGIN RETURN NEXT 1; END'")
    migrator = shop.migrator()
    text = "\n".join(migrator.explain("SELECT * FROM few()", analyze=True).lines())
    assert "! 1/9,000 of the rows that were expected" in text
    text = "\n".join(migrator.explain("SELECT * FROM orders WHERE false OR total > 5 LIMIT 3", analyze=True).lines())
    assert "expected" not in text.partition("\n")[2]
    text = "\n".join(
        migrator.explain("SELECT * FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.id = c.id) > 5 AND id > 990"
                         " AND EXISTS (SELECT FROM many() m WHERE m = c.id)", analyze=True).lines()
    )  # fmt: skip
    assert "never" in text


def test_a_plan_of_many_nodes_is_folded(shop: Project) -> None:
    """Text and HTML have their bounds; the DataFrame has every node."""
    sql = " UNION ALL ".join(f"SELECT {number} FROM orders" for number in range(400))
    result = shop.migrator().explain(sql)
    bundle, _ = result._repr_mimebundle_()
    assert stored_size(bundle["text/html"]) <= HTML and stored_size(bundle["text/plain"]) <= TEXT + 400
    assert "lines more" in bundle["text/html"] and len(result.to_frame()) == 401


def test_a_plan_of_another_server_is_read_as_far_as_it_is_known() -> None:
    """What is missing is missing, and what is new is a detail; a plan without a node is none."""
    plan = _plan({"Plan": {"Node Type": "New Scan", "Shiny Cond": "(a > 1)", "Some Keys": ["a", "b"], "Odd": {"x": 1}}})
    assert plan.node.title == "New Scan"
    assert [(each.label, each.text) for each in plan.node.details] == [("Shiny Cond", "(a > 1)"), ("Some Keys", "a, b")]
    assert QueryPlanResult((replace(plan, planning_ms=None),)).lines()[1:] == [
        "rows  cost",
        "   0     0  New Scan",
        "                Shiny Cond: (a > 1)",
        "                Some Keys: a, b",
    ]


def test_every_face_explains(shop: Project, cells: Cells, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal, with times, a line and a cell; --analyze alone is a slip."""
    common = ["--database", shop.database, "--dir", str(shop.folder)]
    assert main(["query", JOIN, "--explain", "--analyze", *common]) == 0
    assert "execution " in capsys.readouterr().out
    assert main(["query", JOIN, "--analyze", *common]) == 2
    assert "--analyze belongs to --explain" in capsys.readouterr().err
    cells.point(shop)
    assert isinstance(cells.run(f"%query --explain {JOIN}"), QueryPlanResult)
    analyzed = cells.run("wanted = 7\n%query --explain --analyze --param wanted SELECT $1::int")
    assert analyzed.plans[0].is_run
    assert isinstance(cells.run(f"%%query --explain\n{JOIN}"), QueryPlanResult)
    assert isinstance(cells.run("%query CREATE TABLE made ()"), QueryResult)


def test_a_secret_of_the_sql_is_not_in_its_plan(shop: Project) -> None:
    """It stands in a condition, and is stars there."""
    shop.rows("ALTER TABLE customers ADD COLUMN password text")
    result = shop.migrator().explain("SELECT id FROM customers WHERE password = 'hunter2-very-long'")
    assert "hunter2" not in repr(result) + result.html() + json.dumps(result.to_json())


def test_a_secret_of_a_view_is_not_in_a_plan(shop: Project) -> None:
    """Nobody has typed it: neither a cast of the server's nor a view hides whose value it is."""
    shop.rows("ALTER TABLE customers ADD COLUMN token varchar(40), ADD COLUMN api_key text")
    shop.rows(
        "CREATE VIEW mine AS SELECT id FROM customers WHERE token = 'hunter2-very-long' AND api_key = 'hunter2-too'"
    )
    result = shop.migrator().explain("SELECT id FROM mine")
    assert repr(result).count("'***'::text") == 2
    assert "hunter2" not in repr(result) + result.html() + json.dumps(result.to_json())
