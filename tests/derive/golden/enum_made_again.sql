-- DROP VIEW shop.names, shop.happy; ALTER TYPE shop.mood RENAME TO m; CREATE TYPE shop.mood AS ENUM ('happy', 'sad', 'x'); ALTER TABLE shop.customers ALTER mood DROP DEFAULT, ALTER mood TYPE shop.mood USING mood::text::shop.mood; DROP TYPE shop.m
ALTER TYPE shop.mood RENAME TO fsapi_going_1;
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
DROP TYPE shop.fsapi_going_1;
