-- CREATE OR REPLACE VIEW shop.happy AS SELECT id, name FROM shop.customers WHERE mood = 'sad'
CREATE OR REPLACE VIEW shop.happy AS
 SELECT id,
    name
   FROM shop.customers
  WHERE (mood = 'happy'::shop.mood);
