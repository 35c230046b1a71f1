r"""Find psql's own commands (`\i`, `\connect`): harmless ones are ignored, each other one is a fault.

A file for psql often sets how psql shows things or that it stops at errors. That counts as a comment. A command that
would change what runs, or where, is a fault that says what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from fsapi_nb.model.place import Problem
from fsapi_nb.script.scan import Span
from fsapi_nb.script.sections import Source
from fsapi_nb.text.command import Advice, command

# A command's name and its arguments, up to the next backslash outside of quotes: that begins another command.
_COMMAND = re.compile(
    rb"""\\(?P<name>;|[^\s\\'"`;]*)(?P<rest>(?:'(?:[^'\\]|\\.|'')*'|"[^"]*"|`[^`]*`|[^\\])*)""", re.DOTALL
)
_SHOWING = frozenset(
    {
        *("?", "C", "H", "T", "a", "conninfo", "copyright", "echo", "errverbose", "f", "h", "help", "pset"),
        *("qecho", "s", "t", "timing", "warn", "x"),
    }
)
#: Variables of psql that only decide what it shows, or how it reads a keyboard.
_SHOWING_VARIABLES = frozenset(
    {
        *("COMP_KEYWORD_CASE", "ECHO", "ECHO_ERRORS", "ECHO_HIDDEN", "FETCH_COUNT", "HIDE_TABLEAM"),
        *("HIDE_TOAST_COMPRESSION", "HISTCONTROL", "HISTFILE", "HISTSIZE", "PROMPT1", "PROMPT2", "PROMPT3"),
        *("QUIET", "SHOW_ALL_RESULTS", "SHOW_CONTEXT", "VERBOSITY"),
    }
)
# Variables that change how psql runs a file: the value that fsapi_nb has anyway, and what helps with another one.
_RUNNING_VARIABLES = {
    "ON_ERROR_STOP": (True, "an error ends the migration here, and all of it is undone; remove this line."),
    "AUTOCOMMIT": (True, "a migration is one transaction already; remove this line."),
    "ON_ERROR_ROLLBACK": (False, "an error ends the migration here, and all of it is undone; remove this line."),
    "SINGLELINE": (False, "a statement ends with a semicolon here; remove this line."),
    "SINGLESTEP": (False, "a migration does not ask before each statement; remove this line."),
}
_ON, _OFF = frozenset({"", "on", "true", "1", "yes", "t"}), frozenset({"off", "false", "0", "no", "f"})
_ONE_DATABASE = "a migration runs on one database, by one role; remove this line (pg_dump writes it with --create)."
_OTHER_FILE = "copy the other file's SQL into this one."
_VALUES = "use --set name=value, and current_setting('fsapi.name') in SQL."
_CONDITION = "write a DO block with IF, and current_setting('fsapi.name', true) for what --set gives."
_SEMICOLON = "end the statement with a semicolon instead."
_ONLY_SHOWS = Advice("it only shows something; remove this line, and look with ", command("query"), ".")
_HINTS = {
    "c": _ONE_DATABASE,
    "connect": _ONE_DATABASE,
    **dict.fromkeys(("i", "include", "include_relative", "ir"), _OTHER_FILE),
    **dict.fromkeys(("getenv", "prompt", "set", "setenv"), _VALUES),
    "unset": "remove this line: psql's variables have no effect here.",
    **dict.fromkeys(("elif", "else", "endif", "if"), _CONDITION),
    **dict.fromkeys(("g", "gx"), _SEMICOLON),
    ";": "write the semicolon without a backslash.",
    "gexec": "write a DO block: FOR each IN SELECT ... LOOP EXECUTE each; END LOOP.",
    "gset": "write a DO block: SELECT ... INTO a variable.",
    "gdesc": _ONLY_SHOWS,
    "crosstabview": _SEMICOLON,
    "watch": "write the statement once, with a semicolon.",
    **dict.fromkeys(("bind", "bind_named", "parse", "close_prepared"), "write the values into the statement."),
    "copy": "write COPY ... FROM stdin; and the data below it, up to a line that is just \\.",
    ".": "remove this line: there is no COPY ... FROM stdin; before it.",
    **dict.fromkeys(("q", "quit"), "psql would stop here; remove this line and all text below it."),
    "!": "run programs outside of the migration; remove this line.",
    "password": "write ALTER ROLE ... PASSWORD, or set it outside of the migration.",
    "encoding": "save the file as UTF-8, and remove this line.",
    **dict.fromkeys(("o", "out", "w", "write"), "a migration writes no files; remove this line."),
    **dict.fromkeys(("p", "print"), _ONLY_SHOWS),
    **dict.fromkeys(("r", "reset"), "remove this line and the statement that it takes back."),
    "\\": "write the text after it on its own line.",
}
_OTHERWISE = "write it as SQL, or remove it: only psql understands it."


class _BackslashCommand(NamedTuple):
    """A command of psql: its place, its name and its arguments."""

    start: int
    name: str
    words: list[str]


def find_commands(source: Source, lines: Iterable[Span], start: int, end: int) -> Iterator[Problem]:
    """Yield a problem for each line between two places with a command that is not harmless.

    Args:
        source: The file.
        lines: Where the commands are: from the first backslash of a line to the line's end.
        start: Where the section begins.
        end: Where the section ends.
    """
    commands = [list(_split(source.text, *line)) for line in lines if start <= line[0] < end]
    open_keys = _unmatched(command for line in commands for command in line)
    for line in commands:
        fault = next((command for command in line if not _means_nothing(command, open_keys)), None)
        if fault:
            yield source.problem(fault.start, f"psql's command \\{fault.name} is not SQL", _hint(fault))


def _split(text: bytes, start: int, end: int) -> Iterator[_BackslashCommand]:
    for match in _COMMAND.finditer(text, start, end):
        name, rest = match["name"].decode(errors="replace"), match["rest"].decode(errors="replace")
        yield _BackslashCommand(match.start(), name or "\\", [word.strip("'\"") for word in rest.split()])


def _means_nothing(command: _BackslashCommand, open_keys: Sequence[_BackslashCommand]) -> bool:
    """Return whether a migration runs in the same way without the command."""
    words = command.words
    match command.name:
        case "restrict" | "unrestrict":  # pg_dump writes them so that a dump's data cannot hold commands
            return command not in open_keys
        case "encoding":
            return len(words) == 1 and re.sub("[^a-z0-9]", "", words[0].lower()) in {"utf8", "unicode"}
        case "o" | "out":
            return words in ([], ["/dev/null"])
        case "set":
            return _is_harmless_variable(words)
        case name:
            return name in _SHOWING


def _is_harmless_variable(words: Sequence[str]) -> bool:
    name, value = (words[0] if words else ""), " ".join(words[1:]).lower()
    if name in _RUNNING_VARIABLES:
        on, _ = _RUNNING_VARIABLES[name]
        return value in (_ON if on else _OFF)
    return name in _SHOWING_VARIABLES or not words


def _unmatched(commands: Iterable[_BackslashCommand]) -> list[_BackslashCommand]:
    r"""Return the \restrict and \unrestrict commands without a counterpart that has the same key."""
    left: list[_BackslashCommand] = []
    for each in commands:
        if each.name == "unrestrict" and left and left[-1].name == "restrict" and left[-1].words == each.words:
            left.pop()
        elif each.name in {"restrict", "unrestrict"}:
            left.append(each)
    return left


def _hint(command: _BackslashCommand) -> str:
    if command.name in {"restrict", "unrestrict"}:
        other = "unrestrict" if command.name == "restrict" else "restrict"
        return f"the \\{other} line with the same key is missing: is the dump complete? If it is, remove this line."
    if command.name == "set" and command.words and command.words[0] in _RUNNING_VARIABLES:
        return _RUNNING_VARIABLES[command.words[0]][1]
    return _ONLY_SHOWS if command.name[:1] == "d" or command.name == "l" else _HINTS.get(command.name, _OTHERWISE)
