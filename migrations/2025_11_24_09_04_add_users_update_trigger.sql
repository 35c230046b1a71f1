-- UP
-- A trigger and its function.
-- Create function
CREATE OR REPLACE FUNCTION update_modified_timestamp()
RETURNS TRIGGER AS $$
BEGIN
    NEW.updated_at = NOW();
    RETURN NEW;
END;
$$ LANGUAGE plpgsql;

-- Create trigger
CREATE TRIGGER tr_users_update_timestamp
    BEFORE UPDATE ON users
    FOR EACH ROW
    EXECUTE FUNCTION update_modified_timestamp();

-- DOWN
DROP TRIGGER IF EXISTS tr_users_update_timestamp ON users;
DROP FUNCTION IF EXISTS update_modified_timestamp();
