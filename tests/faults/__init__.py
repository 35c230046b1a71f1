"""Faults at every moment of a run, and that one more run always ends in the same schema and history."""
