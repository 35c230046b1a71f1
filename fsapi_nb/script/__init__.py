"""Read the bytes of a migration into a `Migration`. The only room that knows PostgreSQL's parser; it knows no database."""
