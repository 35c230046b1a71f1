-- ALTER TABLE shop.orders ADD x int; CREATE VIEW shop.v AS SELECT x FROM shop.orders; CREATE VIEW shop.w AS SELECT * FROM shop.v
DROP VIEW shop.w;
DROP VIEW shop.v;
ALTER TABLE shop.orders DROP COLUMN x;
