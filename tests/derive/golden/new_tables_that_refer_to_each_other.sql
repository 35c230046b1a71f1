-- CREATE TABLE shop.a (id int PRIMARY KEY, b int); CREATE TABLE shop.b (id int PRIMARY KEY, a int REFERENCES shop.a); ALTER TABLE shop.a ADD FOREIGN KEY (b) REFERENCES shop.b
ALTER TABLE shop.a DROP CONSTRAINT a_b_fkey;
DROP TABLE shop.b;
DROP TABLE shop.a;
