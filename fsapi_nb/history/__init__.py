"""Find, read and write the history, the journal and the scripts that a database keeps."""
