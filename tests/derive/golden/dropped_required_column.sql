-- DELETE FROM shop.events_2; ALTER TABLE shop.events_2 DROP COLUMN day
-- the values of shop.events_2.day
-- the rows of shop.events_2 as they were before UP's DELETE
ALTER TABLE shop.events_2 ADD COLUMN day date;
-- if shop.events_2 has rows, give them values of day here: what they were is not known
ALTER TABLE shop.events_2 ALTER COLUMN day SET NOT NULL;
