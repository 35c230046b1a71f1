-- CREATE OR REPLACE VIEW shop.happy AS SELECT id, name, email FROM shop.customers
DROP VIEW shop.names;
DROP VIEW shop.happy;
CREATE VIEW shop.happy AS
 SELECT id,
    name
   FROM shop.customers
  WHERE (mood = 'happy'::shop.mood);
CREATE VIEW shop.names AS
 SELECT name
   FROM shop.happy;
