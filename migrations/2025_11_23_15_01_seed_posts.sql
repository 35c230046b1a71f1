-- UP
-- An environment-aware seed that goes by a setting: `--set env=dev` is fsapi.env in SQL.
INSERT INTO posts (user_id, slug, title, body)
SELECT id, 'undo', 'How to undo a migration', 'Below a line that reads

-- DOWN

write what takes the change back. In a string, such a line is text.'
FROM users WHERE email = 'ada@example.com';

-- Unset is NULL, hence nothing is inserted
INSERT INTO posts (user_id, slug, title, body)
SELECT id, 'demo-' || n, 'Demo post ' || n, 'Only where fsapi.env is dev.'
FROM users, generate_series(1, 3) AS n
WHERE email = 'admin@example.com'
  AND current_setting('fsapi.env', true) = 'dev';

-- DOWN
DELETE FROM posts WHERE slug IN ('undo', 'demo-1', 'demo-2', 'demo-3');
