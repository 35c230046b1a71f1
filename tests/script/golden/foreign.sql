-- rambler up
CREATE TABLE a (id int);
---- create above / drop below ----
-- down (reversible)
-- Rollback:
DROP TABLE a;
