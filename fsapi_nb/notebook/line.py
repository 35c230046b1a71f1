"""The lines of the magics: their arguments, their parsing and their help. Runs nothing."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Sequence

from fsapi_nb.commands import GLOBAL, QUERY, VERBS, Argument, CompletionKind, Help, Parser, Verb, find_verb
from fsapi_nb.errors import UsageError
from fsapi_nb.script.naming import slug
from fsapi_nb.text.near import did_you_mean

#: What `%query` returns rows as; without a choice, pandas' DataFrame.
FORMS = ("pandas", "polars", "arrow")
_APPLY = Argument(("--apply",), {"action": "store_true", "help": "also apply it, after earlier pending migrations"})
_REDO = Argument(("--redo",), {"action": "store_true", "help": "roll back the applied one, and apply this text"})
_YES = Argument(("--yes", "-y"), {"action": "store_true", "help": "run it on a protected database"})
_DOWN = Argument(("--down",), {"action": "store_true", "help": "derive its DOWN from the catalog, proven on a copy"})
_NAME = Argument(
    ("words",),
    {"metavar": "NAME", "nargs": "+", "help": "such as add_phone_to_users"},
    CompletionKind.MIGRATION,
)
MIGRATION = Verb(
    "migration",
    "write this cell as a migration, and show its plan",
    lambda *_: NotImplemented,
    (_NAME, _APPLY, _REDO, _DOWN, _YES),
)
_TITLE = Argument(("title",), {"metavar": "TITLE", "nargs": "+", "help": "what must be true, in words"})
CHECK = Verb("check", "fail unless a query returns no rows, or only true", lambda *_: NotImplemented, (_TITLE,))
PANEL = Verb("panel", "all migrations in one live view, with buttons", lambda *_: NotImplemented)
_AS = Argument(
    ("--as",),
    {"dest": "form", "choices": FORMS, "metavar": "LIBRARY", "help": f"what rows are returned as: {', '.join(FORMS)}"},
)
# The SQL is not an argument here: it is the rest of the line, or the cell, exactly as written.
QUERY_OF_MAGIC = Verb(QUERY.name, QUERY.help, QUERY.run, (*QUERY.arguments[1:], _AS))
#: The verb of each magic except `%migrate`, whose line names one.
VERB_OF_MAGIC = {
    "rollback": find_verb("rollback"),
    "schema": find_verb("schema"),
    "query": QUERY_OF_MAGIC,
    "migration": MIGRATION,
    "check": CHECK,
}
_QUERY_OPTION = re.compile(
    r"\s*(--yes|-y|--explain|--analyze|(?:--[a-z-]+)(?:=|\s+)(?:'[^']*'|\"[^\"]*\"|\S+))(?=\s|$)"
)


class HelpText(str):
    """A help text as the value of a cell: its repr is the text itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def split(line: str) -> list[str]:
    """Split a magic's line into words as a shell does; a final semicolon only silences the output.

    Raises:
        UsageError: A quote has no end.
    """
    try:
        return shlex.split(line.strip().removesuffix(";"))
    except ValueError as error:
        raise UsageError(f"a quote is not closed: {error}", hint="close it, or write the value without it.") from None


def one_name(words: Sequence[str]) -> str:
    """Return the name of a migration. Raises UsageError for several words, which may be a name, or a forgotten `--`."""
    first, *rest = words
    if not rest:
        return first
    flags = {flag for argument in MIGRATION.arguments for flag in argument.flags}
    options = [f"--{word}" for word in rest if f"--{word}" in flags]
    name = slug(" ".join(words))
    meant = options or ([f"`%%migration {name}`"] if name else [])
    raise UsageError(
        "the name of a migration is one word", hint=did_you_mean(meant) if meant else "such as add_phone_to_users."
    )


def leading_options(line: str) -> tuple[list[str], str]:
    """Split the line of `%query` into the options before the SQL, and the SQL, byte for byte."""
    words: list[str] = []
    while match := _QUERY_OPTION.match(line):
        words += split(match[1])
        line = line[match.end() :]
    return words, line


def parse(parser: Parser, words: list[str]) -> argparse.Namespace | HelpText:
    """Return the options that the words give, or the help if they ask for it. Raises UsageError."""
    try:
        return parser.parse_args(words)
    except Help as text:
        return HelpText(str(text))


def overview() -> str:
    """Return the help of `%migrate`: its verbs, the other magics, and the options of all verbs."""
    lines = ["%migrate [VERB] [OPTIONS]        (%migrate VERB --help shows more)", ""]
    lines += [f"  {verb.name:<10} {verb.help}" for verb in (*VERBS, PANEL)]
    lines += ["", "  %%migration NAME, %rollback, %schema NAME, %query SQL, %%query, %%check TITLE", ""]
    lines += [
        f"  {argument.flags[0] + ' ' + argument.settings.get('metavar', ''):<25} {argument.settings['help']}"
        for argument in GLOBAL
    ]
    return "\n".join(lines)
