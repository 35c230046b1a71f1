"""Parse what was typed after a verb, with argparse; nothing is printed, and no process ended."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Sequence
from typing import NoReturn

from fsapi_nb.commands.arguments import Argument, CompletionKind, argument, number, shown_word
from fsapi_nb.commands.verb import Verb
from fsapi_nb.errors import UsageError
from fsapi_nb.text.near import did_you_mean, near
from fsapi_nb.text.safe import visible_line

GLOBAL: tuple[Argument, ...] = (
    argument(
        "--database",
        values=CompletionKind.DATABASE,
        metavar="URL_OR_NAME",
        help="a URL, a name in pyproject.toml, or embedded[:NAME]",
    ),
    argument("--dir", metavar="FOLDER", help="the migrations folder"),
    argument(
        "--schema", metavar="SCHEMA", help="work in this schema: its own history, and a search_path of it and public"
    ),
    argument(
        "--set",
        action="append",
        metavar="NAME[=VALUE]",
        help="seen in SQL as current_setting('fsapi.NAME', true); without a value, that of the environment's NAME",
    ),
    argument("--lock-timeout", metavar="DURATION", help="how long a statement may wait for a lock (5s)"),
    argument("--statement-timeout", metavar="DURATION", help="how long a statement may run (what the role has)"),
    argument(
        "--max-wait",
        type=number,
        metavar="SECONDS",
        help="how long to wait for another runner, and to retry for a lock (60)",
    ),
    argument("--pooler", metavar="MODE", help="session: a connection pooler in session mode is in between"),
    argument("--postgres-bin", metavar="FOLDER", help="the bin folder of the embedded server's PostgreSQL"),
    argument(
        "--scratch",
        values=CompletionKind.DATABASE,
        metavar="URL_OR_NAME",
        help="make scratch databases on this server (the role needs CREATEDB), not on an embedded one",
    ),
)


class Help(Exception):
    """The request for the help of a verb, raised with its text."""


# What argparse says of a wrong argument, in words that are the same since Python 3.9.
_MISSING = re.compile(r"the following arguments are required: (.+)")
_OF_ONE = re.compile(r"argument (?P<name>[^:]+): (?P<what>.+)", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError or Help, and never ends the process as argparse does.

    Its errors say what is wrong in a sentence, and what may have been meant. They name options, and no values but plain
    words: an address with a password may stand behind a misspelt option.
    """

    def error(self, message: str) -> NoReturn:
        """Raise what argparse says is wrong with the arguments, in words of a user."""
        more = f"`{self.prog} --help` shows what it takes."
        if missing := _MISSING.fullmatch(message):
            names = missing[1].split(", ")
            raise UsageError(
                f"{self.prog}: {' and '.join(names)} {'are' if names[1:] else 'is'} missing",
                hint=f"write `{self.prog} {' '.join(names)}`; {more}",
            )
        if found := _OF_ONE.fullmatch(message):
            name = found["name"].partition("/")[0]
            raise UsageError(f"{self.prog}: {name}: {_in_words(found['what'])}", hint=more)
        raise UsageError(f"{self.prog}: {message}", hint=more)

    def parse_args(self, words: Sequence[str]) -> argparse.Namespace:  # type: ignore[override]  # one form of many
        """Return the values of the arguments. Raises UsageError or Help."""
        options, left = self.parse_known_args(words)
        if left:
            raise self._not_known(left[0].partition("=")[0])
        return options

    def _not_known(self, word: str) -> UsageError:
        """Return the error for a word that no argument takes."""
        flags = [flag for action in self._actions for flag in action.option_strings if flag.startswith("--")]
        meant = near(word, flags) if word.startswith("-") else [flag for flag in flags if flag == f"--{word}"]
        hint = did_you_mean(meant) if meant else f"`{self.prog} --help` shows what it takes."
        if word.startswith("-"):
            return UsageError(f"{self.prog} has no option {visible_line(word)}", hint=hint)
        return UsageError(f"{self.prog}: {shown_word(word)} is too much", hint=hint)

    def print_help(self, file: object = None) -> NoReturn:
        """Raise the help instead of printing it."""
        raise Help(self.format_help())


def _in_words(what: str) -> str:
    """Return what argparse says of an argument in words of a user."""
    if what.startswith("expected"):
        return "its value is missing"
    if what.startswith("ignored explicit argument"):
        return "it takes no value"
    return what


_WIDTH = 100


class _Formatter(argparse.HelpFormatter):
    """A formatter of one width: what a notebook stores must not depend on a terminal.

    A narrower terminal gets its own width, so that it breaks no word.
    """

    def __init__(self, prog: str) -> None:
        terminal = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
        super().__init__(prog, width=min(_WIDTH, terminal))


def parser_of(verb: Verb, *, prog: str, extra: Sequence[Argument] = ()) -> Parser:
    """Return the parser of a verb's own arguments, and of the global ones that it does not have itself."""
    parser = own_parser_of(verb, prog=prog, extra=(*global_arguments(verb), *extra))
    if verb.alone is None:
        parser.set_defaults(schema=parser.get_default("schema"))  # a diagram's own --schema is called `schemas`
    else:
        parser.set_defaults(start=None)  # the folder of a notebook's `%config`, which a magic fills in
    return parser


def global_arguments(verb: Verb) -> tuple[Argument, ...]:
    """Return the global options of a verb: without those whose flag means something else to it."""
    if verb.alone is not None:
        return ()
    taken = {flag for each in verb.arguments for flag in each.flags}
    return tuple(each for each in GLOBAL if not taken.intersection(each.flags))


def own_parser_of(verb: Verb, *, prog: str, extra: Sequence[Argument] = ()) -> Parser:
    """Return the parser of a verb's own arguments, for a verb that is not about migrations."""
    parser = Parser(prog=prog, description=verb.help, allow_abbrev=False, formatter_class=_Formatter)
    for each in (*verb.arguments, *extra):
        parser.add_argument(*each.flags, **each.settings)
    return parser


def settings_of(options: argparse.Namespace) -> dict[str, str]:
    """Return the values of the `--set` options.

    A name without a value takes that of the environment, so that no command line contains it. Raises UsageError for one
    that is not a name, and for a variable that is not set.
    """
    settings = {}
    for text in options.set or []:
        name, equals, value = text.partition("=")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise UsageError(f"--set {name}: this is not NAME=VALUE", hint="such as --set env=dev.")
        settings[name] = value if equals else _of_environment(name)
    return settings


def _of_environment(name: str) -> str:
    """Return the value of the environment's variable of that name, as it is written or in capitals."""
    for variable in (name, name.upper()):
        if variable in os.environ:
            return os.environ[variable]
    hint = f"set the variable, or write --set {name}=VALUE if it is not a secret."
    raise UsageError(f"--set {name}: the environment has neither {name} nor {name.upper()}", hint=hint)
