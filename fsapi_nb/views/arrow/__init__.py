"""Results as Arrow tables: exact types, without an object of Python for each value where the values came as bytes."""
