"""Find the database that is meant, in the order of docs/databases.md.

The order is: the option, `DATABASE_URL`, fsapi's `DB_*`, the same in `.env`, `[tool.fsapi_nb]`, libpq's `PG*`, the
embedded server. Reads files and the environment; connects to nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.project.configuration import EMBEDDED
from fsapi_nb.project.dsn import SPELLING, plain_dsn
from fsapi_nb.project.environment import (
    PARTS,
    URL,
    complete,
    find_parts,
    find_url,
    is_about_place,
    read_dotenv,
    refuse_alike,
    says_libpq,
)
from fsapi_nb.project.origin import origin
from fsapi_nb.project.parts import joined, own_parts
from fsapi_nb.project.password import PasswordCommand
from fsapi_nb.project.requests import Request, address_request, command_request, function_request
from fsapi_nb.project.root import DOTENV, PYPROJECT, Project
from fsapi_nb.project.settings import seconds
from fsapi_nb.text.secrets import Secret, Variables, revealed

_EMPTY = "leave it out, or give a URL, a name in pyproject.toml, or embedded[:NAME]."
#: Places of an address that is not the project's.
_GIVEN = ("--database", "the runbook's --database", "a function", "a round trip", "a scratch database")
_NO_NAME = re.compile(r"[@:/]")


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a database, and the `place` in which it was found.

    `dsn` is None for the embedded server's `database`, and also if a `connector` opens the connections: a function that
    returns a new one at each call. `password_command` prints the password for each connection. `unprotected` is true if
    the database's own entry says `protected = false`. `requests` are what a file of the project asks for, and what must
    be allowed first.
    """

    dsn: Secret | None
    place: str
    name: str | None = None
    protected: bool = False
    database: str = "fsapi"
    connector: Callable[[], Any] | None = None
    password_command: PasswordCommand | None = None
    unprotected: bool = False
    requests: tuple[Request, ...] = ()

    @property
    def is_project(self) -> bool:
        """Whether the settings or the environment name it: not a URL or a function that one command was given."""
        return self.name is not None or self.embedded or self.place not in _GIVEN

    @property
    def embedded(self) -> bool:
        """Whether it is a database of the embedded server."""
        return self.dsn is None and self.connector is None


def find_address(
    project: Project,
    *,
    option: str | Callable[[], Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Address:
    """Return the address of the database that is meant. Connects to nothing.

    Args:
        project: The project, for its `.env` and its `pyproject.toml`.
        option: The value of `--database`, or a function that opens connections; None if neither was given.
        environment: The environment variables; None for those of the process.

    Raises:
        ConfigurationError: A name is not known or a URL not valid; or a setting is empty, or names only a part of an
            address: the next place might name another database.
    """
    if callable(option):
        return Address(None, "a function", connector=option)
    variables = Variables(os.environ if environment is None else environment)
    return _address(project, None if option is None else Secret(option), variables)


def find_scratch(
    project: Project, *, option: str | None = None, environment: Mapping[str, str] | None = None
) -> Address | None:
    """Return the address of the server for scratch databases; None for an embedded one. Connects to nothing.

    Args:
        project: The project, for its `pyproject.toml`.
        option: The value of `--scratch`, if it was given.
        environment: The environment variables; None for those of the process.

    Raises:
        ConfigurationError: A name is not known or a URL not valid.
    """
    wanted = option if option is not None else project.table.get("scratch")
    if wanted is None:
        return None
    variables = Variables(os.environ if environment is None else environment)
    place = PYPROJECT if option is None else "--scratch"
    found = named_address(project, Secret(revealed(wanted).strip()), variables, place)
    return None if found.embedded and not found.protected else found


def _address(project: Project, option: Secret | None, environment: Mapping[str, str]) -> Address:
    named = origin(environment).database if option is None else None
    runbooks = None if named is None else Secret(named)
    for wanted, place in ((option, "--database"), (runbooks, "the runbook's --database")):
        if wanted is not None:
            if not wanted.strip():
                raise ConfigurationError(f"{place} is empty", hint=_EMPTY)
            return named_address(project, Secret(wanted.strip()), environment, place)
    found = _from_both(project, environment) or address_in_environment(environment, "the environment")
    if found:
        return found
    found = address_in_environment(read_dotenv(project.root), DOTENV)
    if found:
        return replace(found, requests=dotenv_requests(found))
    if "database" in project.table:
        return named_address(project, Secret(project.table["database"].strip()), environment, PYPROJECT)
    if says_libpq(environment):
        return Address(Secret(""), "PG* in the environment")
    refuse_alike(environment, project.root)
    return Address(None, EMBEDDED, protected=_embedded_is_protected(project, "fsapi", environment))


def _from_both(project: Project, environment: Mapping[str, str]) -> Address | None:
    """Return the database of `.env` with parts from the environment; None if one of the two has all."""
    if is_about_place(environment):
        return None
    written = read_dotenv(project.root)
    if not any(name in written for name in (URL, *PARTS)):
        return None
    found = address_in_environment(complete(environment, written), f"the environment and {DOTENV}")
    return replace(found, requests=dotenv_requests(found)) if found else None


def address_in_environment(environment: Mapping[str, str], place: str) -> Address | None:
    """Return the database that these variables name; None if they name none. Raises ConfigurationError."""
    url = find_url(environment, place)
    if url is not None:
        return Address(plain_dsn(url, f"DATABASE_URL in {place}"), f"DATABASE_URL in {place}")
    parts = find_parts(environment, place)
    return Address(joined(parts), f"DB_* in {place}") if parts else None


def named_address(project: Project, wanted: Secret, environment: Mapping[str, str], place: str) -> Address:
    """Return the address of a database by its name in `pyproject.toml`, its URL, or `embedded[:NAME]`.

    Args:
        project: The project, for its `pyproject.toml`.
        wanted: The name or URL, without blanks around it.
        environment: The variables that an entry may name for its URL.
        place: Where it was written, for errors.

    Raises:
        ConfigurationError: There is no database of that name, or the URL is not valid.
    """
    embedded = _embedded_database(wanted)
    if embedded is not None:
        return Address(
            None, EMBEDDED, wanted.reveal(), _embedded_is_protected(project, embedded, environment), embedded
        )
    entry = project.databases.get(wanted)
    if entry is not None:
        return _of_entry(project, wanted.reveal(), entry, environment)
    if "://" in wanted or "=" in wanted:
        dsn = plain_dsn(wanted, place)
        return Address(dsn, place, requests=address_request(dsn, place, "database") if place == PYPROJECT else ())
    names = ", ".join([*sorted(project.databases), EMBEDDED])
    hint = f"give a URL, or one of: {names}. Names are in [tool.fsapi_nb.databases] of pyproject.toml."
    if _NO_NAME.search(wanted):  # `user:password@host/name`: it is quoted nowhere
        raise ConfigurationError(f"{place} is neither a database's name nor a URL", hint=SPELLING)
    raise ConfigurationError(f"no database is named {wanted.reveal()!r}", hint=hint)


def _of_entry(project: Project, name: str, entry: Mapping[str, Any], environment: Mapping[str, str]) -> Address:
    """Return the address of a database that `pyproject.toml` names."""
    place, protected, requests = PYPROJECT, bool(entry.get("protected")), entry_requests(project, name, entry)
    unprotected = entry.get("protected") is False
    if "connect" in entry:
        from fsapi_nb.project.connector import NamedConnector

        connector = NamedConnector(entry["connect"], name, project.root)
        return Address(None, place, name, protected, connector=connector, unprotected=unprotected, requests=requests)
    url = _url_of(name, entry, environment)
    embedded = _embedded_database(url)
    if embedded is not None:
        return Address(None, place, name, protected or _embedded_is_protected(project, embedded, environment), embedded)
    dsn = plain_dsn(url, f"the database {name!r}")
    command = _password_command(project, name, entry, dsn)
    return Address(dsn, place, name, protected, password_command=command, unprotected=unprotected, requests=requests)


def _url_of(name: str, entry: Mapping[str, Any], environment: Mapping[str, str]) -> Secret:
    if "url" in entry:
        return Secret(entry["url"])
    variable = str(entry["url_env"])
    if variable not in environment:
        raise ConfigurationError(f"the database {name!r} is at ${variable}, which is not set", hint="set it.")
    if not environment[variable].strip():
        raise ConfigurationError(f"the database {name!r} is at ${variable}, which is empty", hint="give it a URL.")
    return Secret(environment[variable].strip())


def _password_command(project: Project, name: str, entry: Mapping[str, Any], dsn: str) -> PasswordCommand | None:
    if "password_command" not in entry:
        return None
    if "password" in own_parts(dsn):
        hint = "take the password out of the URL, or password_command out of pyproject.toml."
        raise ConfigurationError(f"the database {name!r} has a password and a password_command", hint=hint)
    lifetime = seconds(entry.get("password_for", "10min"))
    return PasswordCommand(tuple(map(revealed, entry["password_command"])), project.root, lifetime)


def entry_requests(project: Project, name: str, entry: Mapping[str, Any]) -> tuple[Request, ...]:
    """Return what a database of `pyproject.toml` asks for.

    The URL beside a `connect` asks for nothing: it only says where the function leads.
    """
    if "connect" in entry:
        return (function_request(entry["connect"], project.root, PYPROJECT, name),)
    found: tuple[Request, ...] = ()
    if "url" in entry and _embedded_database(entry["url"]) is None:
        found = address_request(plain_dsn(entry["url"], f"the database {name!r}"), PYPROJECT, f"url of {name!r}")
    if "password_command" in entry:
        found = (*found, command_request([*map(revealed, entry["password_command"])], project.root, PYPROJECT, name))
    return found


def dotenv_requests(address: Address) -> tuple[Request, ...]:
    """Return what an address asks for that `.env` gives, or a part of it."""
    return address_request(address.dsn or Secret(""), DOTENV, address.place.partition(" ")[0])


def _embedded_database(wanted: str) -> str | None:
    """Return the database of `embedded[:NAME]`; None for another text.

    Raises ConfigurationError for a bad name.
    """
    kind, colon, name = wanted.partition(":")
    if kind != EMBEDDED or "/" in name:
        return None
    if colon and not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise ConfigurationError(f"{name!r} cannot be an embedded database's name", hint="use a-z, 0-9 and _.")
    return name or "fsapi"


def _embedded_is_protected(project: Project, database: str, environment: Mapping[str, str]) -> bool:
    """Return whether any entry protects that database of the embedded server."""
    protected = [entry for entry in project.databases.values() if entry.get("protected")]
    urls = [Secret(entry.get("url") or environment.get(entry.get("url_env", ""), "").strip()) for entry in protected]
    return any(url.partition(":")[0] == EMBEDDED and (url.partition(":")[2] or "fsapi") == database for url in urls)
