"""Statements that change a schema, made of a few names so that they meet each other. Many do not run. No tests."""

from __future__ import annotations

from hypothesis import strategies as st

TABLES = ("shop.customers", "shop.orders", "shop.events", "shop.events_1", "shop.events_2", "shop.new", "shop.newer")
COLUMNS = ("id", "name", "mood", "email", "customer", "amount", "total", "day", "what", "extra", "twice")
TYPES = (
    "integer",
    "bigint",
    "text",
    "varchar(20)",
    "numeric(12, 2)",
    "date",
    "shop.mood",
    "shop.price",
    "text[]",
    "shop.kind",
)
VIEWS = ("shop.happy", "shop.names", "shop.seen")
_TEMPLATES = (
    "CREATE TABLE {table} (id serial PRIMARY KEY, {column} {type})",
    "CREATE TABLE {table} (id integer GENERATED ALWAYS AS IDENTITY, {column} {type} UNIQUE, {column2} {type2} NOT NULL)",
    "CREATE TABLE {table} (LIKE {table2} INCLUDING ALL)",
    "DROP TABLE {table} CASCADE",
    "ALTER TABLE {table} RENAME TO {bare}",
    "ALTER TABLE {table} SET SCHEMA aside",
    "ALTER TABLE {table} ADD COLUMN {column} {type}",
    "ALTER TABLE {table} ADD COLUMN {column} {type} DEFAULT NULL, ADD CHECK ({column} IS NOT NULL) NOT VALID",
    "ALTER TABLE {table} ADD COLUMN {column} integer NOT NULL DEFAULT 7",
    "ALTER TABLE {table} DROP COLUMN {column} CASCADE",
    "ALTER TABLE {table} DROP COLUMN {column}",
    "ALTER TABLE {table} RENAME COLUMN {column} TO {column2}",
    "ALTER TABLE {table} ALTER COLUMN {column} TYPE {type} USING NULL::{type}",
    "ALTER TABLE {table} ALTER COLUMN {column} TYPE {type}",
    "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT NULL",
    "ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT",
    "ALTER TABLE {root} ALTER COLUMN {column} SET NOT NULL",
    "ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL",
    "ALTER TABLE {table} ALTER COLUMN {column} DROP IDENTITY",
    "ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL",
    "ALTER TABLE {table} ADD CONSTRAINT {bare} UNIQUE ({column})",
    "ALTER TABLE {table} ADD CONSTRAINT {bare} CHECK ({column} IS NOT NULL) NOT VALID",
    "ALTER TABLE {table} ADD FOREIGN KEY ({column}) REFERENCES {table2}",
    "ALTER TABLE {table} DROP CONSTRAINT {constraint} CASCADE",
    "ALTER TABLE {table} RENAME CONSTRAINT {constraint} TO {bare}",
    "ALTER TABLE {table} SET (fillfactor = 60)",
    "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE {table} REPLICA IDENTITY FULL",
    "ALTER TABLE {table} INHERIT {table2}",
    "ALTER TABLE shop.events ATTACH PARTITION {table} FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')",
    "ALTER TABLE shop.events DETACH PARTITION {table}",
    "CREATE INDEX {bare} ON {table} ({column})",
    "CREATE INDEX ON {table} (({column}::text)) WHERE {column2} IS NOT NULL",
    "DROP INDEX {index}",
    "ALTER INDEX {index} RENAME TO {bare}",
    "CREATE VIEW {view} AS SELECT {column}, {column2} AS other FROM {table}",
    "CREATE OR REPLACE VIEW {view} AS SELECT id, name, email FROM shop.customers",
    "CREATE VIEW {view} AS SELECT * FROM {view2}",
    "DROP VIEW {view} CASCADE",
    "ALTER VIEW {view} RENAME TO {bare}",
    "DROP MATERIALIZED VIEW shop.totals",
    "CREATE TYPE shop.kind AS ENUM ('a', 'b')",
    "ALTER TYPE shop.mood RENAME VALUE 'sad' TO 'blue'",
    "ALTER TYPE shop.mood ADD VALUE 'angry'",
    "ALTER TYPE {enum} RENAME TO {bare}",
    "DROP TYPE {enum} CASCADE",
    "ALTER DOMAIN shop.price DROP CONSTRAINT not_negative",
    "ALTER DOMAIN shop.price SET DEFAULT 3",
    "CREATE OR REPLACE FUNCTION shop.twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 3'",
    "CREATE FUNCTION shop.made(x {type}) RETURNS {type2} LANGUAGE sql AS 'SELECT NULL::{type2}'",
    "DROP FUNCTION shop.twice CASCADE",
    "ALTER FUNCTION shop.twice RENAME TO {bare}",
    "CREATE TRIGGER {bare} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION shop.touch()",
    "DROP FUNCTION shop.touch CASCADE",
    "ALTER TABLE {table} DISABLE TRIGGER touched",
    "CREATE SEQUENCE shop.{bare} OWNED BY {table}.{column}",
    "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT nextval('shop.numbers')",
    "ALTER SEQUENCE shop.numbers OWNED BY {table}.{column}",
    "DROP SEQUENCE {sequence} CASCADE",
    "ALTER SEQUENCE shop.numbers INCREMENT BY 3",
    "CREATE POLICY {bare} ON {table} USING ({column} IS NOT NULL)",
    "CREATE STATISTICS shop.{bare} ON {column}, {column2} FROM {table}",
    "COMMENT ON TABLE {table} IS 'a comment'",
    "COMMENT ON COLUMN {table}.{column} IS 'a comment'",
    "GRANT SELECT ON {table} TO PUBLIC",
    "GRANT UPDATE ({column}) ON {table} TO PUBLIC",
    "CREATE SCHEMA aside",
    "ALTER SCHEMA shop RENAME TO store",
)
_NAMES = {
    "table": TABLES,
    "table2": TABLES,
    # On a partition it makes what its parent has handed down its own, which no statement takes back.
    "root": tuple(table for table in TABLES if table != "shop.events_1"),
    "column": COLUMNS,
    "column2": COLUMNS,
    "type": TYPES,
    "type2": TYPES,
    "view": VIEWS,
    "view2": VIEWS,
    "enum": ("shop.mood", "shop.kind"),
    "bare": ("new", "newer", "seen", "renamed", "another", "extra"),
    "constraint": (
        "amount_positive",
        "customers_email",
        "customers_pkey",
        "orders_pkey",
        "orders_customer_fkey",
        "renamed",
    ),
    "index": (
        "shop.orders_customer",
        "shop.events_what",
        "shop.customers_email",
        "shop.totals_customer",
        "shop.renamed",
    ),
    "sequence": ("shop.numbers", "shop.orders_id_seq"),
}


@st.composite
def changes(draw: st.DrawFn) -> str:
    """A statement of one of the templates."""
    template = draw(st.sampled_from(_TEMPLATES))
    names = {name: draw(st.sampled_from(words)) for name, words in _NAMES.items() if f"{{{name}}}" in template}
    return template.format(**names)
