"""Servers and databases of a project's own: the embedded server, and databases for a moment."""
