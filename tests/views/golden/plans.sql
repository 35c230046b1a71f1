-- CASE: a new table
-- UP
CREATE TABLE coupons (code text PRIMARY KEY, percent int NOT NULL);
CREATE INDEX coupons_percent_idx ON coupons (percent);
-- DOWN
DROP TABLE coupons;
-- CASE: a new table that refers to another
-- UP
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders);
-- DOWN
DROP TABLE lines;
-- CASE: a new column
-- UP
ALTER TABLE orders ADD COLUMN token text, ADD COLUMN paid boolean NOT NULL DEFAULT false;
-- DOWN
ALTER TABLE orders DROP COLUMN paid, DROP COLUMN token;
-- CASE: a new column with a value for each row
-- UP
ALTER TABLE orders ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
-- DOWN
ALTER TABLE orders DROP COLUMN token;
-- CASE: an index on a large table
-- UP
CREATE INDEX orders_placed_idx ON orders (placed);
-- DOWN
DROP INDEX orders_placed_idx;
-- CASE: the same index, concurrently
-- UP
CREATE INDEX CONCURRENTLY orders_placed_idx ON orders (placed);
-- DOWN
DROP INDEX CONCURRENTLY orders_placed_idx;
-- CASE: another type
-- UP
ALTER TABLE orders ALTER COLUMN total TYPE text USING total::text;
-- CASE: not null
-- UP
ALTER TABLE customers ALTER COLUMN email SET NOT NULL;
-- DOWN
ALTER TABLE customers ALTER COLUMN email DROP NOT NULL;
-- CASE: a foreign key
-- UP
ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers;
-- DOWN
ALTER TABLE orders DROP CONSTRAINT orders_customer;
-- CASE: a foreign key in two steps
-- UP
BEGIN;
ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE orders VALIDATE CONSTRAINT orders_customer;
COMMIT;
-- DOWN
ALTER TABLE orders DROP CONSTRAINT orders_customer;
-- CASE: a table is dropped for good
-- UP
DROP TABLE feature_flag;
-- CASE: a column is dropped
-- UP
ALTER TABLE customers DROP COLUMN bio;
-- DOWN
ALTER TABLE customers ADD COLUMN bio text;
-- CASE: a column moves into a table of its own
-- UP
CREATE TABLE profiles (customer_id bigint PRIMARY KEY, bio text);
INSERT INTO profiles SELECT id, bio FROM customers;
ALTER TABLE customers DROP COLUMN bio;
-- DOWN
ALTER TABLE customers ADD COLUMN bio text;
UPDATE customers SET bio = profiles.bio FROM profiles WHERE profiles.customer_id = customers.id;
DROP TABLE profiles;
-- CASE: a backfill
-- UP
-- every order gets a token
UPDATE orders SET token = md5(id::text)
 WHERE token IS NULL;
-- DOWN
-- nothing to undo
-- CASE: a seed
-- UP
BEGIN;
INSERT INTO countries VALUES ('AT', 'Austria');
INSERT INTO countries VALUES ('BE', 'Belgium');
INSERT INTO countries VALUES ('CH', 'Switzerland');
INSERT INTO countries VALUES ('DE', 'Germany');
INSERT INTO countries VALUES ('FR', 'France');
INSERT INTO countries VALUES ('JP', 'Japan');
COMMIT;
-- DOWN
DELETE FROM countries;
-- CASE: what nobody knows
-- UP
DO $$ BEGIN EXECUTE 'ALTER TABLE ' || 'orders DROP COLUMN total'; END $$;
SELECT refresh_totals('orders');
-- DOWN
SELECT 1;
-- CASE: an enum value that is used
-- UP
ALTER TYPE mood ADD VALUE 'happy';
UPDATE customers SET mood = 'happy' WHERE mood IS NULL;
-- CASE: rows that go
-- UP
TRUNCATE sessions;
DELETE FROM customers WHERE email IS NULL;
-- CASE: new names
-- UP
ALTER TABLE customers RENAME TO buyers;
ALTER TABLE buyers RENAME COLUMN email TO address;
CREATE VIEW customers AS SELECT * FROM buyers;
-- DOWN
DROP VIEW customers;
ALTER TABLE buyers RENAME COLUMN address TO email;
ALTER TABLE buyers RENAME TO customers;
-- CASE: much in one transaction
-- UP
ALTER TABLE orders ADD COLUMN token text;
CREATE INDEX orders_token_idx ON orders (token);
ALTER TABLE orders ALTER COLUMN total TYPE text USING total::text;
DROP TABLE feature_flag;
ALTER TABLE orders SET (fillfactor = 70), ADD CHECK (id > 0);
-- CASE: a check before the commit
-- UP
UPDATE customers SET email = lower(email);
-- CHECK: no two customers have one address
SELECT email FROM customers GROUP BY email HAVING count(*) > 1;
-- DOWN
-- CASE: a table of which a part is copied
-- UP
CREATE TABLE names AS SELECT id, email FROM customers;
DROP TABLE customers;
-- DOWN
CREATE TABLE customers (id bigint, email text, bio text);
