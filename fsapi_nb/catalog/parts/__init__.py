"""The parts of a catalog by the numbers that the server gives them, which stay when a name or a definition changes."""
