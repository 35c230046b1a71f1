-- DROP TABLE shop.events_1
-- the rows of shop.events_1
CREATE TABLE shop.events_1 (
    day date CONSTRAINT events_day_not_null NOT NULL,
    what text
);
CREATE INDEX events_1_what_idx ON shop.events_1 USING btree (what);
ALTER TABLE shop.events ATTACH PARTITION shop.events_1 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
