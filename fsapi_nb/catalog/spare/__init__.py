"""What a database may do without, or lacks: indexes that nothing uses, foreign keys without one, sequences near their end."""
