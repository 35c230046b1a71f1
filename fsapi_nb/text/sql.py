"""Quote names and literals of SQL without a connection and without psycopg."""

from __future__ import annotations

import re

#: Bytes of the longest name that PostgreSQL does not cut, and of the history table's, after which two more are named.
LONGEST_NAME = 63
LONGEST_TABLE = LONGEST_NAME - len("_scripts")

_PLAIN = re.compile(r"public|migrations|fsapi_history|[a-z_][a-z0-9_]*_(?:scripts|journal)")
_PART = re.compile(r'"(?:[^"]|"")*"|[^."]+')


def quote_name(name: str) -> str:
    """Return a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def written_name(name: str) -> str:
    """Return a name as it is written in SQL: without quotes only if it is certainly not a key word."""
    return name if _PLAIN.fullmatch(name) else quote_name(name)


def name_parts(name: str) -> list[str]:
    """Return the parts of a name with its schema, as they are written: `public`, `"Odd.name"`."""
    return _PART.findall(name)


def unquoted(name: str) -> str:
    """Return the name that a name of SQL means, which the server has quoted where that is needed."""
    return name[1:-1].replace('""', '"') if len(name) > 1 and name[0] == name[-1] == '"' else name


def quote_literal(text: str) -> str:
    """Return a text as a string literal of SQL.

    The session must have `standard_conforming_strings` on, as that of a run has.
    """
    return "'" + text.replace("'", "''") + "'"
