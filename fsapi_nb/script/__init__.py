"""Read the bytes of a migration into a `Migration`; the only room that knows PostgreSQL's parser."""
