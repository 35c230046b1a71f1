-- UP
CREATE TABLE t (
    id int

-- a comment below

