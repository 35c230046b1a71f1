"""Hold what a user asks for: the verb, its names and its options, for all that plan or run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: The verbs that have a plan, in the order in which they are offered.
PLANNED = ("migrate", "rollback", "redo", "fresh", "rename", "retire", "baseline")


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """The request of a plan: a verb, its names and its options.

    `names` are those that `rename` (old, new), `retire` and `baseline` take. `to` and `count` say how far `migrate` and
    `rollback` go; for `redo`, `to` is the migration. `out_of_order` allows late files on a protected
    database, `allow_unparsed` allows scripts that the parser refuses. `changes` asks for what changed in the schema.
    """

    verb: str = "migrate"
    names: Sequence[str] = ()
    to: str | None = None
    count: int | None = None
    everything: bool = False
    out_of_order: bool = False
    allow_unparsed: bool = False
    missing: bool = False
    undo: bool = False
    only: Sequence[str] = ()
    replaces: Sequence[str] = ()
    changes: bool = True
