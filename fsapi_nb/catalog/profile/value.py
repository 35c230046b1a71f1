"""What a profile says, as values."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import Enum


class ProfileSource(Enum):
    """Where the figures of a profile come from."""

    STATISTICS = "statistics"
    TABLE = "table"
    SAMPLE = "sample"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What is known of a column's values.

    Attributes:
        nulls: The share of its rows that are NULL, from 0 to 1.
        distinct: How many different values it has, NULL not counted.
        minimum: The least value, as PostgreSQL writes it, cut if it is long; `maximum` is the greatest.
        frequent: The most frequent values with the share of all rows that have them, the most frequent first.
        why: Why something is missing: the role may not read it, its type has no order.
    """

    name: str
    type: str
    nulls: float | None = None
    distinct: int | None = None
    minimum: str | None = None
    maximum: str | None = None
    frequent: tuple[tuple[str, float], ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class TableProfile:
    """The profile of a relation.

    Attributes:
        written: Its name as SQL writes it; `called` is what is typed to name it.
        rows: How many rows were read, or are estimated by the server; None if that is not known.
        share: Of a sample, the share of the table that was read, as far as it is known.
        analyzed_at: When the server last read its sample, as far as it remembers.
        changed: How many rows were changed since then.
        sees_all: Whether no row-level security hides rows from the role.
    """

    schema: str
    name: str
    kind: str
    written: str
    source: ProfileSource
    called: str = ""
    columns: tuple[ColumnProfile, ...] = ()
    rows: int | None = None
    share: float | None = None
    analyzed_at: datetime.datetime | None = None
    changed: int | None = None
    sees_all: bool = True


@dataclass(frozen=True, slots=True)
class ScanCost:
    """What it costs to read a table for its profile, as it is estimated before.

    `size` is in bytes, without indexes. `share` is that of the table which is read, None for all of it.
    """

    size: int
    rows: int | None
    share: float | None
