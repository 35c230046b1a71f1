-- CREATE TRIGGER a AFTER INSERT ON shop.orders EXECUTE FUNCTION shop.touch(); ALTER TABLE shop.orders DISABLE TRIGGER touched
DROP TRIGGER a ON shop.orders;
ALTER TABLE shop.orders ENABLE TRIGGER touched;
