CREATE TYPE pair AS (a int, b int);
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN bare AS int;
CREATE DOMAIN unproven AS int;
CREATE DOMAIN lonely AS text;
CREATE FUNCTION f_volatile() RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION f_stable() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION on_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION lonely_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION on_drop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE PROCEDURE do_nothing() LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE SEQUENCE loose_seq;
CREATE SEQUENCE default_seq;

CREATE TABLE customers (
    id int PRIMARY KEY,
    email text,
    name varchar(50),
    note text,
    created timestamp DEFAULT now(),
    score int,
    UNIQUE (email)
);
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id int CONSTRAINT orders_customer REFERENCES customers ON DELETE CASCADE,
    total numeric(10, 2) NOT NULL,
    quantity int CONSTRAINT orders_quantity CHECK (quantity > 0),
    placed timestamp,
    token text,
    code varchar(20) NOT NULL,
    proven int CONSTRAINT orders_proven CHECK (proven IS NOT NULL),
    loose int,
    counter bigint DEFAULT nextval('default_seq'),
    doubled int GENERATED ALWAYS AS (quantity * 2) STORED,
    body text
);
CREATE INDEX orders_total ON orders (total);
CREATE INDEX orders_spare ON orders (token);
CREATE UNIQUE INDEX orders_code ON orders (code);
CREATE UNIQUE INDEX orders_loose ON orders (loose);
ALTER TABLE orders ADD CONSTRAINT orders_unproven CHECK (loose > 0) NOT VALID;
ALTER TABLE orders ADD CONSTRAINT orders_unproven_fk FOREIGN KEY (loose) REFERENCES customers NOT VALID;
CREATE TRIGGER orders_change BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION on_change();
CREATE RULE orders_rule AS ON DELETE TO orders WHERE old.id = 0 DO INSTEAD NOTHING;
CREATE POLICY orders_policy ON orders USING (true);
CREATE STATISTICS orders_statistics ON total, quantity FROM orders;
CREATE TABLE items (
    id int PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders,
    label text
);
CREATE TABLE plain (a int NOT NULL, b int, c text, d date);
CREATE TABLE keyed (k int NOT NULL, v text, CONSTRAINT keyed_pkey PRIMARY KEY (k));
CREATE TABLE empty_table (a int, b text);
CREATE UNLOGGED TABLE scratch (a int);
CREATE TABLE serial_table (id serial, x text);
CREATE TABLE ledger (amount positive, plain bare, later unproven);
CREATE TABLE typed OF pair;
CREATE TABLE typable (a int, b int);
CREATE TABLE with_pair (p pair);
CREATE TABLE with_mood (m mood);
CREATE TABLE clustered (a int PRIMARY KEY);
ALTER TABLE clustered CLUSTER ON clustered_pkey;

CREATE TABLE animals (id int, name text, legs int NOT NULL DEFAULT 4, CONSTRAINT animals_id CHECK (id > 0));
CREATE TABLE dogs (tail int) INHERITS (animals);
CREATE TABLE cats (id int, name text, legs int NOT NULL, CONSTRAINT animals_id CHECK (id > 0));

CREATE TABLE events (
    id int NOT NULL,
    at int NOT NULL,
    customer_id int REFERENCES customers,
    CONSTRAINT events_key PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE events_one PARTITION OF events FOR VALUES FROM (0) TO (10);
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE TABLE events_free (id int NOT NULL, at int NOT NULL, customer_id int);
CREATE TABLE events_proven (
    id int NOT NULL, at int NOT NULL, customer_id int,
    CONSTRAINT events_proven_at CHECK (at IS NOT NULL AND at >= 40 AND at < 50)
);
CREATE TABLE attendees (event_id int, event_at int, FOREIGN KEY (event_id, event_at) REFERENCES events);
CREATE TABLE logs (id int, at int, body text) PARTITION BY RANGE (at);
CREATE TABLE logs_one PARTITION OF logs FOR VALUES FROM (0) TO (10);
CREATE TABLE logs_two PARTITION OF logs FOR VALUES FROM (10) TO (20);
CREATE TABLE logs_free (id int, at int, body text);
CREATE INDEX logs_at ON logs (at);
CREATE INDEX logs_only ON ONLY logs (id);
CREATE INDEX logs_one_id ON logs_one (id);
CREATE TRIGGER logs_statement AFTER INSERT ON logs FOR EACH STATEMENT EXECUTE FUNCTION on_change();
CREATE TRIGGER logs_change AFTER INSERT ON logs FOR EACH ROW EXECUTE FUNCTION on_change();

CREATE TABLE keys (a int, b int) PARTITION BY LIST (a);
CREATE TABLE keys_one PARTITION OF keys FOR VALUES IN (1);
ALTER TABLE keys_one ADD FOREIGN KEY (a) REFERENCES customers;
CREATE TABLE tree (id int PRIMARY KEY, above int REFERENCES tree) PARTITION BY RANGE (id);
CREATE TABLE tree_one PARTITION OF tree FOR VALUES FROM (0) TO (10);
CREATE TABLE tree_two PARTITION OF tree FOR VALUES FROM (10) TO (20);
CREATE TABLE tree_free (id int NOT NULL, above int);
CREATE TABLE deep (a int, b int) PARTITION BY LIST (a);
CREATE TABLE deep_rest PARTITION OF deep DEFAULT PARTITION BY LIST (b);
CREATE TABLE deep_rest_rest PARTITION OF deep_rest DEFAULT;
CREATE TABLE deep_free (a int, b int);
CREATE VIEW plain_view AS SELECT a FROM empty_table;
ALTER TABLE animals ADD CONSTRAINT animals_alone CHECK (id < 1000) NO INHERIT;
CREATE TABLE unkeyed (a int NOT NULL) PARTITION BY LIST (a);
CREATE TABLE unkeyed_one PARTITION OF unkeyed FOR VALUES IN (1);
CREATE TABLE lists (a int) PARTITION BY LIST (a);
CREATE TABLE list_one (a int);
DO $$ BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        EXECUTE 'CREATE TABLE virtual_table (a int, n int GENERATED ALWAYS AS (a) VIRTUAL)';
    END IF;
END $$;

CREATE VIEW orders_view AS SELECT id, total FROM orders;
CREATE VIEW customers_view AS SELECT id, email FROM customers;
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id;
CREATE UNIQUE INDEX totals_customer ON totals (customer_id);

CREATE SCHEMA shop;
CREATE TABLE shop.stock (id int PRIMARY KEY, item text);
CREATE TABLE shop.moves (stock_id int REFERENCES shop.stock ON DELETE CASCADE ON UPDATE CASCADE);
CREATE SCHEMA hollow;
CREATE PUBLICATION customers_publication FOR TABLE customers;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE far (a int) SERVER nowhere;
CREATE EXTENSION citext;
CREATE TABLE ci (email citext);

INSERT INTO customers (id, email, name) SELECT n, 'c' || n, 'name' FROM generate_series(1, 20) AS n;
INSERT INTO orders (customer_id, total, quantity, placed, token, code, proven, loose, body)
    SELECT 1 + n % 20, n, 1, now(), n, n, n, 1 + n, 'x' FROM generate_series(1, 15) AS n;
INSERT INTO items SELECT n, n, 'i' FROM generate_series(1, 15) AS n;
INSERT INTO plain SELECT n, n, n, '2026-01-01' FROM generate_series(1, 15) AS n;
INSERT INTO keyed SELECT n, n FROM generate_series(1, 15) AS n;
INSERT INTO scratch VALUES (1);
INSERT INTO ledger VALUES (1, 1, 1);
INSERT INTO animals VALUES (1, 'a');
INSERT INTO dogs VALUES (2, 'b', 4, 1);
INSERT INTO events SELECT n, n, 1 FROM generate_series(1, 5) AS n;
INSERT INTO events_free VALUES (1, 25, 1);
INSERT INTO events_proven VALUES (1, 45, 1);
INSERT INTO logs SELECT n, n, 'l' FROM generate_series(1, 15) AS n;
INSERT INTO logs_free VALUES (1, 25, 'l');
INSERT INTO clustered VALUES (1);
INSERT INTO with_mood VALUES ('ok');
INSERT INTO shop.stock VALUES (1, 'x');
INSERT INTO shop.moves VALUES (1);
REFRESH MATERIALIZED VIEW totals;
