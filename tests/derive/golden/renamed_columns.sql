-- ALTER TABLE shop.customers RENAME "Odd ""name" TO plain; ALTER TABLE shop.customers RENAME name TO x; ALTER TABLE shop.customers RENAME email TO name; ALTER TABLE shop.customers RENAME x TO email
ALTER TABLE shop.customers RENAME COLUMN plain TO "Odd ""name";
ALTER TABLE shop.customers RENAME COLUMN email TO fsapi_between_1;
ALTER TABLE shop.customers RENAME COLUMN name TO email;
ALTER TABLE shop.customers RENAME COLUMN fsapi_between_1 TO name;
