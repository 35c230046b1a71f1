"""The connection to a server: open it, check it, lock it, and send statements without waiting for each answer."""
