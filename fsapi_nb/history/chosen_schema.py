"""Find the schema that a run is confined to, if one is chosen.

Its history is there, and the search_path of each file begins with it.

So one folder can serve many schemas of one database. Reads settings; connects to nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.project.environment import read_dotenv
from fsapi_nb.project.origin import SCHEMA
from fsapi_nb.project.root import Project
from fsapi_nb.text.secrets import Variables
from fsapi_nb.text.sql import LONGEST_NAME, quote_name, written_name


def find_schema(
    project: Project, database: str | None, *, option: str | None, environment: Mapping[str, str] | None = None
) -> str | None:
    """Return the schema that is chosen; None if nothing chooses one.

    Looked at, in this order, are the option, the environment, `.env` and the database's entry in `pyproject.toml`.

    Args:
        project: The project, for its `.env` and its databases.
        database: The name of the database in `pyproject.toml`, if it has one.
        option: The value of `--schema`, if it was given.
        environment: The environment variables; None for those of the process.

    Raises:
        ConfigurationError: No schema of a user can have the name.
    """
    environment = Variables(os.environ if environment is None else environment)
    if option is not None:
        return _checked(option, "--schema")
    if SCHEMA in environment:
        return _checked(environment[SCHEMA], SCHEMA)
    written = read_dotenv(project.root)
    if SCHEMA in written:
        return _checked(written[SCHEMA], f"{SCHEMA} in .env")
    entry = project.databases.get(database, {}) if database else {}
    if "schema" in entry:
        return _checked(entry["schema"], f"schema of the database {database!r} in pyproject.toml")
    return None


def search_path(schema: str) -> str:
    """Return the search_path that a file begins with in that schema: `"tenant", public`."""
    return quote_name(schema) if schema == "public" else f"{quote_name(schema)}, public"


def create_command(schema: str) -> str:
    """Return the statement that makes the schema."""
    return f"CREATE SCHEMA {written_name(schema)}"


def usage_command(schema: str, role: str) -> str:
    """Return the statement that lets a role enter the schema."""
    return f"GRANT USAGE ON SCHEMA {written_name(schema)} TO {quote_name(role)}"


def rights_command(schema: str, role: str) -> str:
    """Return the statement that lets a role enter the schema and make tables in it."""
    return f"GRANT USAGE, CREATE ON SCHEMA {written_name(schema)} TO {quote_name(role)}"


def _checked(name: object, source: str) -> str:
    """Return the name. Raises ConfigurationError if PostgreSQL would use another schema, or none."""
    if not isinstance(name, str):
        raise ConfigurationError(f"{source} is not a name: {name!r}", hint='write schema = "tenant_a".')
    if not name or "\x00" in name:
        raise ConfigurationError(f"{source} is empty", hint="name a schema, or leave it out.")
    if len(name.encode()) > LONGEST_NAME:
        raise ConfigurationError(
            f"{source} is longer than {LONGEST_NAME} bytes: {name!r}",
            hint="PostgreSQL cuts longer names; use a shorter one.",
        )
    if name.startswith("pg_") or name in {"information_schema", "$user"}:
        raise ConfigurationError(f"{source} is PostgreSQL's own: {name!r}", hint="name a schema of yours.")
    return name
