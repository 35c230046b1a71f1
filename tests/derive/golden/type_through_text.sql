-- ALTER TABLE shop.events_2 ALTER what TYPE text COLLATE "C"
ALTER TABLE shop.events_2 ALTER COLUMN what TYPE text;
