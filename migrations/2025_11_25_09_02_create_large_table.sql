-- UP
-- A table with enough rows that building an index is visible work.
CREATE TABLE large_table (
    id BIGSERIAL PRIMARY KEY,
    column_name INTEGER NOT NULL,
    payload TEXT NOT NULL
);

INSERT INTO large_table (column_name, payload)
SELECT n % 1000, md5(n::text)
FROM generate_series(1, 20000) AS n;

-- DOWN
DROP TABLE IF EXISTS large_table CASCADE;
