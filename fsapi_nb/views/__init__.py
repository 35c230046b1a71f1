"""Values to text, HTML, JSON and DataFrames. No I/O, no psycopg; everything that came from outside is escaped."""
