-- fsapi: lock_timeout=soon
-- UP
-- fsapi: timeout=1s
-- fsapi: transaction=on
SELECT 1;
-- fsapi: statement_timeout=1s
-- FSAPI: transaction=off
