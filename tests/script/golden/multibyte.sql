-- UP
INSERT INTO t VALUES ('é😀', 1a);
