"""Which project, which database, which rules: found from options, environment, `.env` and `pyproject.toml`.

Reads files and the environment, connects to nothing. The order is that of docs/databases.md: the option, the
argument, `DATABASE_URL`, fsapi's `DB_*`, the same in `.env`, `[tool.fsapi_nb]`, libpq's `PG*`, the embedded server.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from psycopg import ProgrammingError

from fsapi_nb.errors import ConfigurationError, UsageError
from fsapi_nb.project.configuration import DURATION, EMBEDDED, read_table
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
from fsapi_nb.project.foreign_files import find_files, find_folder, find_link
from fsapi_nb.project.origin import origin
from fsapi_nb.project.ownership import why_foreign
from fsapi_nb.project.parts import joined, own_parts, plain_url
from fsapi_nb.project.password import PasswordCommand
from fsapi_nb.project.requests import (
    Request,
    address_request,
    binaries_request,
    command_request,
    file_request,
    function_request,
)
from fsapi_nb.text.secrets import Secret, Variables, is_secret_variable, revealed

_OWN = "fsapi."  # before the names of the user's settings
_EMPTY = "leave it out, or give a URL, a name in pyproject.toml, or embedded[:NAME]."
_NO_NAME = re.compile(r"[@:/]")
_PYPROJECT, _DOTENV = "pyproject.toml", ".env"
_ENCODING = "write @ as %40, / as %2F, : as %3A, % as %25 in the password; or put it in ~/.pgpass, unencoded."
_SPELLING = "write it as postgresql://user@host:5432/name; special characters in a password are %-encoded."


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
        return self.root / expanded(self.table.get("migrations", "migrations"), "migrations of [tool.fsapi_nb]")

    @property
    def databases(self) -> dict[str, Mapping[str, Any]]:
        """The databases that the table names, each as a table of its settings."""
        named = self.table.get("databases", {})
        return {name: {"url": value} if isinstance(value, str) else value for name, value in named.items()}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is, and where that was found. `dsn` is None for the embedded server's `database`.

    It is None as well where a `connector` opens the connections: a function that returns a new one at each call.
    `password_command` prints the password for each connection. `unprotected` is true if the database's own entry says
    `protected = false`. `requests` are what must be allowed first, as a file of the project asks for it.
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
    def embedded(self) -> bool:
        """Whether it is a database of the embedded server."""
        return self.dsn is None and self.connector is None


def find_project(start: Path) -> Project:
    """The nearest folder, from `start` upwards, with `migrations/` or a `[tool.fsapi_nb]`; else `start` itself.

    Raises ConfigurationError where its `pyproject.toml` cannot be read or holds a setting that does not exist.
    """
    for folder in (start, *start.parents):
        table = read_table(folder / _PYPROJECT)
        if table is not None or (folder / "migrations").is_dir():
            return Project(folder, table or {})
    return Project(start)


def expanded(folder: str | os.PathLike[str], setting: str) -> Path:
    """Return the path of a folder that a setting names. Raises ConfigurationError if it begins with `~` and nobody's name."""
    try:
        return Path(folder).expanduser()
    except RuntimeError:
        user = Path(folder).parts[0]
        hint = "give the whole path."
        raise ConfigurationError(f"{setting} begins with {user}, whose folder is not known", hint=hint) from None


def find_address(
    project: Project,
    *,
    option: str | Callable[[], Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Address:
    """The database that is meant, by the order of precedence; connects to nothing. An option may be a connector.

    Raises ConfigurationError for a name that is not known, a URL that is none, and a setting that is empty or names
    only a part of an address: the next place might name another database.
    """
    if callable(option):
        return Address(None, "a function", connector=option)
    variables = Variables(os.environ if environment is None else environment)
    return _address(project, None if option is None else Secret(option), variables)


def session_settings(settings: Mapping[str, str], timeouts: Mapping[str, str]) -> dict[str, str]:
    """The server's settings for every file: the timeouts, and the user's as `fsapi.NAME`."""
    for name, value in settings.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise UsageError(f"{name!r} cannot be a setting's name", hint="--set env=dev; letters, digits and _.")
        if re.search(r"[\0\ud800-\udfff]", revealed(value)):  # libpq ends a value at a zero byte
            raise UsageError(f"the value of the setting {name!r} has a character that PostgreSQL does not know")
    for duration in timeouts.values():
        if not DURATION.fullmatch(duration):
            raise UsageError(f"{duration!r} is no duration", hint="write for example 10s (units: ms, s, min, h).")
    return {**timeouts, **{f"{_OWN}{name}": Secret(value) for name, value in settings.items()}}


def finite_wait(seconds: float) -> float:
    """Return the seconds that somebody is willing to wait. Raises UsageError if they have no end, or are negative."""
    if not 0 <= seconds < math.inf:  # `nan` is neither
        raise UsageError(f"nobody can wait {seconds} seconds", hint="write for example --max-wait 60.")
    return seconds


def secret_settings(settings: Mapping[str, str]) -> list[str]:
    """Return the values of the user's settings that are secrets by their names; a server's message may quote them."""
    return [revealed(value) for name, value in settings.items() if name.startswith(_OWN) and is_secret_variable(name)]


def _address(project: Project, option: Secret | None, environment: Mapping[str, str]) -> Address:
    told = origin(environment).database if option is None else None
    runbooks = None if told is None else Secret(told)
    for wanted, place in ((option, "--database"), (runbooks, "the runbook's --database")):
        if wanted is not None:
            if not wanted.strip():
                raise ConfigurationError(f"{place} is empty", hint=_EMPTY)
            return _named(project, Secret(wanted.strip()), environment, place)
    found = _from_both(project, environment) or _from_environment(environment, "the environment")
    if found:
        return found
    found = _from_environment(read_dotenv(project.root), _DOTENV)
    if found:
        return replace(found, requests=_dotenv_requests(found))
    if "database" in project.table:
        return _named(project, Secret(project.table["database"].strip()), environment, _PYPROJECT)
    if says_libpq(environment):
        return Address(Secret(""), "PG* in the environment")
    refuse_alike(environment, project.root)
    return Address(None, EMBEDDED, protected=_embedded_is_protected(project, "fsapi", environment))


def _named(project: Project, wanted: Secret, environment: Mapping[str, str], place: str) -> Address:
    """The database of a name in `pyproject.toml`, of a URL, or the embedded one (`embedded:NAME` for another)."""
    embedded = _embedded_database(wanted)
    if embedded is not None:
        return Address(
            None, EMBEDDED, wanted.reveal(), _embedded_is_protected(project, embedded, environment), embedded
        )
    entry = project.databases.get(wanted)
    if entry is not None:
        return _of_entry(project, wanted.reveal(), entry, environment)
    if "://" in wanted or "=" in wanted:
        dsn = _dsn(wanted, place)
        return Address(dsn, place, requests=address_request(dsn, place, "database") if place == _PYPROJECT else ())
    names = ", ".join([*sorted(project.databases), EMBEDDED])
    hint = f"give a URL, or one of: {names}. Names stand in [tool.fsapi_nb.databases] of pyproject.toml."
    if _NO_NAME.search(wanted):  # `user:password@host/name`: it is quoted nowhere
        raise ConfigurationError(f"{place} is neither a database's name nor a URL", hint=_SPELLING)
    raise ConfigurationError(f"no database is named {wanted.reveal()!r}", hint=hint)


def _of_entry(project: Project, name: str, entry: Mapping[str, Any], environment: Mapping[str, str]) -> Address:
    """The address of a database that `pyproject.toml` names."""
    place, protected, requests = _PYPROJECT, bool(entry.get("protected")), _entry_requests(project, name, entry)
    unprotected = entry.get("protected") is False
    if "connect" in entry:
        from fsapi_nb.project.connector import NamedConnector

        connector = NamedConnector(entry["connect"], name, project.root)
        return Address(None, place, name, protected, connector=connector, unprotected=unprotected, requests=requests)
    url = _url_of(name, entry, environment)
    embedded = _embedded_database(url)
    if embedded is not None:
        return Address(None, place, name, protected or _embedded_is_protected(project, embedded, environment), embedded)
    dsn = _dsn(url, f"the database {name!r}")
    command = _password_command(project, name, entry, dsn)
    return Address(dsn, place, name, protected, password_command=command, unprotected=unprotected, requests=requests)


def find_binaries(project: Project, *, option: str | os.PathLike[str] | None = None) -> Path | None:
    """The bin folder for the embedded server that the option or the project names; None for the installed wheel's."""
    if option:
        return project.root / expanded(option, "--postgres-bin")
    named = project.table.get("postgres_bin")
    return project.root / expanded(named, "postgres_bin of [tool.fsapi_nb]") if named else None


def find_requests(project: Project, address: Address, *, start: Path | None, binaries: bool) -> tuple[Request, ...]:
    """What a command on that database asks for that its user must have allowed.

    `start` is where the user is, None if they have named the migrations folder; `binaries` if the embedded server's are
    those that the project names.
    """
    return (
        *_file_requests(project, found=start is not None and _are_found(project, start)),
        *address.requests,
        *(_binaries_requests(project) if binaries and address.embedded else ()),
    )


def find_place_request(project: Project, *, start: Path | None) -> tuple[Request, ...]:
    """What the migrations folder asks for before it is listed or written to, if it is not in its project.

    `start` is None if the user has named the folder, which then is their word.
    """
    return () if start is None else find_folder(project.migrations, project.root, _PYPROJECT)


def find_reading_requests(project: Project, folder: Path, *, start: Path | None) -> tuple[Request, ...]:
    """The same, and what its files ask for before one is opened."""
    owners = start is not None and _are_found(project, start)
    return (*find_place_request(project, start=start), *find_files(folder, project.root, owners=owners))


def _are_found(project: Project, start: Path) -> bool:
    """Whether a project's migrations are some that a user in `start` has come upon, and has not gone to.

    They stand above, or in a folder of this user's or root's, where somebody else may have put them.
    """
    return project.root != start or start.stat().st_uid in (0, os.geteuid())


def find_all_requests(project: Project, named: Sequence[Path]) -> tuple[Request, ...]:
    """All that the project's files ask for, whichever command is given. Raises ConfigurationError.

    `named` are folders and files of it that a user may name, other than those that it has by itself.
    """
    found = [*_file_requests(project, found=True), *_binaries_requests(project)]
    found += find_reading_requests(project, project.migrations, start=project.root)
    for path in named:
        found += find_link(path, project.root)
        if path != project.root or not project.migrations.is_dir():
            found += find_files(path, project.root, owners=False)
    written = _from_environment(read_dotenv(project.root), _DOTENV)
    found += _dotenv_requests(written) if written else ()
    default = Secret(project.table.get("database", "").strip())
    if default and default not in project.databases:
        found += _named(project, default, {}, _PYPROJECT).requests
    for name, entry in project.databases.items():
        with suppress(ConfigurationError):  # its URL is none, so that nothing can follow from it
            found += _entry_requests(project, name, entry)
    return tuple({request.digest: request for request in found}.values())


def _file_requests(project: Project, *, found: bool) -> tuple[Request, ...]:
    """What the project's files ask for if others than this user and root may have written them."""
    asked: tuple[Request, ...] = ()
    if project.table:
        settings = project.root / _PYPROJECT
        asked += (*find_link(settings, project.root), *file_request(settings, project.table))
    dotenv = project.root / _DOTENV
    link = find_link(dotenv, project.root)
    if dotenv.exists() and (link or why_foreign(dotenv)) and (written := read_dotenv(project.root)):
        asked += (*link, *file_request(dotenv, written))
    if found and project.migrations.is_dir():
        asked += file_request(project.migrations, {})
    return asked


def _dotenv_requests(address: Address) -> tuple[Request, ...]:
    return address_request(address.dsn or Secret(""), _DOTENV, address.place.partition(" ")[0])


def _entry_requests(project: Project, name: str, entry: Mapping[str, Any]) -> tuple[Request, ...]:
    """What a database that `pyproject.toml` names asks for. The URL beside a `connect` only says where that leads."""
    if "connect" in entry:
        return (function_request(entry["connect"], project.root, _PYPROJECT, name),)
    found: tuple[Request, ...] = ()
    if "url" in entry and _embedded_database(entry["url"]) is None:
        found = address_request(_dsn(entry["url"], f"the database {name!r}"), _PYPROJECT, f"url of {name!r}")
    if "password_command" in entry:
        found = (*found, command_request([*map(revealed, entry["password_command"])], project.root, _PYPROJECT, name))
    return found


def _binaries_requests(project: Project) -> tuple[Request, ...]:
    folder = find_binaries(project)
    return binaries_request(folder, project.root, _PYPROJECT) if folder else ()


def _embedded_database(wanted: str) -> str | None:
    """The database of `embedded[:NAME]`; None if it is something else. Raises ConfigurationError for a bad name."""
    kind, colon, name = wanted.partition(":")
    if kind != EMBEDDED or "/" in name:
        return None
    if colon and not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise ConfigurationError(f"{name!r} cannot be an embedded database's name", hint="use a-z, 0-9 and _.")
    return name or "fsapi"


def _embedded_is_protected(project: Project, database: str, environment: Mapping[str, str]) -> bool:
    """Whether a database of the embedded server is one that an entry protects, by whatever it is reached now."""
    protected = [entry for entry in project.databases.values() if entry.get("protected")]
    urls = [Secret(entry.get("url") or environment.get(entry.get("url_env", ""), "").strip()) for entry in protected]
    return any(url.partition(":")[0] == EMBEDDED and (url.partition(":")[2] or "fsapi") == database for url in urls)


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


def seconds(duration: str) -> float:
    """Return how many seconds a duration is, as PostgreSQL writes them: without a unit, milliseconds."""
    number, unit = re.fullmatch(r"([\d.]+)\s*([a-z]*)", duration).groups()  # type: ignore[union-attr]  # checked before
    return float(number) * {"us": 1e-6, "": 1e-3, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400}[unit]


def _from_both(project: Project, environment: Mapping[str, str]) -> Address | None:
    """The database that `.env` names and the environment changes in part; None if one of the two says all."""
    if is_about_place(environment):
        return None
    written = read_dotenv(project.root)
    if not any(name in written for name in (URL, *PARTS)):
        return None
    found = _from_environment(complete(environment, written), f"the environment and {_DOTENV}")
    return replace(found, requests=_dotenv_requests(found)) if found else None


def _from_environment(environment: Mapping[str, str], place: str) -> Address | None:
    url = find_url(environment, place)
    if url is not None:
        return Address(_dsn(url, f"DATABASE_URL in {place}"), f"DATABASE_URL in {place}")
    parts = find_parts(environment, place)
    return Address(joined(parts), f"DB_* in {place}") if parts else None


def _dsn(text: Secret, place: str) -> Secret:
    """A libpq connection string of a URL, SQLAlchemy's `postgresql+driver://` included."""
    fault = _fault(text, place)  # the frame of an error that is raised here holds no part of the address
    if fault:
        raise fault
    return plain_url(text)


def _fault(text: Secret, place: str) -> ConfigurationError | None:
    try:
        parts = own_parts(text)
    except ProgrammingError as error:
        return _bad_address(text, place, str(error))
    if not {"host", "hostaddr", "dbname", "service", "user"} & set(parts):
        return ConfigurationError(f"{place} names neither a host nor a database", hint=_SPELLING)
    if _is_torn(text, parts):
        return ConfigurationError(f"{place} has a password with a character that is not %-encoded", hint=_ENCODING)
    return None


def _is_torn(text: str, parts: Mapping[str, str]) -> bool:
    """Whether a URL has an `@` or a `/` in its password, so that the rest of it would be the host, the port or the name."""
    _, is_url, rest = text.partition("://")
    authority, _, path = rest.partition("?")[0].partition("/")
    ports = parts.get("port", "").split(",")
    return bool(is_url) and (authority.count("@") > 1 or "@" in path or not all(re.fullmatch(r"\d*", p) for p in ports))


def _bad_address(text: str, place: str, message: str) -> ConfigurationError:
    """The error for what is no connection string. The driver's message quotes the text, and with it the password."""
    unknown = re.search(r'"([A-Za-z_]+)"', message)
    head, _, query = text.partition("?")
    # What follows a "?" in a password would be taken for a parameter, so that its name could be a part of it.
    if unknown and "://" in head and "@" not in query and unknown[1] in dict(parse_qsl(query, keep_blank_values=True)):
        what = f"{place} has the parameter {unknown[1]!r}, which PostgreSQL does not know"
        is_schema = unknown[1].lower() in {"currentschema", "schema", "search_path"}
        hint = "take it out" + (", and say --schema NAME." if is_schema else ".")
        return ConfigurationError(what, hint=hint)
    return ConfigurationError(f"{place} is no connection string of PostgreSQL", hint=_SPELLING)
