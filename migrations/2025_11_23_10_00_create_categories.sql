-- UP
-- A plain table: the smallest useful migration.
CREATE TABLE categories (
    id SERIAL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    slug VARCHAR(100) NOT NULL UNIQUE
);

-- DOWN
DROP TABLE IF EXISTS categories CASCADE;
