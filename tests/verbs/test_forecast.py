"""What `plan` and its like say that a plan will do: on which tables, for how long, and what is lost."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import ConfirmationRequired
from fsapi_nb.model.action import Blocks, Condition, LockMode
from fsapi_nb.model.forecast import Forecast, StatementForecast, WorkKind
from tests.conftest import Project

SHOP = """
    CREATE TABLE customers (id int PRIMARY KEY, name text, bio text);
    CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, code varchar(20), total int);
    INSERT INTO customers SELECT i, 'n' FROM generate_series(1, 40) i;
    INSERT INTO orders SELECT i, 1 + i % 40, 'c' FROM generate_series(1, 1000) i;
"""


def foreseen(project: Project, up: str, down: str | None = None) -> Forecast:
    """The forecast of one migration on the shop."""
    project.write("change", up, down)
    found = project.migrator().plan().forecast
    assert found is not None
    return found


def only(forecast: Forecast) -> StatementForecast:
    """The one statement of a forecast."""
    (statement,) = forecast.statements
    return statement


def lost(forecast: Forecast) -> dict[str, int | None]:
    """What is lost for good, with its rows."""
    return {each.loss.words: each.rows.rows if each.rows else None for each in forecast.losses}


@pytest.fixture
def shop(project: Project) -> Project:
    project.rows(SHOP)
    return project


# -- what is lost ------------------------------------------------------------------------------------------------------


def test_a_rollback_says_how_many_rows_go(project: Project) -> None:
    """Of each table and column that a DOWN drops."""
    project.write("a", "CREATE TABLE a (i int); INSERT INTO a SELECT generate_series(1, 1000);", "DROP TABLE a;")
    project.write("b", "ALTER TABLE a ADD COLUMN n int;", "ALTER TABLE a DROP COLUMN n;")
    project.migrator().migrate()
    found = project.migrator().plan("rollback", everything=True).forecast
    assert found is not None
    assert lost(found) == {"the column a.n with its values": 1000, "the table a with its rows": 1000}
    assert [part.irreversible for step in found.steps for part in step.parts] == [False, False]


def test_what_down_makes_again_comes_back_empty(shop: Project) -> None:
    """The table and the column are there again, their data is not; without a DOWN nothing is."""
    up = 'DROP TABLE public.orders; ALTER TABLE customers DROP COLUMN bio, DROP COLUMN "name";'
    found = foreseen(shop, up, "CREATE TABLE orders (id int); ALTER TABLE public.customers ADD COLUMN bio text;")
    assert {each.loss.name: each.remade for each in found.losses} == {
        "public.orders": True,
        "customers.bio": True,
        "customers.name": False,
    }
    assert not found.steps[0].parts[0].irreversible


def test_a_migration_without_down_is_irreversible(shop: Project) -> None:
    """Which a reader must know before it is applied."""
    assert foreseen(shop, "ALTER TABLE orders ADD COLUMN n int;").steps[0].parts[0].irreversible


def test_fresh_says_how_many_rows_go(project: Project) -> None:
    """With all that it drops; what it makes again is empty, and locks nothing that is there now."""
    project.write("a", "CREATE TABLE a (i int); CREATE SEQUENCE s; CREATE VIEW v AS SELECT 1;")
    project.write("b", "INSERT INTO a SELECT generate_series(1, 7); CREATE INDEX ON a (i);")
    project.migrator().migrate()
    found = project.migrator().plan("fresh").forecast
    assert found is not None
    assert lost(found) == {
        "the table public.a with its rows": 7,
        "the sequence public.s with its position": None,
    }
    assert [lock for each in found.statements for lock in each.blocks] == []


def test_a_refusal_shows_what_would_be_lost(shop: Project) -> None:
    """Who has to confirm sees it before; on a database that is protected."""
    shop.write("change", "DROP TABLE orders;")
    (shop.root / "pyproject.toml").write_text(
        f'[tool.fsapi_nb.databases.prod]\nurl = "{shop.database}"\nprotected = true\n', encoding="utf-8"
    )
    migrator = shop.migrator(database="prod")
    with pytest.raises(ConfirmationRequired) as refused:
        migrator.migrate()
    assert any("1,000 rows" in line for line in refused.value.details)


# -- tables ------------------------------------------------------------------------------------------------------------


def test_a_table_is_named_with_its_size(shop: Project) -> None:
    """Whatever the statement calls it, and those that it locks besides."""
    found = foreseen(shop, "ALTER TABLE public.orders ALTER COLUMN customer_id TYPE bigint;")
    assert [(lock.table, lock.blocks, lock.condition) for lock in only(found).locks] == [
        ("orders", Blocks.READS_AND_WRITES, None),
        ("customers", Blocks.READS_AND_WRITES, None),
    ]
    assert {name: size.rows for name, size in found.sizes.items()} == {"orders": 1000, "customers": 40}


def test_partitions_are_counted_with_their_table(project: Project) -> None:
    """A table of a thousand partitions is one table to its reader."""
    project.rows(
        "CREATE TABLE p (i int) PARTITION BY LIST (i); CREATE TABLE d PARTITION OF p DEFAULT;"
        + "".join(f"CREATE TABLE p{n} PARTITION OF p FOR VALUES IN ({n});" for n in range(5))
        + "INSERT INTO p SELECT generate_series(0, 9)"
    )
    statement = only(foreseen(project, "ALTER TABLE p ADD COLUMN u uuid DEFAULT gen_random_uuid();"))
    assert [(lock.table, lock.partitions) for lock in statement.locks] == [("p", 6)]
    assert [(work.kind, work.table, work.partitions) for work in statement.work] == [(WorkKind.REWRITE, "p", 6)]
    assert statement.work[0].span is not None


def test_names_are_looked_up_where_the_script_looks(shop: Project) -> None:
    """SET search_path holds to the end of the script, SET LOCAL to the end of its transaction."""
    shop.rows(
        "CREATE SCHEMA old; CREATE TABLE old.orders (i int); INSERT INTO old.orders SELECT 1 FROM generate_series(1, 5)"
    )
    text = (
        "SET search_path TO old; DELETE FROM orders; SET LOCAL search_path TO public; DELETE FROM orders; COMMIT;"
        "BEGIN; DELETE FROM orders; RESET search_path; DELETE FROM orders; COMMIT;"
    )
    assert [each.rows.rows for each in foreseen(shop, f"BEGIN; {text}").losses if each.rows] == [5, 1000, 5, 1000]


def test_names_whose_schema_nobody_knows_are_not_guessed(shop: Project) -> None:
    """A path that is computed, or that depends on the user; a name with its schema is found all the same."""
    found = foreseen(
        shop, "SELECT set_config('search_path', 'x' || 'y', false); DELETE FROM orders; DELETE FROM public.orders;"
    )
    assert [each.rows.rows if each.rows else None for each in found.losses] == [None, 1000]


# -- what depends on something -----------------------------------------------------------------------------------------


def test_what_the_plan_has_changed_before_is_not_taken_for_known(shop: Project) -> None:
    """A condition is decided as the catalog is now: a statement before may have changed that, in another file, too."""
    shop.write("first", "ALTER TABLE orders ALTER COLUMN code TYPE varchar(50);")
    found = foreseen(shop, "ALTER TABLE orders ALTER COLUMN code TYPE varchar(40);")
    first, second = found.statements
    assert [work.condition for work in first.work] == []
    assert Condition.UNLESS_COERCIBLE in {work.condition for work in second.work}


def test_a_new_column_changes_nothing_of_the_others(shop: Project) -> None:
    """What depends on another column is decided as before."""
    up = (
        "ALTER TABLE orders ADD COLUMN n int; ALTER TABLE orders ALTER COLUMN code TYPE text, ALTER total SET NOT NULL;"
    )
    _, last = foreseen(shop, up).statements
    assert [(work.kind, work.condition) for work in last.work] == [(WorkKind.SCAN, None)]
    assert [(lock.table, lock.condition) for lock in last.locks] == [("orders", None)]


def test_after_what_nobody_knows_nothing_is_decided(shop: Project) -> None:
    """A DO block may have changed the table."""
    *_, last = foreseen(shop, "DO $$ BEGIN END $$; ALTER TABLE orders ALTER COLUMN code TYPE text;").statements
    assert [(lock.table, lock.condition) for lock in last.locks if lock.mode is LockMode.ACCESS_EXCLUSIVE] == [
        ("orders", None),
        ("customers", Condition.IF_COLUMN_IS_IN_KEY),
    ]


def test_a_table_of_the_plan_is_new_whatever_runs_before(shop: Project) -> None:
    """It is not there now, so nobody waits for it; IF NOT EXISTS says the same of one that is not there."""
    shop.write("first", "DO $$ BEGIN END $$; CREATE TABLE n (i int); CREATE TABLE IF NOT EXISTS m (i int);")
    found = foreseen(shop, "CREATE INDEX ON n (i); ALTER TABLE m ADD COLUMN k int; DROP TABLE n;")
    assert [lock for each in found.statements for lock in each.blocks] == []
    assert found.losses == ()


def test_a_dropped_neighbour_leaves_a_table_as_it_is(shop: Project) -> None:
    """Foreign keys of it that lead here go; what this table is made of stays."""
    *_, last = foreseen(
        shop, "DROP TABLE orders CASCADE; ALTER TABLE customers ALTER COLUMN name SET NOT NULL;"
    ).statements
    assert [(work.kind, work.condition) for work in last.work] == [(WorkKind.SCAN, None)]


def test_a_lock_is_held_by_what_comes_after_it(shop: Project) -> None:
    """To the end of the transaction, and only if that takes its time."""
    shop.rows("INSERT INTO orders SELECT i, 1 FROM generate_series(2000, 120000) i; ANALYZE orders")
    up = "ALTER TABLE customers ADD COLUMN n int; UPDATE orders SET total = 1; ALTER TABLE orders ADD COLUMN m int;"
    (step,) = foreseen(shop, up).steps
    assert [(lock.table, lock.blocks) for lock in step.held] == [("customers", Blocks.READS_AND_WRITES)]
    assert step.held[0].span is not None


# -- many statements, and those that nobody can read -------------------------------------------------------------------


def test_inserts_of_constants_are_read_once(shop: Project) -> None:
    """A seed of a hundred thousand rows is as quickly foreseen as one of ten; what calls a function is another matter."""
    rows = "".join(
        f"INSERT INTO customers (id, name) VALUES ({n}, 'it''s -- (no comment)');\n" for n in range(100, 150)
    )
    found = list(foreseen(shop, f"{rows}INSERT INTO customers (id, name) VALUES (999, f('x'));").statements)
    assert len(found) == 51
    assert all(each.locks is found[0].locks for each in found[:50])
    assert [each.unknown for each in found[-2:]] == [None, "what the function f does"]
    assert {each.sql for each in found[:50]} == {row.strip().removesuffix(";") for row in rows.splitlines()}


def test_a_secret_is_starred(shop: Project) -> None:
    """In the statement's text, also if only the table tells that it is one."""
    found = foreseen(
        shop,
        "CREATE TABLE logins (name text, password text);\nINSERT INTO logins VALUES ('ann', 'hunter2-long');\n"
        "ALTER ROLE CURRENT_USER PASSWORD 'swordfish-9';",
    )
    text = " ".join(each.sql for each in found.statements)
    assert "hunter2" not in text
    assert "swordfish" not in text
    assert "'ann', '***'" in text


def test_a_script_that_the_parser_does_not_take_is_unknown(project: Project) -> None:
    """It runs as it is if the user insists; nothing is claimed of it."""
    project.write("odd", "CREATE TABEL x (i int);")
    found = project.migrator().plan(allow_unparsed=True).forecast
    assert found is not None
    assert only(found).unknown == "what the script does"
    assert only(found).span is None


def test_a_run_does_not_foresee(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only who shows a plan pays for what it says."""
    shop.write("change", "ALTER TABLE orders ADD COLUMN n int;", "ALTER TABLE orders DROP COLUMN n;")

    def refuse(*_: object) -> Forecast:
        raise AssertionError

    monkeypatch.setattr("fsapi_nb.actions.forecast.forecast", refuse)
    shop.migrator().migrate()
    shop.migrator().rollback()
