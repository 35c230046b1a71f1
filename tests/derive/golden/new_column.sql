-- ALTER TABLE shop.orders ADD note text NOT NULL DEFAULT ''
ALTER TABLE shop.orders DROP COLUMN note;
