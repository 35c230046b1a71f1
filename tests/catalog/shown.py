"""A small shop, and what the verb `schema` shows of it; `python -m tests.catalog.shown URL` writes the golden file.

The URL is that of an empty database on PostgreSQL 18, in which the shop is made.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

from fsapi_nb import Migrator

GOLDEN = Path(__file__).parent / "shown_objects.txt"
#: What is looked at: nothing is everything.
NAMES = (
    *(
        "",
        "audit.*",
        "ord*",
        "customers",
        "orders",
        "order_notes",
        "notes",
        "audit.log",
        "audit.log_2025",
        "big_orders",
        "names",
    ),
    *(
        "invoice_numbers",
        "order_state",
        "email",
        "price",
        "add_tax",
        "add_tax(price)",
        "touch",
        "audit",
        "orders_id_seq",
    ),
)
SHOP = """
CREATE SCHEMA audit;
COMMENT ON SCHEMA audit IS 'who did what';
CREATE TYPE order_state AS ENUM ('new', 'paid', 'sent');
CREATE DOMAIN email AS text CHECK (VALUE ~ '@');
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
CREATE MATERIALIZED VIEW names AS SELECT c.name, o.total FROM customers c JOIN orders o ON o.customer_id = c.id;
CREATE UNIQUE INDEX ON names (name, total);
CREATE SEQUENCE invoice_numbers START 1000;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION add_tax(amount numeric, rate integer DEFAULT 19) RETURNS numeric LANGUAGE sql IMMUTABLE
    AS $$ SELECT amount * (100 + rate) / 100 $$;
CREATE FUNCTION add_tax(price) RETURNS price LANGUAGE sql IMMUTABLE AS $$ SELECT $1 $$;
CREATE FUNCTION orders_of(c customers) RETURNS SETOF orders LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT * FROM orders WHERE customer_id = (c).id; END;
CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
GRANT SELECT (name) ON customers TO PUBLIC;
GRANT EXECUTE ON FUNCTION touch() TO PUBLIC;
CREATE TABLE notes (id int) ;
CREATE TABLE order_notes (written text DEFAULT 'now') INHERITS (notes);
ALTER TABLE audit.log ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON audit.log FOR SELECT USING (who = current_user);
INSERT INTO customers (name, email, api_token) SELECT 'customer ' || i, i || '@example.org', md5(i::text)
    FROM generate_series(1, 12) i;
INSERT INTO orders (customer_id, total) SELECT 1 + i % 12, i FROM generate_series(1, 1200) i;
"""


def shown(migrator: Migrator, label: str) -> str:
    """What a notebook stores of each, the database called DB."""
    texts = (f"%schema {name}".strip() + f"\n{migrator.schema(name or None, rows=2)!r}\n" for name in NAMES)
    return "\n".join(texts).replace(label, "DB")


def main(address: str) -> None:
    """Make the shop, and write the golden file."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(SHOP.encode())
    migrator = Migrator(address)
    identity = migrator.schema().identity
    assert identity is not None
    GOLDEN.write_text(shown(migrator, identity.label), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
