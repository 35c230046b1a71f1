-- UP
-- Several BEGIN/COMMIT pairs in one file: each pair is a step that commits on its own.
BEGIN;

CREATE TABLE roles (
    id SERIAL PRIMARY KEY,
    name VARCHAR(50) NOT NULL UNIQUE
);

COMMIT;

BEGIN;

INSERT INTO roles (name) VALUES ('admin'), ('user');

COMMIT;

-- DOWN
BEGIN;

DELETE FROM roles WHERE name IN ('admin', 'user');

COMMIT;

BEGIN;

DROP TABLE IF EXISTS roles CASCADE;

COMMIT;
