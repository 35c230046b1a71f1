-- UP
-- Splitting tables: columns move to a new table, and their data with them.
BEGIN;

-- Create new table for extracted data
CREATE TABLE user_profiles (
    id SERIAL PRIMARY KEY,
    user_id INTEGER NOT NULL UNIQUE REFERENCES users(id) ON DELETE CASCADE,
    bio TEXT,
    avatar_url VARCHAR(500),
    website VARCHAR(500),
    created_at TIMESTAMP NOT NULL DEFAULT NOW()
);

-- Migrate existing data
INSERT INTO user_profiles (user_id, bio, avatar_url, website)
SELECT id, bio, avatar_url, website FROM users;

-- Remove old columns
ALTER TABLE users DROP COLUMN bio;
ALTER TABLE users DROP COLUMN avatar_url;
ALTER TABLE users DROP COLUMN website;

COMMIT;

-- DOWN
BEGIN;

-- Add columns back to users
ALTER TABLE users ADD COLUMN bio TEXT;
ALTER TABLE users ADD COLUMN avatar_url VARCHAR(500);
ALTER TABLE users ADD COLUMN website VARCHAR(500);

-- Migrate data back
UPDATE users u
SET
    bio = up.bio,
    avatar_url = up.avatar_url,
    website = up.website
FROM user_profiles up
WHERE u.id = up.user_id;

-- Drop the profiles table
DROP TABLE IF EXISTS user_profiles CASCADE;

COMMIT;
