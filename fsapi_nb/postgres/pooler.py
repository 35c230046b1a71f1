"""Read whether a connection pooler in session mode may stand between fsapi_nb and PostgreSQL. Makes no connection.

In session mode a client keeps one server session until it disconnects, so that locks and settings are its own. In
transaction mode they are not. A client cannot see the mode, so the user must declare it. What can be checked is checked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.project.root import Project
from fsapi_nb.text.secrets import Variables

VARIABLE = "FSAPI_NB_POOLER"
SESSION = "session"


def allows_pooler(
    project: Project, database: str | None, *, option: str | None, environment: Mapping[str, str] | None = None
) -> bool:
    """Return whether the user has declared a pooler in session mode. The first of the sources below that is set counts.

    Args:
        project: The project, whose `pyproject.toml` may declare it for one database or for all.
        database: The database's name in `pyproject.toml`; None for one without an entry.
        option: The value of `--pooler`; None if it was not given.
        environment: The environment variables, by default those of the process.

    Raises:
        ConfigurationError: A value is not `session`.
    """
    environment = Variables(os.environ if environment is None else environment)
    entry = project.databases.get(database, {}) if database else {}
    for value, source in (
        (option, "--pooler"),
        (environment.get(VARIABLE), VARIABLE),
        (entry.get("pooler"), f"pooler of the database {database!r} in pyproject.toml"),
        (project.table.get("pooler"), "pooler in pyproject.toml"),
    ):
        if value is not None and value != SESSION:
            hint = "use 'session' for a pooler in session mode; in another mode, connect to PostgreSQL itself."
            raise ConfigurationError(f"{source} can only be 'session' (got {value!r})", hint=hint)
        if value is not None:
            return True
    return False
