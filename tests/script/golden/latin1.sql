-- UP
SELECT 'é';
