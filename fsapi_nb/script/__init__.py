"""From text to `Migration`: pure, no I/O. The only package that knows PostgreSQL's parser."""
