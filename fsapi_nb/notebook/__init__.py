"""The notebook's face: magics that parse their line, call the `Migrator` and return its value."""
