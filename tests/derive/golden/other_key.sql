-- ALTER TABLE shop.orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (id, customer)
ALTER TABLE shop.orders DROP CONSTRAINT orders_pkey;
ALTER TABLE shop.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
