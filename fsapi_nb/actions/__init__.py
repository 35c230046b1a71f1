"""What a statement does before it has run: its locks, its work, what is lost by it. Pure: from the parse tree and PostgreSQL's rules."""
