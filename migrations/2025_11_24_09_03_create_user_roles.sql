-- UP
-- Composite keys and constraints.
CREATE TABLE user_roles (
    user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    role_id INTEGER NOT NULL REFERENCES roles(id) ON DELETE CASCADE,
    granted_at TIMESTAMP NOT NULL DEFAULT NOW(),
    granted_by INTEGER REFERENCES users(id),
    PRIMARY KEY (user_id, role_id)
);

CREATE INDEX idx_user_roles_user_id ON user_roles(user_id);
CREATE INDEX idx_user_roles_role_id ON user_roles(role_id);

-- Add check constraint
ALTER TABLE user_roles ADD CONSTRAINT chk_no_self_grant
    CHECK (user_id != granted_by);

-- DOWN
DROP TABLE IF EXISTS user_roles CASCADE;
