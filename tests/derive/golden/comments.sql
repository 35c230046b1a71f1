-- COMMENT ON TABLE shop.orders IS NULL; COMMENT ON COLUMN shop.orders.amount IS 'how many'; COMMENT ON VIEW shop.happy IS 'x'
COMMENT ON TABLE shop.orders IS 'what was ordered';
COMMENT ON COLUMN shop.orders.amount IS 'pieces';
COMMENT ON VIEW shop.happy IS NULL;
