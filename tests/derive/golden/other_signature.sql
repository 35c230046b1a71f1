-- DROP FUNCTION shop.twice; CREATE FUNCTION shop.twice(n integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT n * 2::bigint'
DROP FUNCTION shop.twice(n integer);
SET LOCAL check_function_bodies = off;
CREATE FUNCTION shop.twice(n integer)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
AS $function$SELECT n * 2$function$;
