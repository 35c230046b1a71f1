CREATE TABLE a (id int);
-- and back
DROP TABLE a;
