"""All that talks to PostgreSQL: settings, connection, embedded server, lock, history, runner. The one seam."""
