"""What a catalog says of a column whose type or NOT NULL is to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class ColumnName(NamedTuple):
    """A column: its table as a script writes it, and its own name without quotes."""

    table: str
    column: str


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What is known of a column.

    `type` is written as PostgreSQL does (`character varying(50)`). `not_null` says that it has no nulls, by NOT NULL or a
    valid CHECK; `indexed` that an index may cover it, `constrained` that a CHECK or a foreign key does. `utc` says that
    the session's time zone is UTC.
    """

    type: str
    not_null: bool = False
    indexed: bool = False
    constrained: bool = False
    utc: bool = False
