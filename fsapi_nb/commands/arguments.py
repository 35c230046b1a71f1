"""Define what an argument of a verb is, and the arguments that several verbs share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

_PLAIN_WORD = re.compile(r"[\w.*-]{1,60}")


class CompletionKind(Enum):
    """The kind of name that an argument takes, used to offer completions."""

    MIGRATION = "a migration"
    DATABASE = "a database"
    VARIABLE = "a variable of the notebook"
    PLANNED = "a verb that has a plan"
    OBJECT = "an object of the database"


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a verb, as argparse takes it; `values` is the kind of name that it takes."""

    flags: tuple[str, ...]
    settings: Mapping[str, Any]
    values: CompletionKind | None = None

    @property
    def is_option(self) -> bool:
        """Whether it is given by a flag, not by its position."""
        return self.flags[0].startswith("-")

    @property
    def takes_value(self) -> bool:
        """Whether a value follows its flag."""
        return self.settings.get("action", "store") in {"store", "append", "extend"}

    @property
    def repeats(self) -> bool:
        """Whether it may be given more than once."""
        return self.settings.get("action") in {"append", "extend"}


def argument(*flags: str, values: CompletionKind | None = None, **settings: Any) -> Argument:
    """Return an argument of these flags, or of this one name, with the settings that argparse takes."""
    return Argument(flags, settings, values)


def shown_word(word: str) -> str:
    """Return how an error names a word that was typed: a plain one as it is; others may be addresses with passwords."""
    return f"the word {word!r}" if _PLAIN_WORD.fullmatch(word) else "what was typed"


def whole_number(text: str) -> int:
    """Return the number that was typed. Raises ArgumentTypeError, which names it, where it is none."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{shown_word(text)} is not a whole number") from None


def number(text: str) -> float:
    """Return the number that was typed, whole or not. Raises ArgumentTypeError, which names it, where it is none."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{shown_word(text)} is not a number") from None


YES = argument("--yes", "-y", action="store_true", help="do it on a protected database, or destroy what is there")
TO = argument("--to", values=CompletionKind.MIGRATION, metavar="NAME", help="up to and with this migration")
COUNT = argument("--count", "-n", type=whole_number, metavar="N", help="the next N migrations")
LATE = argument("--out-of-order", action="store_true", help="apply late files on a protected database")
UNPARSED = argument(
    "--allow-unparsed",
    action="store_true",
    help="run scripts that PostgreSQL 18's parser refuses, each in one transaction",
)
NO_CHANGES = argument("--no-changes", action="store_true", help="do not find out what changes in the schema")
CHECK = argument("--check", action="store_true", help="exit with 3 if there is anything to do or not as it should be")
NAME = argument(
    "name",
    values=CompletionKind.MIGRATION,
    metavar="NAME",
    help="a migration's file name, or any part that only one has",
)

MISSING = argument("--missing", action="store_true", help="every applied migration that has no file")
UNDO = argument("--undo", action="store_true", help="put the rows of these back")
ONLY = argument(
    "--only",
    values=CompletionKind.MIGRATION,
    nargs="+",
    action="extend",
    default=[],
    metavar="NAME",
    help="just these, not all before them",
)
REPLACES = argument(
    "--replaces",
    values=CompletionKind.MIGRATION,
    nargs="+",
    action="extend",
    default=[],
    metavar="NAME",
    help="in the place of these, which it stands for and whose files are gone; A..B is a range",
)


def of_verb(verb: str, argument: Argument) -> Argument:
    """Return the argument as `plan` has it: its help says which verb it belongs to."""
    return replace(argument, settings={**argument.settings, "help": f"of {verb}: {argument.settings['help']}"})
