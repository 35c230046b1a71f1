-- INSERT INTO shop.customers (id, name) VALUES (50, 'it''s'), (51, 'x'); ALTER TYPE shop.mood RENAME VALUE 'sad' TO 'low'
DELETE FROM shop.customers WHERE id = 51;
DELETE FROM shop.customers WHERE id = 50;
ALTER TYPE shop.mood RENAME VALUE 'low' TO 'sad';
