-- ALTER TYPE shop.pair DROP ATTRIBUTE one
ALTER TYPE shop.pair RENAME TO fsapi_going_1;
CREATE TYPE shop.pair AS (one integer, two text);
DROP TYPE shop.fsapi_going_1;
