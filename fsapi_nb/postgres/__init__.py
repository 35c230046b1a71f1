"""The connection to a server: opened, checked, locked, and spoken to without waiting for each answer."""
