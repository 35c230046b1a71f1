-- ALTER TABLE shop.orders DROP COLUMN amount CASCADE
-- the values of shop.orders.amount
ALTER TABLE shop.orders ADD COLUMN amount integer;
COMMENT ON COLUMN shop.orders.amount IS 'pieces';
ALTER TABLE shop.orders ALTER COLUMN amount SET DEFAULT 1;
ALTER TABLE shop.orders ADD CONSTRAINT amount_positive CHECK ((amount > 0));
CREATE INDEX orders_customer ON shop.orders USING btree (customer) WHERE (amount > 1);
CREATE MATERIALIZED VIEW shop.totals AS
 SELECT customer,
    sum(amount) AS amount
   FROM shop.orders
  GROUP BY customer;
CREATE UNIQUE INDEX totals_customer ON shop.totals USING btree (customer);
