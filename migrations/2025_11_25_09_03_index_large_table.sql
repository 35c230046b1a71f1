-- UP
-- An index that is created without locking writers out.
-- Note: Cannot be run in a transaction block
CREATE INDEX CONCURRENTLY idx_large_table_column ON large_table(column_name);

-- DOWN
DROP INDEX CONCURRENTLY IF EXISTS idx_large_table_column;
