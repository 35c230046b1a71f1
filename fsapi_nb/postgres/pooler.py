"""Whether a connection pooler in session mode may stand between fsapi_nb and PostgreSQL. Reads settings, connects to nothing.

In session mode a client keeps one server session until it disconnects, so that locks and settings are its own. In
transaction mode they are not. A client cannot see the mode, so the user must say it; what can be checked still is.
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
    """Return whether the option, the environment or the database of that name in `pyproject.toml` says `session`.

    Raises ConfigurationError for any other value.
    """
    environment = Variables(os.environ if environment is None else environment)
    entry = project.databases.get(database, {}) if database else {}
    for said, source in (
        (option, "--pooler"),
        (environment.get(VARIABLE), VARIABLE),
        (entry.get("pooler"), f"pooler of the database {database!r} in pyproject.toml"),
        (project.table.get("pooler"), "pooler in pyproject.toml"),
    ):
        if said is not None and said != SESSION:
            hint = "say session for a pooler in session mode; in another mode, connect to PostgreSQL itself."
            raise ConfigurationError(f"{source} can only be 'session' (got {said!r})", hint=hint)
        if said is not None:
            return True
    return False
