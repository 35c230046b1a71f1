"""Find out where a connection string leads, with what libpq adds: service file, variables, defaults.

Reads the environment and service files as libpq does; connects to nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb.project.regular_file import SETTINGS_MOST, read_regular
from fsapi_nb.text.secrets import SECRET_PARAMETERS, Secret, Variables, revealed

_VARIABLES = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "service": "PGSERVICE",
    "servicefile": "PGSERVICEFILE",
}
# libpq has one of these compiled in.
_SYSTEM_FOLDERS = ("/etc/postgresql-common", "/etc")


@dataclass(frozen=True, slots=True)
class Parts:
    """The place that a connection string leads to: hosts and ports in pairs, database and user.

    `hosts` are addresses if `hostaddr` gives any; `names` are those that certificates and tokens are issued for.
    `known` is False if the string names a service that no file here has, so that it may lead anywhere.
    """

    hosts: tuple[str, ...]
    names: tuple[str, ...]
    ports: tuple[str, ...]
    database: str
    user: str
    known: bool = True


@lru_cache(maxsize=4096)
def own_parts(address: str) -> Mapping[str, str]:
    """Return what a connection string of either form says itself.

    SQLAlchemy's `postgresql+driver://` is taken, too.

    Raises psycopg.ProgrammingError if it is not one.
    """
    found = conninfo_to_dict(plain_url(address))
    return {
        name: Secret(str(value)) if name in SECRET_PARAMETERS else str(value)
        for name, value in found.items()
        if value not in (None, "")
    }


def joined(parts: Mapping[str, str]) -> Secret:
    """Return a connection string of those parts."""
    plain = {name: revealed(value) for name, value in parts.items()}
    return Secret(make_conninfo("", **plain))


def plain_url(text: str) -> Secret:
    """Return a URL as libpq reads it, without the driver that SQLAlchemy's form names."""
    return Secret(re.sub(r"^(postgres|postgresql)(\+\w+)?://", "postgresql://", text))


def connection_parts(address: str, environment: Mapping[str, str]) -> Parts:
    """Return where a connection string leads from here. A text that is not one may lead anywhere."""
    try:
        found = dict(own_parts(address))
    except ProgrammingError:
        return Parts((), (), (), "", "", known=False)
    # The file of a string's own `servicefile` (PostgreSQL 18) comes before that of the variable.
    for name in ("service", "servicefile"):
        found.setdefault(name, environment.get(_VARIABLES[name], ""))
    known = True
    if found["service"]:
        entry = _service(found["service"], found["servicefile"], environment)
        known = entry is not None
        found = {**(entry or {}), **{name: value for name, value in found.items() if value}}
    for name in ("host", "hostaddr", "port", "dbname", "user"):
        found[name] = found.get(name) or environment.get(_VARIABLES[name], "")
    # libpq's own defaults: a socket, 5432, the system's user, and a database called as the user is.
    user = found["user"] or _system_user()
    database = found["dbname"] or (user if known else "")
    hosts = tuple((found["hostaddr"] or found["host"]).split(","))
    names = tuple((found["host"] or found["hostaddr"]).split(","))
    return Parts(hosts, names, tuple((found["port"] or "5432").split(",")), database, user, known)


def leads_to_one_server(address: str) -> bool:
    """Return whether each connection by that string goes to one host, by the string or the environment."""
    parts = connection_parts(address, Variables(os.environ))
    return parts.known and len(parts.hosts) == 1


def _service(name: str, file: str, environment: Mapping[str, str]) -> dict[str, str] | None:
    """Return what the first service file that has this service says of it; None if none has it."""
    home = environment.get("HOME", "")
    system = (environment.get("PGSYSCONFDIR", ""), *_SYSTEM_FOLDERS)
    files = [Path(file) if file else Path(home, ".pg_service.conf")]
    files += [Path(folder, "pg_service.conf") for folder in system if folder]
    return next((entry for each in files if (entry := _read_service(each, name)) is not None), None)


def _read_service(file: Path, name: str) -> dict[str, str] | None:
    """Return the entry of one file.

    One that refers to an LDAP server counts as absent: it is not known here.
    """
    try:
        lines = read_regular(file, most=SETTINGS_MOST).decode(errors="replace").splitlines()
    except OSError:
        return None
    entry: dict[str, str] | None = None
    for line in map(str.strip, lines):
        if line.startswith("["):
            if entry is not None:
                break
            entry = {} if line == f"[{name}]" else None
        elif entry is not None and line.startswith("ldap"):
            return None
        elif entry is not None and line and not line.startswith("#"):
            key, _, value = line.partition("=")
            if key.strip() not in SECRET_PARAMETERS:
                entry.setdefault(key.strip(), value.strip())
    return entry


def _system_user() -> str:
    try:
        import pwd

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return ""
