-- UP
-- An environment-aware seed that goes by the name of the database.
BEGIN;

-- Always seed admin user
INSERT INTO users (email, name, role) VALUES
    ('admin@example.com', 'Admin', 'admin');

-- Always seed authors
INSERT INTO users (email, name, first_name, last_name, bio, avatar_url, website) VALUES
    ('ada@example.com', 'Ada', 'Ada', 'Lovelace', 'Writes about engines.',
     'https://example.com/ada.png', 'https://example.com/~ada'),
    ('edgar@example.com', 'Ted', 'Edgar', 'Codd', 'Writes about relations.', NULL, NULL);

-- Conditionally seed test data (check if in development)
DO $$
BEGIN
    IF current_database() = 'avelumina_dev' THEN
        INSERT INTO users (email, name, role) VALUES
            ('test1@example.com', 'Test User 1', 'user'),
            ('test2@example.com', 'Test User 2', 'user'),
            ('test3@example.com', 'Test User 3', 'user');
    END IF;
END $$;

COMMIT;

-- DOWN
BEGIN;

DELETE FROM users WHERE email IN (
    'admin@example.com',
    'ada@example.com',
    'edgar@example.com',
    'test1@example.com',
    'test2@example.com',
    'test3@example.com'
);

COMMIT;
