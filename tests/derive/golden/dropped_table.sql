-- DROP TABLE shop.orders CASCADE
-- the rows of shop.orders
CREATE TABLE shop.orders (
    id integer NOT NULL,
    customer integer NOT NULL,
    amount integer,
    total shop.price
);
COMMENT ON TABLE shop.orders IS 'what was ordered';
COMMENT ON COLUMN shop.orders.amount IS 'pieces';
CREATE SEQUENCE shop.orders_id_seq AS integer START WITH 1 INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 CACHE 1 NO CYCLE;
ALTER TABLE shop.orders ALTER COLUMN amount SET DEFAULT 1;
ALTER TABLE shop.orders ALTER COLUMN id SET DEFAULT nextval('shop.orders_id_seq'::regclass);
ALTER TABLE shop.orders ADD CONSTRAINT amount_positive CHECK ((amount > 0));
ALTER TABLE shop.orders ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
CREATE INDEX orders_customer ON shop.orders USING btree (customer) WHERE (amount > 1);
ALTER TABLE shop.orders ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES shop.customers(id) ON DELETE RESTRICT;
ALTER SEQUENCE shop.orders_id_seq OWNED BY shop.orders.id;
CREATE MATERIALIZED VIEW shop.totals AS
 SELECT customer,
    sum(amount) AS amount
   FROM shop.orders
  GROUP BY customer;
CREATE UNIQUE INDEX totals_customer ON shop.totals USING btree (customer);
CREATE TRIGGER touched BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
