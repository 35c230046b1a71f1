-- ALTER TABLE shop.customers DROP COLUMN twice, ADD twice int GENERATED ALWAYS AS (id + id) STORED
ALTER TABLE shop.customers DROP COLUMN twice;
ALTER TABLE shop.customers ADD COLUMN twice integer GENERATED ALWAYS AS ((id * 2)) STORED;
