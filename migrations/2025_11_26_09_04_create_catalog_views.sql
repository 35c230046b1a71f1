-- UP
-- A view, and a materialized view built upon it.
CREATE VIEW product_catalog AS
SELECT p.id, p.sku, p.name, c.name AS category, p.price
FROM products p
JOIN categories c ON c.id = p.category_id;

CREATE MATERIALIZED VIEW category_summary AS
SELECT category, count(*) AS products, min(price) AS lowest_price, max(price) AS highest_price
FROM product_catalog
GROUP BY category;

-- REFRESH MATERIALIZED VIEW CONCURRENTLY needs a unique index
CREATE UNIQUE INDEX idx_category_summary_category ON category_summary(category);

-- DOWN
DROP MATERIALIZED VIEW IF EXISTS category_summary;
DROP VIEW IF EXISTS product_catalog;
