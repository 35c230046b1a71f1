-- CREATE STATISTICS shop.s ON customer, amount FROM shop.orders
DROP STATISTICS shop.s;
