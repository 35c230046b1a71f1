"""The questions about a database that its catalog and statistics answer honestly, and what was found, as values."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import Enum


class SpareQuestion(Enum):
    """A question; its value is its title."""

    UNUSED = "indexes that were never scanned"
    DUPLICATE = "indexes that another one makes superfluous"
    INVALID = "invalid indexes"
    FOREIGN_KEY = "foreign keys without an index on their own columns"
    SEQUENCE = "sequences near their end"
    NO_KEY = "tables without a primary key"


@dataclass(frozen=True, slots=True)
class SpareFinding:
    """One object that a question found.

    `name` and `table` are as SQL writes them. `statement` is the SQL to look at it or to change it, which nobody runs;
    `size` is in bytes as of the last VACUUM or ANALYZE, if it is about an index or a table.
    """

    question: SpareQuestion
    name: str
    table: str
    reason: str
    statement: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class SpareFindings:
    """What was found, in the order of the questions, and what the answers rest on.

    Attributes:
        since: When the statistics began to count; None if they were never reset, or that is not known.
        is_replica: Whether the server is a replica, which counts its own scans only.
        replicas: How many replicas get their changes from this server, as far as the role may see.
        unseen: How many sequences the role may not read.
    """

    findings: tuple[SpareFinding, ...] = ()
    since: datetime.datetime | None = None
    is_replica: bool = False
    replicas: int = 0
    unseen: int = 0

    def of(self, question: SpareQuestion) -> tuple[SpareFinding, ...]:
        """Return what a question found."""
        return tuple(each for each in self.findings if each.question is question)
