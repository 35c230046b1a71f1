-- DROP VIEW shop.names, shop.happy; ALTER TABLE shop.customers ALTER name TYPE text
ALTER TABLE shop.customers ALTER COLUMN name TYPE character varying(40);
CREATE VIEW shop.happy AS
 SELECT id,
    name
   FROM shop.customers
  WHERE (mood = 'happy'::shop.mood);
CREATE VIEW shop.names AS
 SELECT name
   FROM shop.happy;
