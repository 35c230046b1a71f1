-- UP
-- A safe rollback that preserves data: its DOWN is a deliberate no-op.
-- The column outlives the rollback, hence IF NOT EXISTS to apply it again.
ALTER TABLE users ADD COLUMN IF NOT EXISTS phone VARCHAR(20);

-- DOWN
-- Don't drop column, just mark as deprecated in a comment
-- ALTER TABLE users DROP COLUMN phone;
--
-- Instead, in production, you might want to:
-- 1. Stop using the column in application code
-- 2. Keep the column for data recovery
-- 3. Create a future migration to actually drop it
