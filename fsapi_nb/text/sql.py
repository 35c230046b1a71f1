"""Write names and literals as SQL has them, where no server can be asked and no driver is at hand."""

from __future__ import annotations

import re

#: Bytes of the longest name that PostgreSQL does not cut; and of one that two tables are named after.
LONGEST_NAME = 63
LONGEST_TABLE = LONGEST_NAME - len("_scripts")

_PLAIN = re.compile(r"public|migrations|fsapi_history|[a-z_][a-z0-9_]*_(?:scripts|journal)")


def quote_name(name: str) -> str:
    """Return a name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def written_name(name: str) -> str:
    """Return a name as one writes it: bare only where it is surely no key word."""
    return name if _PLAIN.fullmatch(name) else quote_name(name)


def quote_literal(text: str) -> str:
    """Return a text as a string literal of SQL. The session must read strings by the standard, as all of a run do."""
    return "'" + text.replace("'", "''") + "'"
