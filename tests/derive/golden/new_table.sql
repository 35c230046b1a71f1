-- CREATE TABLE shop.t (id serial PRIMARY KEY, c integer REFERENCES shop.customers)
DROP TABLE shop.t;
