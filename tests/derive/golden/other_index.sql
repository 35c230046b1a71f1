-- DROP INDEX shop.orders_customer; CREATE INDEX orders_customer ON shop.orders (customer); CREATE INDEX ON shop.orders (total)
DROP INDEX shop.orders_customer;
DROP INDEX shop.orders_total_idx;
CREATE INDEX orders_customer ON shop.orders USING btree (customer) WHERE (amount > 1);
