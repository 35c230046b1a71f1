-- CREATE FUNCTION shop.of_pair(shop.pair) RETURNS text LANGUAGE sql AS 'SELECT ($1).two'; CREATE CAST (shop.pair AS text) WITH FUNCTION shop.of_pair(shop.pair); CREATE OPERATOR shop.+ (LEFTARG = text, RIGHTARG = integer, FUNCTION = repeat)
DROP CAST (shop.pair AS text);
DROP OPERATOR shop.+ (text, integer);
DROP FUNCTION shop.of_pair(shop.pair);
