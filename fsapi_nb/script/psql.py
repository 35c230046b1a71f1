r"""psql's own commands (`\i`, `\connect`): no SQL, so each is a fault that says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fsapi_nb.errors import Problem
from fsapi_nb.script.sections import Source
from fsapi_nb.script.tokens import BACKSLASH, Tokens

_COMMAND = re.compile(rb"\\(\.|\w{1,30})")
_ONE_DATABASE = "a migration runs on one database; remove this line."
_OTHER_FILE = "copy the other file's SQL into this one."
_HINTS = {
    "restrict": "pg_dump writes it; remove this line and the \\unrestrict one.",
    "unrestrict": "pg_dump writes it; remove this line and the \\restrict one.",
    "connect": _ONE_DATABASE,
    "c": _ONE_DATABASE,
    "i": _OTHER_FILE,
    "ir": _OTHER_FILE,
    "include": _OTHER_FILE,
    "include_relative": _OTHER_FILE,
    "copy": "write COPY ... FROM stdin; and the data below it, up to a line that is just \\.",
    "set": "use --set name=value and current_setting('fsapi.name').",
    ".": "there is no COPY ... FROM stdin; that this could end.",
}


def find_commands(source: Source, tokens: Tokens, first: int, last: int) -> Iterator[Problem]:
    """A problem for each line that holds a command of psql, among the tokens from `first` up to `last`."""
    before = 0
    while (first := tokens.sorts.find(BACKSLASH, first, last)) >= 0:
        start = tokens.starts[first]
        line = source.line(start)
        if line != before:
            match = _COMMAND.match(source.text, start)
            name = match[1].decode() if match else ""
            hint = _HINTS.get(name, "write it as SQL, or remove it: only psql understands it.")
            yield source.problem(start, f"psql's command \\{name} is not SQL", hint)
        before, first = line, first + 1
