-- ALTER TABLE shop.orders DROP CONSTRAINT amount_positive, ADD CONSTRAINT amount_positive CHECK (amount > 0) NOT VALID
ALTER TABLE shop.orders DROP CONSTRAINT amount_positive;
ALTER TABLE shop.orders ADD CONSTRAINT amount_positive CHECK ((amount > 0));
