"""A diagram of tables: where its boxes go, and how it is drawn."""
