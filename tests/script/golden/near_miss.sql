-- UP
CREATE TABLE t ();

-- Down
DROP TABLE t;
