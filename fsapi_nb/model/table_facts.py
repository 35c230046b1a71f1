"""What a catalog says of the tables that a plan is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fsapi_nb.model.action import TableSet
from fsapi_nb.model.forecast import TableSize


class FoundTable(NamedTuple):
    """A relation of the catalog: its name as a reader would write it, its kind (`relkind`), and how large it is.

    `heap` is the size of its rows alone, in bytes, `indexes` how many it has. `parent` is the number of the table that
    it is a partition of. The size of a partitioned table is that of its partitions.
    """

    name: str
    kind: str
    size: TableSize | None = None
    heap: int = 0
    indexes: int = 0
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What was found: relations by their numbers (OIDs), and those of each set of tables that was asked about.

    A set that is not in `sets` could not be looked up; an empty one has no tables. `notes` say what could not be found
    out, and why.
    """

    tables: Mapping[int, FoundTable] = field(default_factory=dict)
    sets: Mapping[TableSet, tuple[int, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
