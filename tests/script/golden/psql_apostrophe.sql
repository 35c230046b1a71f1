-- UP
\echo Don't stop
SELECT 1;
