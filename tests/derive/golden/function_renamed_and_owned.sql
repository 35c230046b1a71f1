-- ALTER FUNCTION shop.twice RENAME TO doubled; ALTER FUNCTION shop.doubled STABLE
ALTER FUNCTION shop.doubled(n integer) RENAME TO twice;
SET LOCAL check_function_bodies = off;
CREATE OR REPLACE FUNCTION shop.twice(n integer)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE
AS $function$SELECT n * 2$function$;
