"""Two readings of one catalog -> the SQL that leads back to the first one. Pure."""
