-- ALTER TABLE shop.customers RENAME TO clients
ALTER TABLE shop.clients RENAME TO customers;
