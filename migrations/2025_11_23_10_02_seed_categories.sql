-- UP
-- An idempotent seed: rows that are already there are left alone.
BEGIN;

-- Insert only if not exists
INSERT INTO categories (name, slug)
SELECT 'Electronics', 'electronics'
WHERE NOT EXISTS (
    SELECT 1 FROM categories WHERE slug = 'electronics'
);

INSERT INTO categories (name, slug)
SELECT 'Books', 'books'
WHERE NOT EXISTS (
    SELECT 1 FROM categories WHERE slug = 'books'
);

COMMIT;

-- DOWN
BEGIN;

DELETE FROM categories WHERE slug IN ('electronics', 'books');

COMMIT;
