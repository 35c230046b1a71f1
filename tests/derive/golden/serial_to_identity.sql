-- ALTER TABLE shop.orders ALTER id DROP DEFAULT; DROP SEQUENCE shop.orders_id_seq; ALTER TABLE shop.orders ALTER id ADD GENERATED ALWAYS AS IDENTITY (START WITH 100)
ALTER TABLE shop.orders ALTER COLUMN id DROP IDENTITY;
CREATE SEQUENCE shop.orders_id_seq AS integer START WITH 1 INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 CACHE 1 NO CYCLE;
ALTER TABLE shop.orders ALTER COLUMN id SET DEFAULT nextval('shop.orders_id_seq'::regclass);
ALTER SEQUENCE shop.orders_id_seq OWNED BY shop.orders.id;
SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('shop.orders', 'id'), pg_catalog.max(id) + 1, false) FROM shop.orders HAVING pg_catalog.max(id) > 0;
