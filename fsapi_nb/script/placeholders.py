"""Find what looks like a variable in SQL that the server refused: `{table}`, `$city`, `:city`.

fsapi_nb never changes SQL, so such a form reaches the server as it is written. It is looked for only at the place of an
error: in a query without an error it means what PostgreSQL says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from fsapi_nb.errors import QueryFailed

# PostgreSQL's errors for such a form: of syntax, or that a column, table, operator or type does not exist.
_SQLSTATES = frozenset({"42601", "42703", "42P01", "42883", "42704"})

_FORMS = re.compile(
    r"""
      \{\{[^{}]*\}\} | \$?\{[^{}]*\} | \bf'[^']*\{[^']*'       # Jinja, a shell, Python
    | %\(\w+\)\w? | %s\b | \?                                  # drivers
    | (?<![:\w]):(?:[A-Za-z_]\w*|'\w+'|"\w+") | [@&][A-Za-z_]\w* | \$\w+
    """,
    re.VERBOSE,
)
_ASSIGNMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:<<|=)\s*(?P<rest>\S.*)?")
_QUOTED = re.compile(r"\s*(?P<text>[bfr]{0,2}(?P<quote>\"|').*)", re.DOTALL | re.IGNORECASE)
_LIST_FOLLOWS = re.compile(r"\bin\s*(?P<open>\(\s*)?$", re.IGNORECASE)
_NAME_FOLLOWS = re.compile(
    r"\b(?:from|join|into|update|table|truncate|only|exists|column|index|view|schema|database|role|references|copy|analyze"
    r"|vacuum|refresh|on|by|select)\s+\"?$|\.\"?$|\w$",
    re.IGNORECASE,
)


class Meant(Enum):
    """The meaning that the author of such a form intended."""

    VALUE = "a value"
    LIST = "a list of values"
    NAME = "the name of a table or column"
    RESULT = "a variable for the result"
    SQL = "the SQL itself"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A form that looks like a variable, as it is written in the SQL; of `name << SELECT`, the name."""

    text: str
    meant: Meant


def placeholder_of(error: QueryFailed) -> Placeholder | None:
    """Return what looks like a variable at the place of an error; None if there is none."""
    place = error.place
    if error.server.sqlstate not in _SQLSTATES or place is None or place.source is None or place.column is None:
        return None
    return find_placeholder(place.source, place.column, begins=place.line == 1)


def find_placeholder(line: str, column: int, *, begins: bool = False) -> Placeholder | None:
    """Return what looks like a variable at the place of an error; None if there is none.

    Args:
        line: The line of the error.
        column: Its column, in characters of the line, counted from one.
        begins: Whether the SQL begins with this line: then a variable may hold all of the SQL.
    """
    place = column - 1
    if not line[:place].strip():
        assigned = _ASSIGNMENT.match(line)
        if assigned and re.match(r"\w", line[place:]):
            return Placeholder(assigned[1], Meant.RESULT)
        if begins and (quoted := _QUOTED.match(line)):
            return Placeholder(quoted["text"].rstrip(), Meant.SQL)
    for match in _FORMS.finditer(line):
        if match.start() - 1 <= place <= match.end():
            before, after = line[: match.start()], line[match.end() :]
            if begins and not before.strip():
                return Placeholder(match[0], Meant.SQL)
            if (follows := _LIST_FOLLOWS.search(before)) and (not follows["open"] or after.lstrip().startswith(")")):
                return Placeholder(f"({match[0]})" if follows["open"] else match[0], Meant.LIST)
            return Placeholder(match[0], Meant.NAME if _NAME_FOLLOWS.search(before) else Meant.VALUE)
    return None


def explain(placeholder: Placeholder, *, notebook: bool) -> str:
    """Return what to write instead of a form that looks like a variable.

    Args:
        placeholder: The form.
        notebook: Whether the query was typed in a notebook, where Python's variables can be used.
    """
    written, meant = placeholder.text, placeholder.meant
    if meant is Meant.RESULT:
        return (
            f"assign the result in Python: {written} = %query SELECT ...; after a %%query cell, write {written} = _ "
            "in the next cell."
            if notebook
            else "give the SQL alone: a result has no name here."
        )
    variable = _variable(written)
    if meant is Meant.SQL:
        if not notebook:
            return "give the SQL itself, or `-` and the SQL on standard input: sapi query - < FILE"
        text = 'f"SELECT ... {table} ..."' if _QUOTED.match(written) else variable or "sql"
        return (
            "the SQL is sent as it is written, so write it without quotes and variables; if Python makes it: "
            f'get_ipython().run_line_magic("query", {text})'
        )
    if meant is Meant.NAME:
        return "a parameter is a value, never the name of a table or column: " + (
            "if Python knows the name, "
            f'get_ipython().run_line_magic("query", f"SELECT ... {{{variable or "table"}}} ...").'
            if notebook
            else f"write the name instead of {written}."
        )
    words = {Meant.VALUE: "$1", Meant.LIST: "= any($1)"}[meant]
    example = (
        f"%query --param {variable or 'city'} SELECT ... {words}"
        if notebook
        else f"sapi query 'SELECT ... {words}' --param VALUE"
    )
    if meant is Meant.LIST:
        return f"instead of IN {written}, write = any($1), and pass the list beside the SQL: {example}"
    return f"{written} is not replaced: write $1, and pass the value beside the SQL: {example}"


def _variable(text: str) -> str | None:
    """Return the name of the variable that such a form holds; None if it holds more."""
    names = re.findall(r"[A-Za-z_]\w*", re.sub(r"^[bfr]{1,2}(?=[\"'])|(?<=\))[a-z]$", "", text))
    return names[0] if len(names) == 1 and "%s" not in text else None
