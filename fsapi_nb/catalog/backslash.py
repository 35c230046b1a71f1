r"""Read the backslash commands that hands know from psql: `\d orders`, `\dt shop.*`, `\di+`, `\df`, `\l`. Pure.

Only commands that look at the database are known here, and of these the ones that a migration has to do with. The others
(`\copy`, `\i`, `\watch`, `\db`) run in psql only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from fsapi_nb.catalog.pattern import NamePattern, read_pattern
from fsapi_nb.errors import UNCHANGED, UsageError


class OwnList(Enum):
    """A list that is not among the objects of the overview."""

    INDEXES = "index"
    PARTITIONED = "partitioned relation"
    PRIVILEGES = "privilege"
    DEFAULT_PRIVILEGES = "default privilege"
    ROLES = "role"
    DATABASES = "database"


_RELATIONS = ("table", "foreign table", "view", "materialized view", "sequence")
_ROUTINES = ("function", "procedure", "aggregate")
_TYPES = ("enum", "domain", "type")
_NOUNS = {_RELATIONS: "relation", _ROUTINES: "function", _TYPES: "type"}
_LETTERS = {"t": "table", "v": "view", "m": "materialized view", "s": "sequence", "E": "foreign table"}
_KINDS: dict[str, tuple[str, ...]] = {
    "d": _RELATIONS,
    "da": ("aggregate",),
    "dA": ("access method",),
    "dc": ("conversion",),
    "dC": ("cast",),
    "dD": ("domain",),
    "des": ("server",),
    "det": ("foreign table",),
    "dew": ("foreign-data wrapper",),
    "df": _ROUTINES,
    "dL": ("language",),
    "dn": ("schema",),
    "do": ("operator",),
    "dO": ("collation",),
    "dRp": ("publication",),
    "dRs": ("subscription",),
    "dT": _TYPES,
    "dx": ("extension",),
    "dX": ("statistics object",),
    "dy": ("event trigger",),
}
_PAGES: dict[str, tuple[str, ...]] = {
    "sf": _ROUTINES,
    "sv": ("view", "materialized view"),
}
#: The letters that may stand behind `\dP`: tables, indexes, and partitions that have partitions themselves.
_PARTITIONED = frozenset("tin")
_LISTS = {
    "di": OwnList.INDEXES,
    "dp": OwnList.PRIVILEGES,
    "ddp": OwnList.DEFAULT_PRIVILEGES,
    "z": OwnList.PRIVILEGES,
    "du": OwnList.ROLES,
    "dg": OwnList.ROLES,
    "l": OwnList.DATABASES,
    "list": OwnList.DATABASES,
}
#: What is answered, as a hint names it.
KNOWN = r"\d \dt \dv \dm \ds \di \df \dn \du \dx \dT \dD \dE \dP \dp \ddp \l \sf \sv and their kin, with + and S and a pattern"
_COMMAND = re.compile(r"\\(?P<name>[A-Za-z]+?)(?P<marks>[+S]*)(?:\s+(?P<rest>.*))?", re.DOTALL)
_ONE_NAME = re.compile(r'(?:"(?:[^"]|"")*"|\([^()]*\)|[^\s"()])+')


@dataclass(frozen=True, slots=True)
class ListingCommand:
    r"""A backslash command: what it lists, and of which names.

    `kinds` are those of the overview, or `own` is a list of its own. `name` is what is looked for, as it is typed; a
    `page` shows one object instead of a list. `more` stands for its `+`, `system` for its `S`. `letters` are those
    behind `\dP`.
    """

    text: str
    kinds: tuple[str, ...] = ()
    own: OwnList | None = None
    name: str | None = None
    page: bool = False
    more: bool = False
    system: bool = False
    letters: frozenset[str] = frozenset()

    @property
    def noun(self) -> str:
        """What one of its objects is called."""
        return _NOUNS.get(self.kinds) or " or ".join(self.kinds)

    @property
    def pattern(self) -> NamePattern | None:
        """The pattern that its name is. Raises UsageError if it is none."""
        return None if self.name is None else read_pattern(self.name)


def is_backslash(text: str) -> bool:
    """Return whether a text is a backslash command, and so not SQL: no statement begins with a backslash."""
    return text.lstrip().startswith("\\")


def read_backslash(text: str) -> ListingCommand:
    r"""Return the command that a text is.

    Raises:
        UsageError: There is more than one, or it is not answered here, as `\copy`.
    """
    written = text.strip().removesuffix(";").rstrip()
    if "\n" in written:
        raise UsageError(
            "a backslash command stands alone",
            state=UNCHANGED,
            hint=r"give it a line or a cell of its own: %query \d orders.",
        )
    found = _COMMAND.fullmatch(written)
    named = _meaning(found["name"]) if found else None
    if found is None or named is None:
        raise _unknown(written)
    kinds, own, page = named
    name = (found["rest"] or "").strip() or None
    if name is not None and not _ONE_NAME.fullmatch(name):
        raise UsageError(
            f"{written} has more than one name",
            state=UNCHANGED,
            hint='a name with blanks is written in double quotes: "a b".',
        )
    if page and name is None:
        raise UsageError(f"{written} needs a name", state=UNCHANGED, hint=rf"such as \{found['name']} NAME.")
    # A page is found by its name, which may be a function's with its arguments.
    is_exact = name is not None and not page and read_pattern(name).exact
    more, system = "+" in found["marks"], "S" in found["marks"]
    letters = frozenset(found["name"][2:]) if own is OwnList.PARTITIONED else frozenset[str]()
    is_page = page or (is_exact and found["name"] == "d")
    return ListingCommand(written, kinds, own, name, is_page, more, system, letters)


def _meaning(name: str) -> tuple[tuple[str, ...], OwnList | None, bool] | None:
    """Return the kinds, the list and whether it is a page; None if the command is not known."""
    if name in _LISTS:
        return (), _LISTS[name], False
    if name.startswith("dP") and set(name[2:]) <= _PARTITIONED:
        return (), OwnList.PARTITIONED, False
    if name in _PAGES:
        return _PAGES[name], None, True
    if name in _KINDS:
        return _KINDS[name], None, False
    if name.startswith("d") and set(name[1:]) <= set(_LETTERS):
        return tuple(_LETTERS[letter] for letter in dict.fromkeys(name[1:])), None, False
    return None


def _unknown(text: str) -> UsageError:
    """Return the error for a command that is not answered here, which names those that are."""
    name = text.split(maxsplit=1)[0]
    return UsageError(
        f"{name} is not answered here",
        state=UNCHANGED,
        hint=rf"what is answered: {KNOWN}. \copy, \i, \watch, \db and all others run in psql only.",
    )
