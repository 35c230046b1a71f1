"""SQL that leads from one catalog to another one: written by a generator and from definitions, and never trusted."""
