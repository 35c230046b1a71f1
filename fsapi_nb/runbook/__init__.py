"""Runbooks: notebooks executed as a record. Each run leaves an executed notebook and a report."""
