"""A migrations folder on disk: its files, their digests, and what they were parsed to."""
