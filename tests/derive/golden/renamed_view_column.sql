-- ALTER VIEW shop.happy RENAME name TO called; ALTER VIEW shop.names RENAME TO called
ALTER VIEW shop.called RENAME TO names;
ALTER TABLE shop.happy RENAME COLUMN called TO name;
