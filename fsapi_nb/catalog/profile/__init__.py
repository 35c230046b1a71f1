"""The profile of a table's columns: from the server's statistics at once, or from one reading of the table."""
