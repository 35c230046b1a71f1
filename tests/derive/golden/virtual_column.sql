-- ALTER TABLE shop.orders ADD v integer GENERATED ALWAYS AS (amount * 2)
ALTER TABLE shop.orders DROP COLUMN v;
