-- UP
CREATE TABLE :name ();
-- DOWN
DROP TABLE {{ name }};
