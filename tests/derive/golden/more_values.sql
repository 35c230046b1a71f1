-- ALTER TYPE shop.mood ADD VALUE 'angry' BEFORE 'happy'
DROP VIEW shop.names;
DROP VIEW shop.happy;
ALTER TABLE shop.customers ALTER COLUMN mood DROP DEFAULT;
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
