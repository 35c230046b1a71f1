"""A plan on its way to the server: what is sent, what came of it, and what is looked at where that is not known."""
