"""Find the secrets of a project's databases and of the environment. Connects to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fsapi_nb.project.environment import read_whole_dotenv
from fsapi_nb.project.password import printed_passwords
from fsapi_nb.project.root import Project
from fsapi_nb.text.secrets import find_passwords, is_secret_variable, revealed

_SHORTEST = 8  # characters of a variable's value: a shorter one is a word, or has been written for a test


def find_secrets(project: Project, environment: Mapping[str, str]) -> frozenset[str]:
    """Return the passwords of the project's databases, and the secrets of the environment and `.env`."""
    return frozenset(filter(None, _find(project, environment)))


def _find(project: Project, environment: Mapping[str, str]) -> Iterator[str]:
    written = read_whole_dotenv(project.root)
    addresses = [
        entry.get("url") or environment.get(entry.get("url_env", ""), "") for entry in project.databases.values()
    ]
    addresses += [project.table.get("database", "")]
    for values in (environment, written):
        yield from (values.get(name, "") for name in ("PGPASSWORD", "DB_PASS"))
        addresses += [value for name, value in values.items() if name == "DATABASE_URL" or "://" in value]
    for address in addresses:
        yield from find_passwords(revealed(address))
    yield from (
        revealed(value)
        for values in (environment, written)
        for name, value in values.items()
        if is_secret_variable(name) and len(value) >= _SHORTEST and "/" not in value[:1]
    )
    yield from printed_passwords()
