"""The nouns: frozen values that every other room speaks of. No I/O; imports only `text`."""
