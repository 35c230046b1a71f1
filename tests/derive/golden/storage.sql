-- ALTER TABLE shop.customers ALTER email SET STORAGE EXTERNAL, ALTER email SET STATISTICS 50, ALTER email SET (n_distinct = 5); ALTER TABLE shop.orders SET (fillfactor = 50, autovacuum_enabled = off); ALTER INDEX shop.orders_customer SET (fillfactor = 60)
ALTER TABLE shop.orders RESET (autovacuum_enabled, fillfactor);
ALTER TABLE shop.customers ALTER COLUMN email SET STORAGE EXTENDED;
ALTER TABLE shop.customers ALTER COLUMN email SET STATISTICS -1;
ALTER TABLE shop.customers ALTER COLUMN email RESET (n_distinct);
ALTER INDEX shop.orders_customer RESET (fillfactor);
