-- UP
SET standard_conforming_strings = off;
INSERT INTO t VALUES ('It\'s');

-- DOWN
DELETE FROM t;
