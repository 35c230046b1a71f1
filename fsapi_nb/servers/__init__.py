"""The embedded server of a project, and scratch databases for its tests."""
