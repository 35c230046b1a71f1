-- ALTER TABLE shop.events_2 ALTER what TYPE integer USING length(what)
-- what the change of shop.events_2.what from text to integer has cut off
-- the values of shop.events_2.what as they were before UP's USING
ALTER TABLE shop.events_2 ALTER COLUMN what TYPE text;
