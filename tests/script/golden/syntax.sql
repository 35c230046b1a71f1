-- UP
CREATE TABLE t (
    id int,
    name text,,
);

-- DOWN
DROPP TABLE t;
