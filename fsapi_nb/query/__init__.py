"""SQL exactly as it is written, and what PostgreSQL answered, exactly."""
