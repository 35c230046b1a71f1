"""The verb `schema`: the database on one screen, and each object on a page."""

from __future__ import annotations

import pytest

from fsapi_nb.errors import UsageError
from fsapi_nb.views.results import ObjectResult, SchemaResult
from tests.conftest import Project

SHOP = """
CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'who did what';
CREATE TYPE order_state AS ENUM ('new', 'paid', 'sent');
CREATE DOMAIN email AS text NOT NULL CHECK (VALUE ~ '@');
CREATE TYPE price AS (amount numeric(12, 2), currency character(3));
CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, email email UNIQUE, api_token text
);
COMMENT ON TABLE customers IS 'Who buys at the shop';
COMMENT ON COLUMN customers.email IS 'Checked by the domain only';
CREATE TABLE orders (
    id bigserial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
    state order_state NOT NULL DEFAULT 'new', total numeric(12, 2) CHECK (total >= 0),
    tax numeric GENERATED ALWAYS AS (total * 0.19) STORED
);
CREATE INDEX orders_open_idx ON orders (id) WHERE state = 'new';
CREATE TABLE audit.log (at date NOT NULL, who text) PARTITION BY RANGE (at);
CREATE TABLE audit.log_2025 PARTITION OF audit.log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE VIEW big_orders AS SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE total > 1000;
CREATE MATERIALIZED VIEW names AS SELECT name FROM customers;
CREATE SEQUENCE invoice_numbers START 1000;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION add_tax(amount numeric, rate integer DEFAULT 19) RETURNS numeric LANGUAGE sql IMMUTABLE
    AS $$ SELECT amount * (100 + rate) / 100 $$;
CREATE FUNCTION add_tax(price) RETURNS price LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$;
CREATE FUNCTION orders_of(c customers) RETURNS SETOF orders LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT * FROM orders WHERE customer_id = (c).id; END;
CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE audit.log ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON audit.log FOR SELECT USING (who = current_user);
INSERT INTO customers (name, email, api_token) SELECT 'customer ' || i, i || '@example.org', md5(i::text)
    FROM generate_series(1, 12) i;
INSERT INTO orders (customer_id, total) SELECT 1 + i % 12, i FROM generate_series(1, 1200) i;
"""


PAGE = """

columns
  id           bigint         primary key  default nextval('orders_id_seq'::regclass)
  customer_id  bigint         not null
  state        order_state    not null     default 'new'::order_state
  total        numeric(12,2)
  tax          numeric                     generated: (total * 0.19)

keys and checks
  orders_pkey         PRIMARY KEY (id)
  orders_total_check  CHECK ((total >= (0)::numeric))

refers to
  (customer_id)  → customers (id)  ON DELETE CASCADE  orders_customer_id_fkey

indexes
  orders_pkey      primary key, btree (id)
  orders_open_idx  btree (id) WHERE (state = 'new'::order_state)

triggers
  touch  BEFORE UPDATE FOR EACH ROW EXECUTE FUNCTION touch()

needs
  type  order_state

needed by
  function  orders_of(customers)
  sequence  orders_id_seq
  view      big_orders

first 2 rows by id
  id  customer_id  state  total  tax
  1   2            new    1.00   0.1900
  2   3            new    2.00   0.3800
"""


@pytest.fixture
def shop(project: Project) -> Project:
    """A project on a database with a small shop in it."""
    project.rows(SHOP)
    return project


def look(project: Project, name: str | None = None, **options: object) -> list[str]:
    """The text of the verb as a notebook stores it, without the headline."""
    return repr(project.migrator().schema(name, **options)).split("\n")[1:]  # type: ignore[arg-type]


def test_the_database_is_on_one_screen(shop: Project) -> None:
    """Every object by kind, with columns, rows and comments; parts of others are not shown; the same again is the same."""
    found = shop.migrator().schema()
    assert isinstance(found, SchemaResult)
    assert found.headline() == (
        f"3 tables, 1 view, 1 materialized view, 1 sequence, 1 enum, 1 domain, 1 type and 1 other kind on {shop.label}"
    )
    assert look(shop) == [
        "schemas",
        "  audit   who did what",
        "  public",
        "tables              columns   rows",
        "  audit.log               2      0  1 partition",
        "  customers               4     12  Who buys at the shop",
        "  orders                  5  1,200",
        "views",
        "  big_orders              2",
        "materialized views",
        "  names                   1      0",
        "sequences",
        "  invoice_numbers",
        "enums",
        "  order_state      new, paid, sent",
        "domains",
        "  email            text",
        "types",
        "  price            amount numeric(12,2), currency character(3)",
        "functions",
        "  add_tax          (amount numeric, rate integer DEFAULT 19) → numeric",
        "  add_tax          (price) → price",
        "  orders_of        (c customers) → SETOF orders",
        "  touch            () → trigger",
        "  `%schema NAME` shows one of them, `%schema 'PATTERN*'` some.",
    ]
    assert repr(found) == repr(shop.migrator().schema())
    assert found.html() == shop.migrator().schema().html()


def test_a_table_is_on_a_page(shop: Project) -> None:
    """Columns, keys in both directions, indexes, triggers, what needs it, and the first rows."""
    page = shop.migrator().schema("orders")
    assert isinstance(page, ObjectResult)
    assert page.headline() == f"table orders on {shop.label}: 1,200 rows"
    assert look(shop, "orders", rows=2) == PAGE.split("\n")[1:-1]


def test_a_name_that_nothing_has_is_an_error(shop: Project) -> None:
    """It names what may have been meant, as commands, and how to see everything."""
    with pytest.raises(UsageError) as refused:
        shop.migrator().schema("ordrs")
    assert refused.value.message == "there is no object 'ordrs'"
    assert refused.value.hint == "did you mean `sapi schema orders`? `sapi schema` shows everything that is there."
