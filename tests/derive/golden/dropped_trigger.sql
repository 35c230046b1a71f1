-- DROP TRIGGER touched ON shop.orders; DROP FUNCTION shop.touch
CREATE FUNCTION shop.touch()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ BEGIN RETURN NEW; END $function$;
CREATE TRIGGER touched BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
