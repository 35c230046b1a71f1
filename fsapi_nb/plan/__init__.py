"""Migrations and history to a `Plan`: pure decisions over values, no I/O. What is decided here is shown and run."""
