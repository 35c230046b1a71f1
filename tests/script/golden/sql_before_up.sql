SET lock_timeout = 0;
-- UP
SELECT 1;
