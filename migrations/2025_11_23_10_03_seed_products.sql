-- UP
-- SQL runs as written: %, %s, :name, {} and $1 in strings mean nothing to the tool.
INSERT INTO products (category_id, sku, name, description, price)
SELECT c.id, p.sku, p.name, p.description, p.price
FROM (VALUES
    ('electronics', 'EL-1', 'Keyboard', '100% recycled; 50%s of its keys are spare', 80),
    ('electronics', 'EL-2', 'Label printer', 'Prints :name, %(name)s and {name} as they are typed', 120),
    ('books', 'BO-1', 'Shell Scripting', 'From $1 to ${10}, with ''quotes'' and C:\paths', 35),
    ('books', 'BO-2', 'Empty Braces', '{} -- not a comment, /* nor is this */', 20)
) AS p (slug, sku, name, description, price)
JOIN categories c ON c.slug = p.slug
ORDER BY p.sku;

-- DOWN
DELETE FROM products WHERE sku IN ('EL-1', 'EL-2', 'BO-1', 'BO-2');
