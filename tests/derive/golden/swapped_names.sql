-- ALTER TABLE shop.orders RENAME TO x; ALTER TABLE shop.customers RENAME TO orders; ALTER TABLE shop.x RENAME TO customers
ALTER TABLE shop.customers RENAME TO fsapi_between_1;
ALTER TABLE shop.orders RENAME TO customers;
ALTER TABLE shop.fsapi_between_1 RENAME TO orders;
