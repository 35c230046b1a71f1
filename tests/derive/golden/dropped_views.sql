-- DROP VIEW shop.happy CASCADE; DROP MATERIALIZED VIEW shop.totals
CREATE MATERIALIZED VIEW shop.totals AS
 SELECT customer,
    sum(amount) AS amount
   FROM shop.orders
  GROUP BY customer;
CREATE UNIQUE INDEX totals_customer ON shop.totals USING btree (customer);
CREATE VIEW shop.happy AS
 SELECT id,
    name
   FROM shop.customers
  WHERE (mood = 'happy'::shop.mood);
CREATE VIEW shop.names AS
 SELECT name
   FROM shop.happy;
