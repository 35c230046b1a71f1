"""Where each migration stands, and what there is to know of one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from fsapi_nb.model.history import HistoryEntry
from fsapi_nb.model.migration import Migration
from fsapi_nb.model.place import Problem
from fsapi_nb.model.plan import Plan


class State(Enum):
    """Where one migration stands."""

    APPLIED = "applied"
    PENDING = "pending"
    LATE = "late"
    DRIFTED = "drifted"
    MISSING = "missing"
    PARTLY_APPLIED = "partly applied"
    IN_DOUBT = "in doubt"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """One line of a status: a name, where it stands, and what the file and the database say of it.

    `migration` is None if there is no sound file, or if it was not read: that of an applied migration that has not
    changed. `by` is the role that applied it, where the journal tells.
    """

    name: str
    state: State
    entry: HistoryEntry | None = None
    migration: Migration | None = None
    problems: tuple[Problem, ...] = ()
    note: str | None = None
    rolling_back: bool = False
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What there is to know of one migration: its scripts (without passwords), and what would run of it next.

    `plan` is its UP where it is not applied, its DOWN where it is; empty with the reason in `refusal` where it cannot
    run. `difference` is what its file says differently from what ran. `up_line` and `down_line` are the numbers of the
    first lines of the scripts, as errors and plans count them; None if large data was left out, after which no line has
    its number.
    """

    up: str | None
    down: str | None
    plan: Plan
    refusal: str | None = None
    difference: tuple[str, ...] = ()
    up_line: int | None = None
    down_line: int | None = None
