r"""psql's backslash commands, where a query is typed: `\d orders`, `\dt shop.*`, `\l`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from fsapi_nb import Migrator
from fsapi_nb.catalog.backslash import OwnList, is_backslash, read_backslash
from fsapi_nb.errors import QueryFailed, UsageError
from fsapi_nb.views.results import CatalogListResult, ObjectResult, SchemaResult
from tests.conftest import Project

SHOP = """
CREATE SCHEMA shop;
CREATE EXTENSION hstore SCHEMA shop;
CREATE TABLE customers (id int PRIMARY KEY, name text);
CREATE TABLE shop.orders (id bigserial PRIMARY KEY, customer int REFERENCES customers);
CREATE TABLE shop."Odd ""name; --" (a int);
CREATE INDEX orders_customer ON shop.orders (customer);
CREATE VIEW names AS SELECT name FROM customers;
CREATE MATERIALIZED VIEW shop.counts AS SELECT count(*) FROM customers;
CREATE FUNCTION add_one(a int) RETURNS int LANGUAGE sql AS 'SELECT a + 1';
CREATE PROCEDURE tidy() LANGUAGE sql AS 'SELECT 1';
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE DOMAIN plus AS int CHECK (VALUE > 0);
CREATE TABLE log (at date) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY RANGE (at);
CREATE TABLE log_2_1 PARTITION OF log_2 FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE INDEX log_at ON log (at);
GRANT SELECT ON customers TO PUBLIC;
GRANT UPDATE (name) ON customers TO PUBLIC;
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """A project with something of most kinds."""
    with psycopg.connect(project.database, autocommit=True) as connection:
        connection.execute(SHOP)
    return project


def listed(shop: Project, command: str) -> list[str]:
    """The names of a list, with their schemas."""
    found = shop.migrator().describe(command)
    if isinstance(found, CatalogListResult):
        return [str(row[0]) for row in found.found.rows]
    assert isinstance(found, SchemaResult)
    return [each.name if each.schema is None else f"{each.schema}.{each.name}" for each in found.objects]


@pytest.mark.parametrize(
    ("command", "names"),
    [
        (r"\dt", ["public.customers", "public.log", 'shop.Odd "name; --', "shop.orders"]),
        (r"\dt shop.*", ['shop.Odd "name; --', "shop.orders"]),
        (r"\dt+ SHOP.ord?rs;", ["shop.orders"]),
        (r"\dt log*", ["public.log", "public.log_1", "public.log_2", "public.log_2_1"]),
        (r'\dt "Odd ""name; --"', ['shop.Odd "name; --']),
        (r"\dv", ["public.names"]),
        (r"\dm", ["shop.counts"]),
        (r"\dvm", ["public.names", "shop.counts"]),
        (r"\ds", ["shop.orders_id_seq"]),
        (r"\df", ["public.add_one", "public.tidy"]),
        (r"\df add*", ["public.add_one"]),
        (r"\dT", ["public.mood", "public.plus"]),
        (r"\dD", ["public.plus"]),
        (r"\dn", ["public", "shop"]),
        (r"\dE", []),
        (r"\dx", ["hstore"]),
        (r"\d", ["public.customers", "public.log", 'shop.Odd "name; --', "shop.orders", "public.names", "shop.counts"]),
        (r"\d nam*", ["public.names"]),
        (r"\dP", ["public.log", "public.log_at"]),
        (r"\dPt+", ["public.log"]),
        (r"\dPi", ["public.log_at"]),
        (r"\dPn", ["public.log", "public.log_2", "public.log_2_at_idx", "public.log_at"]),
        (r"\dPin log_2*", ["public.log_2_at_idx"]),
        (r"\dP public.log*2", ["public.log_2"]),
        (r"\dP shop.*", []),
        (r"\ddp", []),
        (
            r"\di",
            [
                "public.customers_pkey",
                "public.log_1_at_idx",
                "public.log_2_1_at_idx",
                "public.log_2_at_idx",
                "public.log_at",
                "shop.orders_customer",
                "shop.orders_pkey",
            ],
        ),
        (r"\di+ shop.*cust*", ["shop.orders_customer"]),
        (r"\d orders_customer", ["shop.orders_customer"]),
        (r"\dp shop.ord*", ["shop.orders", "shop.orders_id_seq"]),
        (r"\z customers", ["public.customers"]),
        (r"\dtS pg_clas*", ["pg_catalog.pg_class"]),
        (r"\dt pg_catalog.pg_clas*", ["pg_catalog.pg_class"]),
        (r"\dvS pg_stat_act*", ["pg_catalog.pg_stat_activity"]),
        (r"\diS pg_class_oid*", ["pg_catalog.pg_class_oid_index"]),
    ],
)
def test_a_list_has_what_is_asked_for(shop: Project, command: str, names: list[str]) -> None:
    """By kind and pattern; PostgreSQL's own with S, partitions and the like when they are named."""
    assert listed(shop, command) == names


@pytest.mark.parametrize(
    ("command", "kind", "name"),
    [
        (r"\d orders", "table", "orders"),
        (r"\d shop.orders;", "table", "orders"),
        (r"\d+ customers", "table", "customers"),
        (r'\d shop."Odd ""name; --"', "table", 'Odd "name; --'),
        (r"\d names", "view", "names"),
        (r"\d orders_id_seq", "sequence", "orders_id_seq"),
        (r"\d pg_stat_activity", "view", "pg_stat_activity"),
        (r"\d pg_catalog.pg_class", "table", "pg_class"),
        (r"\sf add_one", "function", "add_one"),
        (r"\sf add_one(integer)", "function", "add_one"),
        (r"\sv names", "view", "names"),
    ],
)
def test_one_object_has_its_page(shop: Project, command: str, kind: str, name: str) -> None:
    """The same value as of `schema NAME`."""
    found = shop.migrator().describe(command)
    assert isinstance(found, ObjectResult)
    assert (found.page.item.kind, found.page.item.name) == (kind, name)


def test_databases_and_roles_are_listed(shop: Project) -> None:
    """Of the server; sizes with +."""
    name = shop.value("SELECT quote_ident(current_database())")
    assert name in listed(shop, r"\l")
    found = shop.migrator().describe(rf"\l+ {name}")
    assert isinstance(found, CatalogListResult)
    ((_, owner, encoding, _, _, size, _),) = found.found.rows
    assert (owner, encoding) == (shop.value("SELECT current_user::text"), "UTF8")
    assert isinstance(size, int)
    assert size > 1_000_000
    assert shop.value("SELECT quote_ident(current_user)") in listed(shop, r"\du")
    assert "pg_monitor" not in listed(shop, r"\du")
    assert "pg_monitor" in listed(shop, r"\duS")


def test_scans_are_not_stored(shop: Project) -> None:
    """They differ from run to run: a terminal, JSON and the frame have them."""
    found = shop.migrator().describe(r"\di")
    assert "scans" not in repr(found) + found.html()
    assert any("scans" in line for line in found.lines(times=True))
    assert "scans" in found.to_frame().columns


def test_privileges_are_shown_as_they_are_kept(shop: Project) -> None:
    """Of relations and of columns; without any, the owner alone has them."""
    found = shop.migrator().describe(r"\dp customers")
    assert isinstance(found, CatalogListResult)
    ((_, kind, owner, privileges, columns, _),) = found.found.rows
    assert kind == "table"
    assert f"=r/{owner}" in str(privileges)
    assert columns == f"name: =w/{owner}"
    assert "its owner alone" in repr(shop.migrator().describe(r"\dp shop.orders"))


def test_a_partitioned_table_is_counted_with_its_partitions(shop: Project) -> None:
    """Through all levels, those with data; of an index its table, of a part what it is a part of."""
    shop.rows_in_session("INSERT INTO log VALUES ('2025-05-05'), ('2026-05-05')", "ANALYZE log")
    found = shop.migrator().describe(r"\dPn")
    assert isinstance(found, CatalogListResult)
    page = int(shop.value("SELECT current_setting('block_size')"))
    assert [(row[0], row[1], *row[3:7]) for row in found.found.rows] == [
        ("public.log", "table", None, None, 2, 2 * page),
        ("public.log_2", "table", None, "public.log", 1, page),
        ("public.log_2_at_idx", "index", "public.log_2", "public.log_at", 1, 2 * page),
        ("public.log_at", "index", "public.log", None, 2, 4 * page),
    ]
    assert found.headline().startswith("4 partitioned relations on ")


def test_default_privileges_are_listed(shop: Project) -> None:
    """By the role whose objects get them, and by schema; a pattern names either."""
    name = shop.value("SELECT current_user::text")
    shop.rows_in_session(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    )
    in_shop, everywhere = (name, "shop", "table", f"=r/{name}"), (name, None, "function", f"{name}=X/{name}")
    for command, rows in {
        r"\ddp": (everywhere, in_shop),
        r"\ddp shop": (in_shop,),
        rf'\ddp "{name}"': (everywhere, in_shop),
        r"\ddp nothing": (),
    }.items():
        found = shop.migrator().describe(command)
        assert isinstance(found, CatalogListResult)
        assert found.found.rows == rows


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (r"\copy t FROM 'x'", r"\copy is not answered here"),
        (r"\i file.sql", r"\i is not answered here"),
        (r"\watch", r"\watch is not answered here"),
        (r"\x", r"\x is not answered here"),
        (r"\?", r"\? is not answered here"),
        ("\\", r"\ is not answered here"),
        (r"\dq", r"\dq is not answered here"),
        (r"\db", r"\db is not answered here"),
        (r"\dPx", r"\dPx is not answered here"),
        (r"\d a b", "has more than one name"),
        ("\\d orders\nSELECT 1", "a backslash command stands alone"),
        (r"\sf", "needs a name"),
        (r"\d a.b.c", "has more parts"),
        (r"\dt a.b.c", "has more parts"),
        (r'\d "a', "has more than one name"),
    ],
)
def test_what_is_not_answered_is_refused(command: str, why: str) -> None:
    """The error names what is, and that the others run in psql; no connection is made."""
    with pytest.raises(UsageError) as refused:
        Migrator("postgresql://nobody@192.0.2.1/nothing").describe(command)
    assert why in refused.value.message
    if "not answered" in why:
        assert r"\d \dt" in (refused.value.hint or "")
        assert r"\copy, \i, \watch, \db and all others run in psql only." in (refused.value.hint or "")


def test_every_command_that_a_hint_names_is_known() -> None:
    """And each means something of its own."""
    for name in [
        "dt",
        "dv",
        "dm",
        "ds",
        "di",
        "df",
        "dn",
        "du",
        "dx",
        "dT",
        "dD",
        "dE",
        "dP",
        "dPtin",
        "dp",
        "ddp",
        "z",
        "l",
        "dg",
        "da",
        "dL",
        "dO",
        "dy",
        "dRp",
        "dtvmsE",
    ]:
        for marks in ("", "+", "S", "S+", "+S"):
            found = read_backslash(f"\\{name}{marks} x*")
            assert found.kinds or isinstance(found.own, OwnList)
            assert (found.name, found.more, found.system) == ("x*", "+" in marks, "S" in marks)


def test_sql_is_not_taken_for_a_command() -> None:
    """Only a text that begins with a backslash, which no statement does."""
    assert is_backslash("  \n \\d")
    for sql in ("SELECT '\\d'", "-- \\d", "SELECT 1; \\d"):
        assert not is_backslash(sql)


def test_a_command_behind_sql_says_how_it_is_typed(shop: Project) -> None:
    """It is sent as it is, as all SQL; the error shows the way."""
    with pytest.raises(QueryFailed) as failed:
        shop.migrator().query("SELECT 1; \\d orders")
    assert r"\d and its kin stand alone" in (failed.value.hint or "")


def test_hostile_names_break_nothing(shop: Project) -> None:
    """Neither the patterns nor what is shown."""
    for command in (r"\di", r"\dp", r"\d", r"\dt *Odd*", r'\dt "%s"', r"\dt %s{}", r"\dt a'b", r"\di $$"):
        assert repr(shop.migrator().describe(command))


@pytest.fixture
def reader(shop: Project) -> Iterator[Any]:
    """A role without rights on the schema."""
    with psycopg.connect(shop.database, autocommit=True) as connection:
        connection.execute("CREATE ROLE describing_reader")
    yield shop.migrator(database=shop.database + " options='-c role=describing_reader'")
    with psycopg.connect(shop.database, autocommit=True) as connection:
        connection.execute("DROP ROLE describing_reader")


@pytest.mark.parametrize(
    "command", [r"\d", r"\d orders", r"\di", r"\dP", r"\dp", r"\ddp", r"\l+", r"\du", r"\df", r"\sf add_one", r"\dn"]
)
def test_a_reader_is_answered(reader: Migrator, command: str) -> None:
    """The catalog is everybody's."""
    assert repr(reader.describe(command))


def test_secrets_of_indexes_are_starred(project: Project) -> None:
    """Also where the server writes a cast around the column."""
    project.rows("""
        CREATE TABLE t (a int, api_token text, token varchar(20));
        CREATE INDEX ON t (a) WHERE api_token = 'geheim';
        CREATE INDEX ON t (a) WHERE token = 'geheim';
    """)
    found = project.migrator().describe(r"\di")
    assert isinstance(found, CatalogListResult)
    assert [str(row[2]).count("'***'") for row in found.found.rows] == [1, 1]
    assert "geheim" not in repr(found) + found.html() + str(found.to_json())
