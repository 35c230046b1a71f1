"""Which project, which database, which settings, and what a project may have its user's machine do."""
