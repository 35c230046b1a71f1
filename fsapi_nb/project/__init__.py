"""Find the project, its database and its settings, and what its files are allowed to do."""
