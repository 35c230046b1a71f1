-- UP
SELECT 1; -- harmlessDROP TABLE t;
