"""Definitions as values: the statements that create an object, what must be there before, and the file of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class ObjectAddress(NamedTuple):
    """An object as `pg_depend` names it; valid in one database only.

    `part` is 0 for the object itself, and `LATER` for what can be said of it only when others are there: the column
    that owns a sequence, the rows of a materialized view.
    """

    catalog: str
    oid: int
    part: int = 0


#: The part of an object that is created after others.
LATER = -1


@dataclass(frozen=True, slots=True)
class Inline:
    """What a definition is as a part of its parent's CREATE: of a column by its number, or of the whole table (0)."""

    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Definition:
    """One object: the statements that create it as it is, and the one that undoes them.

    `kind` and `identity` are those of `CatalogObject`. Each statement of `create` is whole and ends in `;`; with them
    come comment, privileges, options, and the owner if that is another role than the one that has read. `needs` are
    addresses of other definitions that must be there before. `parent` is what it belongs to and goes with.

    `inline` is what it is within the first statement of its parent, whose `slots` are the places for that: by number
    of a column, 0 for the table itself, the position in the text. `copies` is a definition which brings this one
    with it if it is written inline. `stub` are statements that create enough of it for others to refer to, and after
    which `full` makes it what it is.
    """

    address: ObjectAddress
    kind: str
    identity: str
    create: tuple[str, ...]
    drop: str
    needs: frozenset[ObjectAddress] = frozenset()
    parent: ObjectAddress | None = None
    inline: Inline | None = None
    slots: Mapping[int, int] = field(default_factory=dict)
    copies: ObjectAddress | None = None
    stub: tuple[str, ...] = ()
    full: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What no statement can be written for, and why."""

    kind: str
    identity: str
    why: str
