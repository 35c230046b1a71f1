-- ALTER TABLE shop.events ATTACH PARTITION shop.events_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); CREATE TABLE shop.events_3 PARTITION OF shop.events DEFAULT
ALTER TABLE shop.events DETACH PARTITION shop.events_2;
DROP INDEX shop.events_2_what_idx;
DROP TABLE shop.events_3;
