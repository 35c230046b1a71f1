-- UP
\ir Don't stop.sql
SELECT 1;
