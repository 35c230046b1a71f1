-- DROP SEQUENCE shop.numbers
-- the position of the sequence shop.numbers
CREATE SEQUENCE shop.numbers AS bigint START WITH 10 INCREMENT BY 5 MINVALUE 1 MAXVALUE 9223372036854775807 CACHE 1 NO CYCLE;
