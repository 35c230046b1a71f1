-- ALTER TABLE shop.orders ALTER amount DROP DEFAULT, ALTER id DROP DEFAULT
ALTER TABLE shop.orders ALTER COLUMN amount SET DEFAULT 1;
ALTER TABLE shop.orders ALTER COLUMN id SET DEFAULT nextval('shop.orders_id_seq'::regclass);
