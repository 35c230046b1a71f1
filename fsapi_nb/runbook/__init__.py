"""Runbooks: notebooks that are executed in earnest, each run kept as an executed notebook and a report."""
