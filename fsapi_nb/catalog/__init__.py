"""What a database holds, as values: read, compared, drawn."""
