-- UP
-- A new enum value, used in the same file: it must be committed before its first use.
ALTER TYPE order_status ADD VALUE 'refunded' AFTER 'shipped';

UPDATE orders SET status = 'refunded' WHERE returned_at IS NOT NULL;

-- DOWN
-- PostgreSQL cannot drop an enum value, so the type is built anew without it
BEGIN;

UPDATE orders SET status = 'shipped' WHERE status = 'refunded';

ALTER TYPE order_status RENAME TO order_status_old;
CREATE TYPE order_status AS ENUM ('pending', 'paid', 'shipped');

ALTER TABLE orders ALTER COLUMN status DROP DEFAULT;
ALTER TABLE orders ALTER COLUMN status TYPE order_status USING status::text::order_status;
ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'pending';

DROP TYPE order_status_old;

COMMIT;
