"""What the database remembers: the history, the journal and what is kept of each migration."""
