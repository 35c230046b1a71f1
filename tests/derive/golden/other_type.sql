-- DROP MATERIALIZED VIEW shop.totals; ALTER TABLE shop.orders ALTER amount TYPE bigint
DROP INDEX shop.orders_customer;
ALTER TABLE shop.orders DROP CONSTRAINT amount_positive;
ALTER TABLE shop.orders ALTER COLUMN amount DROP DEFAULT;
ALTER TABLE shop.orders ALTER COLUMN amount TYPE integer;
ALTER TABLE shop.orders ALTER COLUMN amount SET DEFAULT 1;
ALTER TABLE shop.orders ADD CONSTRAINT amount_positive CHECK ((amount > 0));
CREATE INDEX orders_customer ON shop.orders USING btree (customer) WHERE (amount > 1);
CREATE MATERIALIZED VIEW shop.totals AS
 SELECT customer,
    sum(amount) AS amount
   FROM shop.orders
  GROUP BY customer;
CREATE UNIQUE INDEX totals_customer ON shop.totals USING btree (customer);
