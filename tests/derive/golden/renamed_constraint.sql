-- ALTER TABLE shop.orders RENAME CONSTRAINT amount_positive TO positive; ALTER INDEX shop.customers_email RENAME TO e
ALTER TABLE shop.customers RENAME CONSTRAINT e TO customers_email;
ALTER TABLE shop.orders RENAME CONSTRAINT positive TO amount_positive;
