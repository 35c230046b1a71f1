-- case: an index on a table that is there
CREATE INDEX ON orders (token);
CREATE UNIQUE INDEX IF NOT EXISTS orders_token ON public.orders (token);
-- case: an index that blocks nobody, on a new table, or on a partitioned one alone
CREATE INDEX CONCURRENTLY orders_token ON orders (token);
CREATE TABLE notes (id bigint PRIMARY KEY, body text);
CREATE INDEX ON public.notes (body);
CREATE INDEX ON ONLY events (at);
-- case: a type that the values have to be changed for
ALTER TABLE orders ALTER COLUMN total TYPE bigint, ALTER COLUMN paid TYPE date USING paid::date;
-- case: a new column
ALTER TABLE orders ADD COLUMN token text;
ALTER TABLE orders ADD COLUMN state text NOT NULL DEFAULT 'new';
ALTER TABLE orders ADD COLUMN made timestamptz DEFAULT now();
ALTER TABLE orders ADD COLUMN twice numeric GENERATED ALWAYS AS (total * 2) VIRTUAL;
-- case: a new column that each row needs a value for
ALTER TABLE orders ADD COLUMN number bigserial;
ALTER TABLE orders ADD COLUMN key uuid DEFAULT gen_random_uuid();
ALTER TABLE orders ADD COLUMN twice numeric GENERATED ALWAYS AS (total * 2) STORED;
ALTER TABLE orders ADD COLUMN id2 bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE orders ADD COLUMN n int DEFAULT next_number();
-- case: a new column that rows have no value for
ALTER TABLE orders ADD COLUMN customer bigint NOT NULL;
-- case: NOT NULL
ALTER TABLE orders ALTER COLUMN token SET NOT NULL;
-- case: NOT NULL behind a valid check
ALTER TABLE orders ADD CONSTRAINT token_there CHECK (token IS NOT NULL) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT token_there;
ALTER TABLE public.orders ALTER COLUMN token SET NOT NULL;
-- case: NOT NULL behind a check of another column, and one that is not validated
ALTER TABLE orders ADD CONSTRAINT other_there CHECK (other IS NOT NULL) NOT VALID;
ALTER TABLE orders ADD CONSTRAINT token_there CHECK (token IS NOT NULL) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT other_there;
ALTER TABLE orders ALTER COLUMN token SET NOT NULL;
-- case: NOT NULL twice
ALTER TABLE orders ALTER COLUMN token SET NOT NULL;
ALTER TABLE orders ALTER COLUMN token SET NOT NULL;
ALTER TABLE orders ALTER COLUMN token DROP NOT NULL;
ALTER TABLE orders ALTER COLUMN token SET NOT NULL;
-- case: several things at once
CREATE TYPE mood AS ENUM ('good');
ALTER TABLE orders
    ADD COLUMN shop bigint REFERENCES shops (id),
    ADD COLUMN mood mood DEFAULT 'good',
    ADD COLUMN number bigserial,
    ADD CHECK (total > 0);
ALTER TABLE orders ADD COLUMN feeling mood;
-- case: moments
ALTER TABLE orders ALTER COLUMN at TYPE timestamptz, ALTER COLUMN paid TYPE timestamptz USING to_timestamp(paid);
-- case: constraints that all rows are checked for
ALTER TABLE orders ADD CHECK (total > 0);
ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers (id);
ALTER TABLE orders ADD UNIQUE (token);
ALTER TABLE orders ADD PRIMARY KEY (id);
ALTER TABLE rooms ADD EXCLUDE USING gist (during WITH &&);
-- case: constraints that are not checked yet, or by an index
ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID;
ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers (id) NOT VALID;
ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers (id) NOT ENFORCED;
ALTER TABLE orders ADD CONSTRAINT orders_token UNIQUE USING INDEX orders_token;
ALTER TABLE orders VALIDATE CONSTRAINT positive;
-- case: foreign keys of new columns
ALTER TABLE orders ADD COLUMN shop bigint REFERENCES shops (id);
ALTER TABLE orders ADD COLUMN seller bigint REFERENCES sellers (id);
CREATE INDEX CONCURRENTLY ON orders (seller, shop);
CREATE TABLE lines (
    "order" bigint REFERENCES orders (id),
    product bigint NOT NULL,
    kind text REFERENCES kinds (name),
    PRIMARY KEY ("order", product),
    FOREIGN KEY (product, kind) REFERENCES products (id, kind)
);
-- case: tables and columns that go
DROP TABLE orders, lines CASCADE;
ALTER TABLE customers DROP COLUMN email, DROP COLUMN "Full Name";
DROP VIEW totals;
DROP INDEX orders_token;
DROP SCHEMA shop CASCADE;
-- case: what goes was copied before
CREATE TABLE emails AS SELECT id, email FROM customers;
ALTER TABLE customers DROP COLUMN email;
-- case: what the same file makes may go
CREATE TABLE scratch (id int);
ALTER TABLE scratch ADD COLUMN x int, ALTER COLUMN id TYPE bigint;
ALTER TABLE scratch DROP COLUMN x;
TRUNCATE scratch;
DROP TABLE scratch;
ALTER TABLE orders ADD COLUMN total_new numeric;
ALTER TABLE orders RENAME COLUMN total_new TO total;
-- case: other names
ALTER TABLE orders RENAME TO purchases;
ALTER TABLE purchases RENAME COLUMN total TO amount;
ALTER VIEW totals RENAME TO sums;
ALTER INDEX orders_token RENAME TO purchases_token;
-- case: all rows
UPDATE orders SET state = 'where';
DELETE FROM orders;
TRUNCATE orders CASCADE;
-- case: some rows
UPDATE orders SET state = 'new' WHERE state IS NULL;
UPDATE orders SET state = s.name FROM states AS s;
DELETE FROM orders WHERE id < 3;
DELETE FROM orders USING customers AS c WHERE c.id = customer;
INSERT INTO orders SELECT * FROM archive;
-- case: locks
LOCK TABLE orders;
LOCK TABLE orders IN ACCESS SHARE MODE;
CREATE TRIGGER touched BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
-- case: tables that are written again
ALTER TABLE orders SET UNLOGGED;
ALTER TABLE orders SET TABLESPACE fast;
CLUSTER orders USING orders_token;
-- case: outside of a transaction
VACUUM FULL orders;
VACUUM orders;
REINDEX TABLE CONCURRENTLY orders;
-- case: indexes and views that are made again
REINDEX TABLE orders;
REFRESH MATERIALIZED VIEW totals;
REFRESH MATERIALIZED VIEW CONCURRENTLY totals;
REFRESH MATERIALIZED VIEW totals WITH NO DATA;
-- case: partitions
ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
ALTER TABLE events DETACH PARTITION events_2025;
CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
-- case: work while others wait
ALTER TABLE orders ADD COLUMN token text;
UPDATE customers SET email = lower(email) WHERE email <> lower(email);
CREATE INDEX ON lines (product);
-- case: nothing that takes long while others wait
UPDATE customers SET email = lower(email) WHERE email <> lower(email);
ALTER TABLE orders ADD COLUMN token text;
-- case: how a new table is made
CREATE TABLE people (id serial PRIMARY KEY, name varchar(80), code char(3), born timestamp, age smallint);
ALTER TABLE people ADD COLUMN height int;
ALTER TABLE orders ADD COLUMN height int;
-- case: what is of no matter here
ALTER TYPE state ADD VALUE 'new';
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DROP TABLE orders; SELECT 1';
DO $$ BEGIN DROP TABLE orders; END $$;
SELECT 'DROP TABLE orders;';
-- case: rules that are switched off
-- squawk-ignore ban-drop-table
DROP TABLE a;
-- squawk-ignore update-without-where, truncating-table
UPDATE b SET x = 1;
ALTER TABLE c
    -- squawk-ignore ban-drop-column
    DROP COLUMN d,
    DROP COLUMN e;
-- squawk-ignore adding-not-nullable-field
ALTER TABLE c
    ALTER COLUMN f
        SET NOT NULL;
DROP TABLE g; -- squawk-ignore ban-drop-table
-- case: rules that are switched off in a file
DROP TABLE a;
UPDATE b SET x = 1;
-- squawk-ignore-file ban-drop-table, update-without-where
-- case: names that mislead
DROP TABLE "😀 ä", "a.b"."c;d";
/* äöü */ ALTER TABLE "-- DOWN" DROP COLUMN "e""f"; DROP VIEW "</td><script>";
INSERT INTO a VALUES ('
-- DOWN
'); TRUNCATE "g
h";
-- case: data is no SQL
COPY orders (id, note) FROM stdin;
1	DROP TABLE orders;
2	'
\.
TRUNCATE orders;
-- case: the file's own transaction
BEGIN;
DROP TABLE a;
COMMIT;
-- case: secrets are not shown
CREATE ROLE shop PASSWORD 'hunter2'; DROP TABLE accounts;
