"""Strings and nothing else."""
