-- ALTER TABLE shop.customers DROP CONSTRAINT customers_email; ALTER TABLE shop.customers DROP CONSTRAINT customers_pkey CASCADE
ALTER TABLE shop.customers ADD CONSTRAINT customers_email UNIQUE (email);
ALTER TABLE shop.customers ADD CONSTRAINT customers_pkey PRIMARY KEY (id);
ALTER TABLE shop.orders ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES shop.customers(id) ON DELETE RESTRICT;
