-- CREATE TABLE shop.base (what text); ALTER TABLE shop.events_2 INHERIT shop.base
ALTER TABLE shop.events_2 NO INHERIT shop.base;
DROP TABLE shop.base;
