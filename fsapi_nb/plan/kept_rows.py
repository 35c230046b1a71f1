"""Choose the row of the history that must still be there when a step of a plan is done.

A script that empties every table of a schema empties the history, too: everything before it would be pending again. A
row that nothing in the plan takes away shows whether that happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fsapi_nb.model.history import HistoryEntry
from fsapi_nb.model.migration import Direction
from fsapi_nb.model.plan import Plan


class KeptRow(NamedTuple):
    """The row of a migration that is applied; `has_script` says that its text is kept beside it."""

    name: str
    has_script: bool


def rows_kept(plan: Plan, entries: Sequence[HistoryEntry]) -> list[KeptRow | None]:
    """Return the row for each step of the plan; None for a step before which nothing is applied.

    `entries` are the history as it is before the first step.
    """
    planned = {part.migration.name for step in plan.steps for part in step.parts}
    newest = next((entry for entry in reversed(entries) if entry.name not in planned), None)
    kept = untouched = KeptRow(newest.name, newest.checksum is not None) if newest else None
    rows: list[KeptRow | None] = []
    for step in plan.steps:
        rows.append(kept)
        for part in step.parts:
            if part.completes:
                kept = KeptRow(part.migration.name, has_script=True) if part.direction is Direction.UP else untouched
    return rows
