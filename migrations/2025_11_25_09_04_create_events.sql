-- UP
-- A partitioned table.
-- Create parent partitioned table
CREATE TABLE events (
    id SERIAL,
    event_type VARCHAR(50) NOT NULL,
    event_data JSONB NOT NULL,
    created_at TIMESTAMP NOT NULL DEFAULT NOW()
) PARTITION BY RANGE (created_at);

-- Create partitions
CREATE TABLE events_2025_q1 PARTITION OF events
    FOR VALUES FROM ('2025-01-01') TO ('2025-04-01');

CREATE TABLE events_2025_q2 PARTITION OF events
    FOR VALUES FROM ('2025-04-01') TO ('2025-07-01');

-- Create indexes on partitions
CREATE INDEX idx_events_2025_q1_created_at ON events_2025_q1(created_at);
CREATE INDEX idx_events_2025_q2_created_at ON events_2025_q2(created_at);

-- DOWN
DROP TABLE IF EXISTS events CASCADE;
