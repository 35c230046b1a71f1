-- UP
-- (the SQL that makes the change)

-- DOWN
-- (the SQL that takes it back; without this section the migration is irreversible)
