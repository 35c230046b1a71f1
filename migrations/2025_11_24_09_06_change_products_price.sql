-- UP
-- A data type change by way of a new column, with an option of its own in the next line.
-- fsapi: lock_timeout=10s
BEGIN;

-- Add new column with new type
ALTER TABLE products ADD COLUMN price_new DECIMAL(10, 2);

-- Copy and transform data
UPDATE products SET price_new = price::DECIMAL(10, 2);

-- Drop old column and rename new one
ALTER TABLE products DROP COLUMN price;
ALTER TABLE products RENAME COLUMN price_new TO price;

-- Add NOT NULL constraint
ALTER TABLE products ALTER COLUMN price SET NOT NULL;

COMMIT;

-- DOWN
BEGIN;

-- Reverse the process
ALTER TABLE products ADD COLUMN price_old INTEGER;
UPDATE products SET price_old = price::INTEGER;
ALTER TABLE products DROP COLUMN price;
ALTER TABLE products RENAME COLUMN price_old TO price;
ALTER TABLE products ALTER COLUMN price SET NOT NULL;

COMMIT;
