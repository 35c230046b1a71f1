-- UP
-- Function bodies that hold semicolons and lines that look like markers.

-- SQL-standard body: parsed when it is created, no quotes around it
CREATE FUNCTION pay_order(order_id BIGINT) RETURNS TEXT
LANGUAGE sql
BEGIN ATOMIC
    UPDATE orders SET status = 'paid' WHERE id = order_id AND status = 'pending';
    SELECT CASE status WHEN 'paid' THEN 'paid in full' ELSE status::text END
    FROM orders WHERE id = order_id;
END;

-- Quoted body: the whole lines in it that read UP and DOWN belong to the function
CREATE FUNCTION round_amount(amount NUMERIC, direction TEXT) RETURNS NUMERIC AS $$
BEGIN
    IF direction = 'up' THEN
-- UP
        RETURN ceil(amount);
    END IF;
-- DOWN
    RETURN floor(amount);
END;
$$ LANGUAGE plpgsql IMMUTABLE;

-- Down payment of one fifth, in whole units
CREATE FUNCTION down_payment(order_id BIGINT) RETURNS NUMERIC AS $body$
    SELECT round_amount(total / 5, 'up') FROM orders WHERE id = $1;
$body$ LANGUAGE sql STABLE;

-- DOWN
-- Up to here nothing else uses these functions
DROP FUNCTION IF EXISTS down_payment(BIGINT);
DROP FUNCTION IF EXISTS round_amount(NUMERIC, TEXT);
DROP FUNCTION IF EXISTS pay_order(BIGINT);
