r"""Read a pattern of names as psql's `\d` takes it: `orders`, `ord*`, `shop.*`, `"Odd name"`. Pure.

A letter outside of quotes is folded to lower case, as PostgreSQL folds a name; `*` and `?` there stand for any characters
and for one. Unlike psql's, a pattern is not a regular expression: every other character means itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fsapi_nb.errors import UsageError

_PARTS = 2
_ANY = ".*"
_WILD = {"*": _ANY, "?": "."}


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A pattern of names, as regular expressions that PostgreSQL's `~` and Python's `re` read alike.

    `schema` is None if the pattern names none: it then means what the search_path finds. `exact` says that it has no
    wildcards, so that it names one thing.
    """

    text: str
    name: str
    schema: str | None = None
    exact: bool = False

    def matches(self, schema: str, name: str) -> bool:
        """Return whether a name in a schema fits; the search_path does not count."""
        in_schema = self.schema is None or bool(re.match(self.schema, schema, re.DOTALL))
        return in_schema and bool(re.match(self.name, name, re.DOTALL))


def read_pattern(text: str) -> NamePattern:
    """Return the pattern that a text is.

    Raises:
        UsageError: A quote is not closed, or the text has more parts than a schema and a name.
    """
    parts, wild = _parts(text)
    if len(parts) > _PARTS:
        raise UsageError(
            f"{text} has more parts than a schema and a name",
            hint="another database is looked at with --database; a dot in a name is written in double quotes.",
        )
    expressions = [f"^({part or _ANY})$" for part in parts]
    schema = expressions[0] if len(parts) == _PARTS else None
    return NamePattern(text, expressions[-1], schema, exact=not wild and all(parts))


def _parts(text: str) -> tuple[list[str], bool]:
    """Return the expression of each part between the dots, and whether there is a wildcard in one."""
    parts, quoted, wild, position = [""], False, False, 0
    while position < len(text):
        letter = text[position]
        if letter == '"' and quoted and text[position + 1 : position + 2] == '"':
            parts[-1] += '"'
            position += 1
        elif letter == '"':
            quoted = not quoted
        elif quoted:
            parts[-1] += re.escape(letter)
        elif letter == ".":
            parts.append("")
        elif letter in _WILD:
            parts[-1] += _WILD[letter]
            wild = True
        else:
            parts[-1] += re.escape(letter.lower())
        position += 1
    if quoted:
        raise UsageError(f"a double quote is not closed: {text}", hint='write the name as "name".')
    return parts, wild
