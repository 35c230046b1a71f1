-- CREATE AGGREGATE shop.most(integer) (SFUNC = int4larger, STYPE = integer)
DROP AGGREGATE shop.most(integer);
