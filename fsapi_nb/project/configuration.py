"""Read the `[tool.fsapi_nb]` table of a `pyproject.toml`, and check every key and type in it.

A misspelt key would silently switch off what it says, `protected` above all. Connects to nothing.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from fsapi_nb.errors import ConfigurationError
from fsapi_nb.project.ownership import why_foreign
from fsapi_nb.project.regular_file import SETTINGS_MOST, read_regular
from fsapi_nb.text.secrets import Secret, SecretBytes, is_secret_name
from fsapi_nb.text.sql import LONGEST_NAME, LONGEST_TABLE
from fsapi_nb.text.toml import written_setting

EMBEDDED = "embedded"
#: A duration as PostgreSQL writes it.
DURATION = re.compile(r"\d+(\.\d+)?\s*(us|ms|s|min|h|d)?")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_PLACEHOLDERS = ("host", "port", "user")
_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_RESERVED = re.compile(r"embedded(:.*)?|jupysql|@.*|.*(://|=).*|\s*", re.DOTALL)
_NOT_A_LETTER = re.compile(r"[-_. ]")
_LIKE_AN_ADDRESS = re.compile(r"://|=|@")
_NAMES = ("fsapinb",)
_NAMED = b"fsapi"  # without which a file has no table of fsapi_nb, nor a misspelt one that matters
_TYPES = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a table"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One key: its text in the reference, what its value must be, and the test of a value.

    `is_text` if it must be one of certain texts. `longest` is the most bytes of a name that PostgreSQL does not cut.
    """

    text: str
    kind: str
    fits: Callable[[Any], bool]
    is_text: bool = False
    longest: int | None = None


def _text(text: str) -> Setting:
    return Setting(text, "a text that is not empty", lambda value: isinstance(value, str) and bool(value.strip()))


def _name(text: str, longest: int = LONGEST_NAME) -> Setting:
    return replace(_text(text), longest=longest)


def _flag(text: str) -> Setting:
    return Setting(text, "true or false", lambda value: isinstance(value, bool))


def _file(text: str, suffix: str) -> Setting:
    return Setting(
        text,
        f'the path of a file in the project that ends in {suffix}, such as "schema{suffix}"',
        lambda value: isinstance(value, str) and value.endswith(suffix) and value.strip() != suffix,
        is_text=True,
    )


def _duration(text: str) -> Setting:
    return Setting(
        text,
        'a duration such as "5s" (units: ms, s, min, h)',
        lambda value: isinstance(value, str) and bool(DURATION.fullmatch(value)),
        is_text=True,
    )


def _pooler() -> Setting:
    text = "`session` if a connection pooler in session mode is in between"
    return Setting(text, '"session"', lambda value: value == "session", is_text=True)


def _texts(text: str, kind: str) -> Setting:
    return Setting(text, kind, _are_texts)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each.strip() for each in value)


def _is_command(value: object) -> bool:
    return _are_texts(value) and set(_PLACEHOLDER.findall("\n".join(value))) <= set(_PLACEHOLDERS)  # type: ignore[arg-type]


#: The keys of `[tool.fsapi_nb]`.
SETTINGS: Mapping[str, Setting] = {
    "database": _text("the database to use if nothing else names one: a name below, a URL, or `embedded[:NAME]`"),
    "databases": Setting(
        "databases by name: a URL, or a table with the keys below", "a table", lambda value: isinstance(value, dict)
    ),
    "lint": Setting(
        "what `lint` looks for: a table with the keys below", "a table", lambda value: isinstance(value, dict)
    ),
    "lock_timeout": _duration("how long a statement may wait for a lock (`5s`)"),
    "migrations": _text("the folder of the migrations (`migrations`)"),
    "pooler": _pooler(),
    "postgres_bin": _text("the bin folder of another PostgreSQL for the embedded server"),
    "schema": _name(
        "where the history alone is, or is made (the first schema of the search_path that exists); `--schema` sets both"
    ),
    "schema_file": _file(
        "the file that `schema --write` and each run write the schema to (none): not on a protected database", ".sql"
    ),
    "schemas": _texts("what `fresh` may empty (the history's schema)", 'a list of names, such as ["public"]'),
    "scratch": _text(
        "the server for scratch databases (an embedded one): a name below, or a URL; the role needs CREATEDB"
    ),
    "table": _name(f"the history's name (`migrations`), of at most {LONGEST_TABLE} bytes", LONGEST_TABLE),
}
#: The keys of `[tool.fsapi_nb.databases.NAME]`.
DATABASE_SETTINGS: Mapping[str, Setting] = {
    "connect": Setting(
        "a function that opens each connection, as `package.module:function`; it gets the database's name if it takes "
        "an argument, and returns `psycopg.connect(...)`. A `url` beside it only says where it leads",
        '"package.module:function"',
        lambda value: isinstance(value, str) and bool(_FUNCTION.fullmatch(value)),
        is_text=True,
    ),
    "password_command": Setting(
        "a program that prints the password, as a list of its arguments; no shell. `{host}`, `{port}` and `{user}` "
        "are replaced by those of the connection",
        'a list of arguments, such as ["get-token", "{host}"], with no placeholder but {host}, {port} and {user}',
        _is_command,
    ),
    "password_for": _duration("how long a password of `password_command` is used again (`10min`)"),
    "pooler": _pooler(),
    "protected": _flag("whether changes need `--yes`, and `fresh` the database's name as well"),
    "schema": _text("the schema to work in: of the history and of each file's search_path"),
    "url": _text("the database's URL, or `embedded:NAME`"),
    "url_env": _text("the environment variable that holds the URL"),
}

#: The keys of `[tool.fsapi_nb.lint]`.
LINT_SETTINGS: Mapping[str, Setting] = {
    "off": _texts("rules that are not used", 'a list of rules, such as ["renaming-table"]'),
    "small": Setting(
        "rows up to which it does not matter that a table is locked or read as a whole (`10000`)",
        "a number of rows, 0 or more",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    ),
    "stop": _texts("rules whose findings `--check` fails for, besides those that are so anyway", "a list of rules"),
}


def read_table(file: Path) -> Mapping[str, Any] | None:
    """Return the checked `[tool.fsapi_nb]` table of a file; None if there is no such file or table.

    Its URLs are `Secret`. A file with the same bytes is checked once in a process. A file that others may have written,
    or that is a link to one elsewhere, is skipped if it does not contain `fsapi`: its faults would keep everybody below
    a shared folder from working.

    Raises:
        ConfigurationError: The file cannot be read, or has a key or a value that is not valid.
    """
    try:
        raw = read_regular(file, most=SETTINGS_MOST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        # A folder that is closed to this user, or a file that is not a file and not this user's, is not part of the
        # project.
        if not os.access(file.parent, os.X_OK) or why_foreign(file):
            return None
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}", hint="correct its permissions.") from None
    is_elsewhere = os.path.dirname(os.path.realpath(file)) != os.path.realpath(file.parent)
    if _NAMED not in raw and (is_elsewhere or why_foreign(file)):
        return None
    return _checked(SecretBytes(raw), is_elsewhere)


@lru_cache(maxsize=16)
def _checked(raw: SecretBytes, is_elsewhere: bool) -> Mapping[str, Any] | None:
    """Return the checked table; None if there is none.

    An error quotes nothing of a file that is elsewhere, behind a link: nobody has allowed yet to read it.
    """
    import tomllib

    try:
        content = _hidden(tomllib.loads(raw.decode("utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        why = "what it leads to is not TOML" if is_elsewhere else str(error)
        raise ConfigurationError(f"pyproject.toml cannot be read: {why}") from None
    _refuse_misspelt_table(content, "")
    tools = content.get("tool", {})
    if not isinstance(tools, dict):
        hint = "write each tool's settings below a [tool.NAME] of its own."
        raise ConfigurationError(f"tool in pyproject.toml must be a table (it is {_type(tools)})", hint=hint)
    _refuse_misspelt_table(tools, "tool.")
    if "fsapi_nb" not in tools:
        return None
    table = _table(tools["fsapi_nb"], SETTINGS, "tool.fsapi_nb")
    if "lint" in table:
        table["lint"] = _table(table["lint"], LINT_SETTINGS, "tool.fsapi_nb.lint")
    if "databases" in table:
        table["databases"] = {name: _database(name, entry) for name, entry in table["databases"].items()}
    return table


def _hidden(value: Any, name: str = "") -> Any:
    """Return a value of TOML in which each text that may be an address or a secret is a `Secret`."""
    if isinstance(value, dict):
        return {key: _hidden(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each, name) for each in value]
    is_named = name in {"url", "password_command"} or is_secret_name(name)
    hides = isinstance(value, str) and (is_named or _LIKE_AN_ADDRESS.search(value))
    return Secret(value) if hides else value


def _refuse_misspelt_table(tables: Mapping[str, Any], parent: str) -> None:
    for name in tables:
        place = f"{parent}{name}"
        if place != "tool.fsapi_nb" and difflib.get_close_matches(
            _NOT_A_LETTER.sub("", name.lower()), _NAMES, cutoff=0.8
        ):
            hint = f"write [tool.fsapi_nb] instead of [{place}]."
            raise ConfigurationError(f"pyproject.toml has a table [{place}], which nothing reads", hint=hint)


def _table(value: object, settings: Mapping[str, Setting], name: str) -> dict[str, Any]:
    """Return the table. Raises ConfigurationError if its keys and values are not those of the settings."""
    if not isinstance(value, dict):
        raise ConfigurationError(f"[{name}] in pyproject.toml must be a table (it is {_type(value)})")
    for key, found in value.items():
        if key not in settings:
            near = difflib.get_close_matches(key.lower(), settings, n=1, cutoff=0.5)
            hint = f"{f'write {near[0]}; ' if near else ''}the settings are {', '.join(sorted(settings))}."
            raise ConfigurationError(f"[{name}] in pyproject.toml has no setting {key!r}", hint=hint)
        if not settings[key].fits(found):
            problem = f"{key} of [{name}] in pyproject.toml must be {settings[key].kind}"
            is_other = settings[key].is_text and isinstance(found, str) and bool(found)
            found_type = "another text" if is_other else _type(found)
            raise ConfigurationError(f"{problem} (it is {found_type})", hint=f"correct {key} in pyproject.toml.")
        if "\0" in (found if isinstance(found, str) else "".join(found) if isinstance(found, list) else ""):
            hint = f"take it out of {key} in pyproject.toml."
            raise ConfigurationError(f"{key} of [{name}] in pyproject.toml has a null character", hint=hint)
        _refuse_too_long(found, settings[key].longest, f"{key} of [{name}]", key)
        if key == "table" and "." in found:
            _refuse_qualified(found, name)
    return dict(value)


def _refuse_too_long(value: object, longest: int | None, where: str, key: str) -> None:
    """Raise ConfigurationError for a name that PostgreSQL would cut.

    It would be another name, or one name for two tables.
    """
    if longest is None or not isinstance(value, str) or len(value.encode()) <= longest:
        return
    behind = " (two tables are named after it)" if longest < LONGEST_NAME else ""
    works = value.encode()[:longest].decode(errors="ignore")
    raise ConfigurationError(
        f"{where} in pyproject.toml is too long: {len(value.encode())} bytes, where PostgreSQL takes {longest}{behind}",
        hint=f"the longest beginning of it that works is: {key} = {json.dumps(works, ensure_ascii=False)}",
    )


def _refuse_qualified(table: str, name: str) -> None:
    schema, _, own = table.rpartition(".")
    hint = f"name the schema by a setting of its own: {written_setting('schema', schema)} and {written_setting('table', own)}."
    raise ConfigurationError(f"table of [{name}] in pyproject.toml is a name without its schema", hint=hint)


def _database(name: str, entry: object) -> Mapping[str, Any]:
    """Return the checked table of one database; a URL alone stands for a table with that `url`."""
    place = f"tool.fsapi_nb.databases.{name}"
    if _RESERVED.fullmatch(name):
        hint = "choose a name of letters, digits and _."
        raise ConfigurationError(f"a database in pyproject.toml cannot be named {name!r}", hint=hint)
    table = _table({"url": entry} if isinstance(entry, str) else entry, DATABASE_SETTINGS, place)
    if not {"url", "url_env", "connect"} & set(table):
        hint = 'write url = "…", url_env = "A_VARIABLE" or connect = "package.module:function".'
        raise ConfigurationError(f"[{place}] in pyproject.toml does not say where the database is", hint=hint)
    for one, other in (("url", "url_env"), ("connect", "password_command"), ("connect", "url_env")):
        if one in table and other in table:
            hint = f"keep {one} or {other}."
            raise ConfigurationError(f"[{place}] in pyproject.toml has both {one} and {other}", hint=hint)
    if "password_for" in table and "password_command" not in table:
        hint = "password_for is for the passwords of a password_command."
        raise ConfigurationError(f"[{place}] in pyproject.toml has password_for without password_command", hint=hint)
    if table.get("url", "").partition(":")[0] == EMBEDDED and {"connect", "password_command"} & set(table):
        hint = "give the URL of another server, or take the other key out: the embedded server needs no password."
        raise ConfigurationError(f"[{place}] in pyproject.toml is about the embedded server", hint=hint)
    if "url" in table:
        table["url"] = Secret(table["url"].strip())
    return table


def _type(value: object) -> str:
    """Return what a value of TOML is, in words that show nothing of it: it may be a secret."""
    if isinstance(value, str | list) and not value:
        return "empty"
    return _TYPES.get(type(value), "a date or time")
