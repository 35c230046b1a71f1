-- UP
-- A table with rows, so that the next migration has something to index.
CREATE TABLE articles (
    id SERIAL PRIMARY KEY,
    title VARCHAR(255) NOT NULL,
    content TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT NOW()
);

INSERT INTO articles (title, content) VALUES
    ('Locks', 'Adding a column takes a lock; it''s short, unless someone waits.'),
    ('Indexes', 'An index that is built concurrently lets writers go on.'),
    ('Draft', NULL);

-- DOWN
DROP TABLE IF EXISTS articles CASCADE;
