-- DROP VIEW shop.names, shop.happy; ALTER TABLE shop.customers ALTER mood DROP DEFAULT, ALTER mood TYPE text; DROP TYPE shop.mood
CREATE TYPE shop.mood AS ENUM ('sad', 'happy');
ALTER TABLE shop.customers ALTER COLUMN mood TYPE shop.mood USING mood::text::shop.mood;
ALTER TABLE shop.customers ALTER COLUMN mood SET DEFAULT 'happy'::shop.mood;
CREATE VIEW shop.happy AS
 SELECT id,
    name
   FROM shop.customers
  WHERE (mood = 'happy'::shop.mood);
CREATE VIEW shop.names AS
 SELECT name
   FROM shop.happy;
