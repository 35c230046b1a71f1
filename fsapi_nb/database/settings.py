"""Which project, which database, which rules: found from options, environment, `.env` and `pyproject.toml`.

Reads files and the environment, connects to nothing. The order is that of the README: the option, the
argument, `DATABASE_URL`, fsapi's `DB_*`, the same in `.env`, `[tool.fsapi_nb]`, libpq's `PG*`, the embedded server.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from fsapi_nb.errors import ConfigurationError, UsageError
from fsapi_nb.origin import origin

EMBEDDED = "embedded"
_FSAPI = {"DB_HOST": "host", "DB_PORT": "port", "DB_USER": "user", "DB_PASS": "password", "DB_NAME": "dbname"}
_LIBPQ = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE")
#: The keys of `[tool.fsapi_nb]`, and what they say.
SETTINGS: Mapping[str, str] = {
    "database": "the database that is meant where nothing else says so: a name below, a URL, or `embedded[:NAME]`",
    "databases": "databases by name: a URL, or a table with `url` or `url_env` (a variable that holds it), `protected` and `schema` (the one to work in)",
    "lock_timeout": "how long a statement may wait for a lock (`5s`)",
    "migrations": "the folder of the migrations (`migrations`)",
    "postgres_bin": "the bin folder of another PostgreSQL for the embedded server",
    "schema": "where the history alone is, or is made (the first schema of the search_path); `--schema` sets both",
    "schemas": "what `fresh` may empty (the history's schema)",
    "table": "the history's name (`migrations`)",
}


class Secret(str):
    """A connection string whose repr shows nothing, so that no traceback or debugger prints a password."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass(frozen=True, slots=True)
class Project:
    """The project that a folder belongs to: its root, and its `[tool.fsapi_nb]` table."""

    root: Path
    table: Mapping[str, Any] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The git-ignored folder for what we keep in the project."""
        return self.root / ".fsapi_nb"

    @property
    def migrations(self) -> Path:
        """The migrations folder."""
        return self.root / str(self.table.get("migrations", "migrations"))

    @property
    def databases(self) -> dict[str, Mapping[str, Any]]:
        """The databases that the table names: a URL, or a table with `url` or `url_env`, and `protected`."""
        named = self.table.get("databases", {})
        return {name: {"url": value} if isinstance(value, str) else value for name, value in named.items()}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, and where that was found. `dsn` is None for the embedded server's `database`.

    It is None as well where a `connector` opens the connections: a function that returns a new one at each call.
    """

    dsn: Secret | None
    place: str
    name: str | None = None
    protected: bool = False
    database: str = "fsapi"
    connector: Callable[[], Any] | None = None

    @property
    def embedded(self) -> bool:
        """Whether it is a database of the embedded server."""
        return self.dsn is None and self.connector is None


def find_project(start: Path) -> Project:
    """The nearest folder, from `start` upwards, with `migrations/` or a `[tool.fsapi_nb]`; else `start` itself.

    Raises ConfigurationError where its `pyproject.toml` cannot be read or holds a setting that does not exist.
    """
    for folder in (start, *start.parents):
        table = _table(folder / "pyproject.toml")
        if table is not None or (folder / "migrations").is_dir():
            return Project(folder, table or {})
    return Project(start)


def find_address(
    project: Project,
    *,
    option: str | Callable[[], Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Address:
    """The database that is meant, by the order of precedence; connects to nothing. An option may be a connector.

    Raises ConfigurationError for a name that is not known, or a URL that is none.
    """
    if callable(option):
        return Address(None, "a function", connector=option)
    environment = os.environ if environment is None else environment
    return _address(project, option, environment)


def session_settings(settings: Mapping[str, str], timeouts: Mapping[str, str]) -> dict[str, str]:
    """The server's settings for every file: the timeouts, and the user's as `fsapi.NAME`."""
    for name in settings:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise UsageError(f"{name!r} cannot be a setting's name", hint="--set env=dev; letters, digits and _.")
    for duration in timeouts.values():
        if not re.fullmatch(r"\d+(\.\d+)?\s*(us|ms|s|min|h|d)?", duration):
            raise UsageError(f"{duration!r} is no duration", hint="write for example 10s (units: ms, s, min, h).")
    return {**timeouts, **{f"fsapi.{name}": value for name, value in settings.items()}}


def _address(project: Project, option: str | None, environment: Mapping[str, str]) -> Address:
    if option:
        return _named(project, option, environment, "--database")
    told = origin(environment).database
    if told:
        return _named(project, told, environment, "the runbook's --database")
    found = _from_environment(environment, "the environment")
    if found:
        return found
    found = _from_environment(_dotenv(project.root), ".env")
    if found:
        return found
    configured = project.table.get("database")
    if configured:
        return _named(project, str(configured), environment, "pyproject.toml")
    if any(environment.get(name) for name in _LIBPQ):
        return Address(Secret(""), "PG* in the environment")
    return Address(None, "embedded")


def _named(project: Project, wanted: str, environment: Mapping[str, str], place: str) -> Address:
    """The database of a name in `pyproject.toml`, of a URL, or the embedded one (`embedded:NAME` for another)."""
    kind, _, rest = wanted.partition(":")
    if kind == EMBEDDED and "/" not in rest:
        if rest and not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", rest):
            raise ConfigurationError(f"{rest!r} cannot be an embedded database's name", hint="use a-z, 0-9 and _.")
        return Address(None, EMBEDDED, wanted, _embedded_is_protected(project, rest or "fsapi"), rest or "fsapi")
    entry = project.databases.get(wanted)
    if entry is not None:
        url = _url_of(wanted, entry, environment)
        if url.partition(":")[0] == EMBEDDED:
            return Address(
                None, "pyproject.toml", wanted, bool(entry.get("protected")), url.partition(":")[2] or "fsapi"
            )
        return Address(_dsn(url, f"the database {wanted!r}"), "pyproject.toml", wanted, bool(entry.get("protected")))
    if "://" in wanted or "=" in wanted:
        return Address(_dsn(wanted, place), place)
    names = ", ".join([*sorted(project.databases), EMBEDDED])
    hint = f"give a URL, or one of: {names}. Names stand in [tool.fsapi_nb.databases] of pyproject.toml."
    raise ConfigurationError(f"no database is named {wanted!r}", hint=hint)


def _embedded_is_protected(project: Project, database: str) -> bool:
    urls = [str(entry.get("url", "")) for entry in project.databases.values() if entry.get("protected")]
    return any(url.partition(":")[0] == EMBEDDED and (url.partition(":")[2] or "fsapi") == database for url in urls)


def _url_of(name: str, entry: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    if "url" in entry:
        return str(entry["url"])
    variable = entry.get("url_env")
    if variable is None:
        hint = f'write [tool.fsapi_nb.databases.{name}] with url = "…" or url_env = "A_VARIABLE".'
        raise ConfigurationError(f"the database {name!r} has no url in pyproject.toml", hint=hint)
    if not environment.get(str(variable)):
        raise ConfigurationError(f"the database {name!r} is at ${variable}, which is not set", hint="set it.")
    return environment[str(variable)]


def _from_environment(environment: Mapping[str, str], place: str) -> Address | None:
    url = environment.get("DATABASE_URL")
    if url:
        return Address(_dsn(url, f"DATABASE_URL in {place}"), f"DATABASE_URL in {place}")
    given = {key: environment[name] for name, key in _FSAPI.items() if environment.get(name)}
    if "host" in given or "dbname" in given:
        return Address(Secret(make_conninfo("", **given)), f"DB_* in {place}")
    return None


def _dotenv(root: Path) -> dict[str, str]:
    file = root / ".env"
    if not file.is_file():
        return {}
    import dotenv

    return {name: value for name, value in dotenv.dotenv_values(file).items() if value}


def _dsn(text: str, place: str) -> Secret:
    """A libpq connection string of a URL, SQLAlchemy's `postgresql+driver://` included."""
    url = re.sub(r"^(postgres|postgresql)(\+\w+)?://", "postgresql://", text)
    try:
        conninfo_to_dict(url)
    except ProgrammingError:
        # The driver's message quotes the text, and with it the password.
        hint = "write it as postgresql://user@host:5432/name; special characters in a password are %-encoded."
        raise ConfigurationError(f"{place} is no connection string of PostgreSQL", hint=hint) from None
    return Secret(url)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The place that a connection has really reached, as libpq tells it; `address` is an IP where there is one."""

    host: str
    address: str
    port: int
    database: str


def may_lead_to(address: Address, reached: Endpoint, *, environment: Mapping[str, str] | None = None) -> bool:
    """Whether a connection that went there is to the database of that address, as far as an address tells.

    The embedded server is behind a socket; what a connector opens is not known before.
    """
    if address.dsn is None:
        return address.embedded and reached.host.startswith("/") and reached.database == address.database
    return _reaches(address.dsn, reached, os.environ if environment is None else environment)


def is_protected(project: Project, reached: Endpoint, *, environment: Mapping[str, str] | None = None) -> bool:
    """Whether what was connected to is a database that the project protects, however it was addressed.

    Compared where the connection went, not what was typed: environment, service files and lists of hosts can lead
    anywhere. In doubt (a socket and localhost of one port), it is.
    """
    environment = os.environ if environment is None else environment
    for name, entry in project.databases.items():
        if not entry.get("protected") or ("url" not in entry and not environment.get(str(entry.get("url_env")))):
            continue
        url = _url_of(name, entry, environment)
        if url.partition(":")[0] != EMBEDDED and _reaches(_dsn(url, name), reached, environment):
            return True
    return False


def _reaches(dsn: str, reached: Endpoint, environment: Mapping[str, str]) -> bool:
    """Whether one of a connection string's hosts is where that connection went."""
    parts = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if value is not None}
    user = parts.get("user") or environment.get("PGUSER") or ""
    database = parts.get("dbname") or environment.get("PGDATABASE") or user
    if database != reached.database:
        return False
    hosts = (parts.get("hostaddr") or parts.get("host") or environment.get("PGHOST") or "localhost").split(",")
    ports = (parts.get("port") or environment.get("PGPORT") or "5432").split(",")
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    places = _places(reached.host) | _places(reached.address)
    return any(
        int(port or 5432) == reached.port and _places(host) & places for host, port in zip(hosts, ports, strict=True)
    )


def _places(host: str) -> set[str]:
    """What a host may be called: itself, its addresses; every name of this machine and every socket is `here`."""
    if not host or host.startswith(("/", "@")):
        return {"here"}
    found = {host.lower().rstrip(".")}
    with contextlib.suppress(OSError):
        found |= {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    local = {"localhost", "127.0.0.1", "::1", socket.gethostname().lower()}
    return {"here", *found} if found & local else found


def _table(file: Path) -> Mapping[str, Any] | None:
    """The `[tool.fsapi_nb]` table of a `pyproject.toml`; None where there is none."""
    try:
        raw = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    import tomllib

    try:
        content = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"pyproject.toml cannot be read: {error}") from None
    table = content.get("tool", {}).get("fsapi_nb")
    if table is None:
        return None
    unknown = sorted(set(table) - set(SETTINGS))
    if unknown:
        hint = f"the settings are {', '.join(sorted(SETTINGS))}."
        raise ConfigurationError(f"[tool.fsapi_nb] in pyproject.toml has no setting {unknown[0]!r}", hint=hint)
    return dict(table)
