"""Make a connection string of an address that a user has written. Errors quote no part of the address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from psycopg import ProgrammingError

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.project.parts import own_parts, plain_url
from fsapi_nb.text.secrets import Secret

SPELLING = "write it as postgresql://user@host:5432/name; special characters in a password are %-encoded."
_ENCODING = "write @ as %40, / as %2F, : as %3A, % as %25 in the password; or put it in ~/.pgpass, unencoded."


def plain_dsn(text: Secret, place: str) -> Secret:
    """Return a URL as a connection string of libpq, SQLAlchemy's `postgresql+driver://` included.

    Args:
        text: What the user has written.
        place: Where it was written, for errors.

    Raises:
        ConfigurationError: It is not an address, names no database, or has a password that is not encoded.
    """
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
        return ConfigurationError(f"{place} names neither a host nor a database", hint=SPELLING)
    if _is_torn(text, parts):
        return ConfigurationError(f"{place} has a password with a character that is not %-encoded", hint=_ENCODING)
    return None


def _is_torn(text: str, parts: Mapping[str, str]) -> bool:
    """Return whether a URL has an `@` or a `/` in its password.

    The rest of the password would be read as the host, the port or the name.
    """
    _, is_url, rest = text.partition("://")
    authority, _, path = rest.partition("?")[0].partition("/")
    ports = parts.get("port", "").split(",")
    return bool(is_url) and (authority.count("@") > 1 or "@" in path or not all(re.fullmatch(r"\d*", p) for p in ports))


def _bad_address(text: str, place: str, message: str) -> ConfigurationError:
    """Return the error for what is not a connection string.

    It leaves the driver's message out, which quotes the password.
    """
    unknown = re.search(r'"([A-Za-z_]+)"', message)
    head, _, query = text.partition("?")
    # What follows a "?" in a password would be taken for a parameter, so that its name could be a part of it.
    if unknown and "://" in head and "@" not in query and unknown[1] in dict(parse_qsl(query, keep_blank_values=True)):
        what = f"{place} has the parameter {unknown[1]!r}, which PostgreSQL does not know"
        is_schema = unknown[1].lower() in {"currentschema", "schema", "search_path"}
        hint = "take it out" + (", and pass --schema NAME." if is_schema else ".")
        return ConfigurationError(what, hint=hint)
    return ConfigurationError(f"{place} is not a connection string of PostgreSQL", hint=SPELLING)
