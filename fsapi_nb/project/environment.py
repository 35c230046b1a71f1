"""Read the database that the environment or `.env` names.

A variable that is set but empty, or a part of an address, is an error and never a reason to look further: the next
place may name another database. Connects to nothing.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.project.origin import SCHEMA
from fsapi_nb.project.regular_file import SETTINGS_MOST, read_regular
from fsapi_nb.text.secrets import SECRET_PARAMETERS, Secret, SecretBytes, Variables

URL = "DATABASE_URL"
#: fsapi's variables, by the parameter of libpq that each is.
PARTS = {"DB_HOST": "host", "DB_PORT": "port", "DB_USER": "user", "DB_PASS": "password", "DB_NAME": "dbname"}
_OWN = (URL, *PARTS, SCHEMA)
#: libpq's own variables that say where a database is, and those that only say how to log in there.
_LIBPQ_PLACES = ("PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE")
_LIBPQ_LOGIN = ("PGPORT", "PGUSER", "PGPASSWORD")
#: The names that other programs have for the same, and the names here.
_ALIKE = {
    **dict.fromkeys(("DATABASE_DSN", "DATABASE_URI", "DB_DSN", "DB_URI", "DB_URL"), URL),
    **dict.fromkeys(("DB_HOSTNAME", "DB_SERVER"), "DB_HOST"),
    **dict.fromkeys(("DB_DATABASE", "DB_DBNAME"), "DB_NAME"),
    "DB_USERNAME": "DB_USER",
    **dict.fromkeys(("DB_PASSWD", "DB_PASSWORD", "DB_PWD"), "DB_PASS"),
    **dict.fromkeys(("PGDB", "PGDBNAME"), "PGDATABASE"),
    "PGHOSTNAME": "PGHOST",
}
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_EMBEDDED = "the embedded server is --database embedded."


def find_url(environment: Mapping[str, str], place: str) -> Secret | None:
    """Return the value of `DATABASE_URL`; None if it is not set. Raises ConfigurationError if it is empty."""
    if URL not in environment:
        return None
    _refuse_empty(environment, (URL,), place)
    return Secret(environment[URL].strip())


def find_parts(environment: Mapping[str, str], place: str) -> dict[str, str] | None:
    """Return what fsapi's `DB_*` say, by libpq's names; None if none of them is set.

    Raises ConfigurationError if one is empty, or if they name no database.
    """
    given = [name for name in PARTS if name in environment]
    if not given:
        return None
    _refuse_empty(environment, given, place)
    if "DB_NAME" not in given:
        hint = f"set DB_NAME (and DB_HOST), or DATABASE_URL, or {_taken_out(_listed(given), place)}; {_EMBEDDED}"
        raise ConfigurationError(
            f"{_listed(given)} in {place} {_do(given)} not say which database: DB_NAME is not set", hint=hint
        )
    parts = {PARTS[name]: Secret(environment[name].rstrip("\r\n")) for name in given}
    return {name: value if name in SECRET_PARAMETERS else value.reveal() for name, value in parts.items()}


def is_about_place(environment: Mapping[str, str]) -> bool:
    """Return whether the environment says where the database is, or nothing of fsapi's variables at all."""
    return URL in environment or "DB_HOST" in environment or not any(name in environment for name in PARTS)


def complete(environment: Mapping[str, str], written: Mapping[str, str]) -> Mapping[str, str]:
    """Return fsapi's `DB_*` of `.env`, with those of the environment in their place, as fsapi reads them.

    Without `DB_HOST` in the environment, the rest alone would lead to another server than the one that `.env` names.

    Args:
        environment: The variables of the environment.
        written: The variables of `.env`.

    Raises:
        ConfigurationError: `.env` has `DATABASE_URL`, which is a whole address of its own, or a value is empty.
    """
    given = [name for name in PARTS if name in environment]
    if URL in written:
        hint = f"set DB_HOST, too, or unset {_listed(given)}; or take DATABASE_URL out of .env."
        raise ConfigurationError(
            f"{_listed(given)} in the environment {_do(given)} not say where the database is, and .env has DATABASE_URL",
            hint=hint,
        )
    _refuse_empty(environment, given, "the environment")
    _refuse_empty(written, [name for name in PARTS if name in written and name not in given], ".env")
    return Variables({name: source[name] for source in (written, environment) for name in PARTS if name in source})


def says_libpq(environment: Mapping[str, str]) -> bool:
    """Return whether libpq's `PG*` variables say where the database is.

    Raises ConfigurationError if one of them is empty, or if they only say how to log in.
    """
    given = [name for name in (*_LIBPQ_PLACES, *_LIBPQ_LOGIN) if name in environment]
    if not given:
        return False
    _refuse_empty(environment, given, "the environment")
    if not set(given) & set(_LIBPQ_PLACES):
        hint = f"set PGHOST and PGDATABASE, or DATABASE_URL, or unset {_listed(given)}; {_EMBEDDED}"
        raise ConfigurationError(
            f"{_listed(given)} in the environment {_do(given)} not say which database: PGHOST and PGDATABASE are not set",
            hint=hint,
        )
    return True


def refuse_alike(environment: Mapping[str, str], root: Path) -> None:
    """Raise ConfigurationError if variables that nothing reads name a database.

    Those of the environment and of `.env` are looked at.

    It is called if nothing else names a database: the embedded server is not what was meant then.
    """
    for place, names in (("the environment", environment), (".env", read_whole_dotenv(root))):
        found = {name: right for name in names if (right := _meant(name))}
        if found:
            right = _listed(dict.fromkeys(found.values()))
            raise ConfigurationError(
                f"nothing reads {_listed(found)} in {place}, and nothing else names a database",
                hint=f"call {'it' if len(found) == 1 else 'them'} {right}, or pass --database; {_EMBEDDED}",
            )


def _meant(name: str) -> str | None:
    """Return the variable that is meant by a name which nothing reads; None for every other name."""
    upper = name.upper()
    is_written_otherwise = upper != name and upper in {URL, *PARTS, *_LIBPQ_PLACES, *_LIBPQ_LOGIN}
    return upper if is_written_otherwise else _ALIKE.get(upper)


def read_dotenv(root: Path) -> Mapping[str, str]:
    """Return the database settings of the project's `.env`. `${NAME}` in a value is not replaced.

    Raises ConfigurationError if the file, or a line with one of these settings, cannot be read.
    """
    return Variables({name: value for name, value in read_whole_dotenv(root).items() if name in _OWN})


def read_whole_dotenv(root: Path) -> Mapping[str, str]:
    """Return all that the project's `.env` sets. Raises ConfigurationError as `read_dotenv` does."""
    file = root / ".env"
    try:
        raw = SecretBytes(read_regular(file, most=SETTINGS_MOST))
    except (FileNotFoundError, NotADirectoryError):
        return Variables({})
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}", hint="correct it, or move it away."
        ) from None
    from dotenv.parser import parse_stream

    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(_decoded(raw))):
        if binding.error and re.match(rf"\s*(export\s+)?['\"]?({'|'.join(_OWN)})\b", binding.original.string):
            hint = "write NAME=VALUE; write a value with blanks, quotes or # in '...'."
            raise ConfigurationError(f"line {binding.original.line} of .env cannot be read", hint=hint)
        if binding.key is not None:
            found[binding.key] = binding.value or ""
    return Variables(found)


def _decoded(raw: bytes) -> Secret:
    """Return the text of a `.env`: UTF-8, or what its byte order mark says.

    Editors on Windows write such marks.
    """
    encoding = next((encoding for mark, encoding in _MARKS if raw.startswith(mark)), "utf-8-sig")
    try:
        return Secret(raw.decode(encoding))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f".env cannot be read: line {line} is not {encoding.removesuffix('-sig').upper()}"
        raise ConfigurationError(message, hint="save it as UTF-8.") from None


def _refuse_empty(environment: Mapping[str, str], names: Iterable[str], place: str) -> None:
    for name in names:
        if not environment[name].strip():
            hint = f"give {name} a value, or {_taken_out(name, place)}."
            raise ConfigurationError(f"{name} in {place} is empty", hint=hint)


def _taken_out(names: str, place: str) -> str:
    return f"take {names} out of .env" if place == ".env" else f"unset {names}"


def _do(names: Sequence[str]) -> str:
    return "does" if len(names) == 1 else "do"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
