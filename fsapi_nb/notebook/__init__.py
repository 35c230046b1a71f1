"""What IPython sees: the magics and how they are registered. They parse, call the `Migrator`, return its value."""
