-- UP
-- Backfilling data: add a column, fill it, then require it.
BEGIN;

-- Add new column
ALTER TABLE users ADD COLUMN full_name VARCHAR(255);

-- Backfill data from existing columns
UPDATE users SET full_name = CONCAT(first_name, ' ', last_name);

-- Users who have neither keep the name that they go by
UPDATE users SET full_name = name WHERE first_name IS NULL AND last_name IS NULL;

-- Make it NOT NULL after backfill
ALTER TABLE users ALTER COLUMN full_name SET NOT NULL;

COMMIT;

-- DOWN
BEGIN;

ALTER TABLE users DROP COLUMN IF EXISTS full_name;

COMMIT;
