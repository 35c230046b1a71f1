-- UP
-- An enum type, an identity column and a generated column.
CREATE TYPE order_status AS ENUM ('pending', 'paid', 'shipped');

CREATE TABLE orders (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES products(id) ON DELETE CASCADE,
    country_code CHAR(2) REFERENCES countries(code),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_price DECIMAL(10, 2) NOT NULL,
    total DECIMAL(12, 2) GENERATED ALWAYS AS (quantity * unit_price) STORED,
    status order_status NOT NULL DEFAULT 'pending',
    returned_at DATE
);

INSERT INTO orders (product_id, country_code, quantity, unit_price, status, returned_at)
SELECT p.id, o.country_code, o.quantity, p.price, o.status::order_status, o.returned_at::DATE
FROM (VALUES
    ('EL-1', 'JP', 2, 'paid', NULL),
    ('BO-1', 'NZ', 1, 'shipped', '2025-11-25'),
    ('BO-2', NULL, 5, 'pending', NULL)
) AS o (sku, country_code, quantity, status, returned_at)
JOIN products p ON p.sku = o.sku
ORDER BY o.sku;

-- DOWN
DROP TABLE IF EXISTS orders CASCADE;
DROP TYPE IF EXISTS order_status;
