"""Tab in SQL: the names of a real database, after a cell has reached it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fsapi_nb import Migrator
from fsapi_nb.catalog.database_names import DatabaseNames
from fsapi_nb.notebook import known_tables, sql_names
from fsapi_nb.notebook.unfinished_sql import read_cursor
from fsapi_nb.postgres.session import Connection
from tests.conftest import Project
from tests.notebook.conftest import Cells

SCHEMA = """
    CREATE SCHEMA shop;
    CREATE SCHEMA "Odd Schema";
    CREATE TABLE customers (id int PRIMARY KEY, name text, "Birth Day" date, "select" int);
    CREATE TABLE shop.orders (id int, customer int, amount numeric);
    CREATE TABLE shop.order_lines (id int);
    CREATE VIEW buyers AS SELECT id, name AS called FROM customers;
    CREATE TABLE "Odd Schema"."x""; DROP TABLE y; --" ("a\nb" int);
    CREATE FUNCTION shop.order_total(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE TABLE hidden_columns (kept int, gone int);
    ALTER TABLE hidden_columns DROP COLUMN gone;
"""


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Tab waits as long as a busy machine needs."""
    monkeypatch.setattr(known_tables, "PATIENCE", 20.0)


@pytest.fixture
def reached(cells: Cells, project: Project, patient: None) -> Cells:
    """Cells of a notebook of which one has reached the database."""
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute(SCHEMA)
    cells.run("%query SELECT 1")
    return cells


def offered(cells: Cells, before: str, after: str = "") -> list[str]:
    """What each completion puts in the place of the last word."""
    start = max(before.rfind(sign) for sign in ' (.\n,"') + 1
    return [text[start - (before[start - 1 : start] == '"') :] for text in cells.offered(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("%query SELECT * FROM cust", "", ["customers"]),
        ("%query SELECT * FROM CUST", "", ["customers"]),
        ("%query SELECT * FROM buy", "", ["buyers"]),
        ("frame = %query SELECT * FROM cust", "", ["customers"]),
        ("%query --explain SELECT * FROM cust", "", ["customers"]),
        ("%query --max-wait 5 SELECT * FROM cust", "", ["customers"]),
        ("%query SELECT * FROM ord", "", ["shop.order_lines", "shop.orders"]),
        ("%query SELECT * FROM sho", "", ["shop"]),
        ("%query SELECT * FROM shop.ord", "", ["order_lines", "orders"]),
        ("%query SELECT na", " FROM customers", ["name"]),
        ("%query SELECT ", " FROM customers", ["id", "name", '"Birth Day"', '"select"']),
        ("%query SELECT c.", " FROM customers AS c", ["id", "name", '"Birth Day"', '"select"']),
        ("%query SELECT o.am", " FROM customers c JOIN shop.orders o", ["amount"]),
        ("%query SELECT buyers.c", " FROM buyers", ["called"]),
        ("%query SELECT * FROM customers WHERE customers.b", "", ['"Birth Day"']),
        ('%query SELECT "B', " FROM customers", ['"Birth Day"']),
        ('%query SELECT "B', '" FROM customers', ['"Birth Day']),
        ("%query SELECT shop.order_t", "", ["order_total"]),
        ("%query SELECT order_t", "", ["shop.order_total"]),
        ("%%query\nSELECT id\nFROM cust", "\nWHERE true", ["customers"]),
        ("%%query --max-wait 5\nSELECT called, cu", "\nFROM shop.orders;", ["customer", "customers"]),
        ("%%check all is well\nSELECT amo", " FROM shop.orders", ["amount"]),
        ("%%migration add_x\n-- UP\nALTER TABLE cust", "", ["customers"]),
        ("%%migration add_x\n-- UP\nALTER TABLE customers DROP COLUMN na", "", ["name"]),
        ("%%migration add_x\n-- UP\nCREATE INDEX ON shop.orders (am", ")", ["amount"]),
        ("%%migration add_x\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\nSELECT am", " FROM shop.orders $$", ["amount"]),
        ("%query SELECT * FROM hidden_columns WHERE ", "", ["kept"]),
        (r"%query \d cust", "", ["customers"]),
        (r"%query \d+ shop.ord", "", ["order_lines", "orders"]),
        ("%%query\n\\dt cust", "", ["customers"]),
        ('%query SELECT * FROM "Odd Schema".x', "", ['"x""; DROP TABLE y; --"']),
    ],
)  # fmt: skip
def test_names_are_offered_where_they_fit(reached: Cells, before: str, after: str, expected: list[str]) -> None:
    """Relations after FROM and its like, columns elsewhere, aliases resolved, quotes where they are needed."""
    assert offered(reached, before, after) == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("%schema cust", ["customers"]),
        ("%schema ord", ["shop.order_lines", "shop.orders", "shop.order_total"]),
        ("%schema shop.order_l", ["shop.order_lines"]),
        ("%migrate schema cust", ["customers"]),
        ("%fsapi_schema --profile cust", ["customers"]),
        ("%schema Odd", ["'Odd Schema.x\"; DROP TABLE y; --'"]),
        ("%schema customers --prof", ["--profile"]),
    ],
)
def test_objects_are_offered_by_what_they_are_called(reached: Cells, before: str, expected: list[str]) -> None:
    """Where a command takes one: without their schema if the search_path finds them."""
    with_us = [text[len(before.rpartition(" ")[0]) + 1 :] for text in reached.offered(before)]
    assert with_us == expected


def test_what_is_offered_is_what_the_server_means(reached: Cells, project: Project) -> None:
    """Each relation and each column, hostile ones too, can be selected as it is offered."""
    for relation in offered(reached, "%query SELECT * FROM "):
        if relation in ("shop", "public", '"Odd Schema"'):
            continue
        columns = offered(reached, "%query SELECT ", f" FROM {relation} AS this")
        assert columns
        assert project.rows(f"SELECT {', '.join(columns)} FROM {relation} AS this") == []


@pytest.mark.parametrize(
    "before",
    [
        "%query SELECT 'cust",
        "%%query\n-- cust",
        "%%query\nSELECT /* cust",
        "%query SELECT 1 FROM customers WHERE x = 'n",
    ],
)
def test_nothing_is_offered_in_texts_and_comments(reached: Cells, before: str) -> None:
    """A string is data."""
    assert not [text for text in offered(reached, before) if "customers" in text or text == "name"]


def test_a_cell_that_changes_the_database_is_seen(reached: Cells, project: Project) -> None:
    """The next Tab has the new table, and none that is gone."""
    assert offered(reached, "%query SELECT * FROM buy") == ["buyers"]
    reached.run("%query DROP VIEW buyers; CREATE TABLE buyback (a int)")
    assert offered(reached, "%query SELECT * FROM buy") == ["buyback"]


def test_a_tab_before_any_cell_connects_to_nothing(cells: Cells, project: Project, patient: None) -> None:
    """The database has not been reached: no session comes about."""
    assert not [text for text in offered(cells, "%query SELECT * FROM pg_cl") if text.startswith("pg_class")]
    cells.run("%query SELECT 1")
    assert offered(cells, "%query SELECT * FROM pg_clas") == ["pg_class"]


def test_a_tab_starts_no_server(tmp_path: Path) -> None:
    """A project on the embedded server that does not run has no names, and no server is made for them."""
    (tmp_path / "migrations").mkdir()
    names = Migrator("embedded", tmp_path / "migrations").names({"t"})
    assert (names.relations, names.schemas) == ((), ())
    assert not (tmp_path / ".fsapi_nb").exists()


def test_a_tab_calls_no_function_that_connects(project: Project) -> None:
    """It may ask somebody for something, and need not work in a thread."""
    opened = []

    def connect() -> Connection:
        opened.append(1)
        return psycopg.connect(project.database)

    migrator = Migrator(connect, project.folder)
    migrator.query("SELECT 1")
    before = len(opened)
    assert migrator.names() == DatabaseNames()
    assert len(opened) == before > 0


def test_a_tab_runs_no_program_for_a_password(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password may be asked for on a screen, or by a card."""
    monkeypatch.setenv("FSAPI_NB_TRUST", "1")
    calls = tmp_path / "calls"
    program = ["sh", "-c", f"echo x >> {calls}; echo secret"]
    entry = f"[tool.fsapi_nb.databases.main]\nurl = {json.dumps(project.database)}\n"
    (project.root / "pyproject.toml").write_text(f"{entry}password_command = {json.dumps(program)}\n")
    assert project.migrator(database="main").names() == DatabaseNames()
    assert not calls.exists()
    project.migrator(database="main").query("SELECT 1")
    assert calls.exists()


def test_another_database_on_the_line_has_no_names_of_this_one(reached: Cells) -> None:
    """Only those of the database that the line names, which no cell has reached."""
    line = "%query --database postgresql://h.invalid/d SELECT * FROM cust"
    assert "customers" not in offered(reached, line)


def test_a_tab_does_not_wait_for_a_server_that_does_not_answer(
    cells: Cells, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It offers what is known by then, and a failed reading is not tried at each Tab."""
    cells.run("%query SELECT 1")
    asked: list[int] = []

    def slow(*_: Any, **__: Any) -> Any:
        asked.append(1)
        time.sleep(0.3)
        raise psycopg.OperationalError("gone")

    migrator = cells.shell.magics_manager.magics["line"]["query"].__self__.migrator()
    monkeypatch.setattr(type(migrator), "names", slow)
    begun = time.monotonic()
    assert "customers" not in offered(cells, "%query SELECT * FROM cust")
    assert time.monotonic() - begun < 5.0
    assert len(asked) == 1
    time.sleep(0.5)
    offered(cells, "%query SELECT * FROM cust")
    assert len(asked) == 1


def test_of_many_relations_those_that_begin_so_are_asked_for(reached: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are more names than are read, a beginning finds those that were left out."""
    monkeypatch.setattr("fsapi_nb.catalog.read_names.MOST", 3)
    reached.run("%query SELECT 1")
    assert offered(reached, "%query SELECT * FROM hidden_c") == ["hidden_columns"]
    assert offered(reached, "%query SELECT * FROM cust") == ["customers"]


def test_a_reader_is_offered_what_it_may_enter(reached: Cells, project: Project) -> None:
    """Not the tables of a schema without USAGE."""
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute("REVOKE ALL ON SCHEMA shop FROM PUBLIC; CREATE ROLE tab_reader LOGIN")
    try:
        migrator = project.migrator(database=project.database + " options='-c role=tab_reader'")
        names = migrator.names({"orders", "customers"})
        assert "shop" not in names.schemas
        assert {each.name for each in names.relations if each.schema == "shop"} == set()
        assert names.columns_of("public", "customers")
    finally:
        with psycopg.connect(project.database, autocommit=True) as connection:
            connection.execute("DROP ROLE tab_reader")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM a x, |", ([("a",)], True)),
        ("SELECT a, | FROM t", ([("t",)], False)),
        ("SELECT * FROM t WHERE a IS DISTINCT FROM |", ([("t",)], False)),
        ("UPDATE only |", ([], True)),
        ("INSERT INTO s.t (|", ([("s", "t")], False)),
        ("SELECT * FROM t JOIN u ON |", ([("t",), ("u",)], False)),
        ("CREATE INDEX ON |", ([], True)),
        ("ALTER TABLE IF EXISTS |", ([], True)),
        ("SELECT (SELECT x FROM | ) FROM y", ([("y",)], True)),
        ("SELECT 1 FROM a; SELECT | FROM b", ([("b",)], False)),
        ("| FROM", ([], False)),
        ("SELECT ((((| FROM (((", ([], False)),
        ("WITH q AS (SELECT 1) SELECT | FROM q", ([("q",)], False)),
    ],
)
def test_unfinished_sql_is_understood(sql: str, expected: tuple[list[tuple[str, ...]], bool]) -> None:
    """Which relations the statement names, and whether one is expected at the cursor."""
    cursor = read_cursor(sql.replace("|", ""), sql.index("|"))
    assert cursor is not None
    assert (list(cursor.own_tables), cursor.expected.name == "RELATION") == expected


def test_a_long_list_of_names_is_bounded(reached: Cells, project: Project) -> None:
    """A page draws them all."""
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute(
            "DO $$BEGIN FOR i IN 1..400 LOOP EXECUTE format('CREATE VIEW v_%s AS SELECT 1', i); END LOOP; END$$"
        )
    reached.run("%query SELECT 1")
    assert len(offered(reached, "%query SELECT * FROM v_")) == sql_names.MOST
