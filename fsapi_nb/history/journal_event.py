"""Check the events of the journal before they are folded.

Any role that may write the journal may have written them.

An event that is skipped could hide that a migration has run, so an event of another form is an error.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fsapi_nb.errors import UNCHANGED, HistoryError
from fsapi_nb.history.tables import Tables
from fsapi_nb.model.migration import Direction
from fsapi_nb.postgres.session import Rows

#: The events that are of a direction of a migration.
DIRECTIONS = frozenset(direction.value for direction in Direction)


def sound_events(rows: Rows, tables: Tables) -> Rows:
    """Return the rows without their first column, the id.

    Args:
        rows: Events: id, migration, event, state, step, steps, step_checksum, script, witness and message.
        tables: The tables of the history, to name the journal.

    Raises:
        HistoryError: One of the events is not one that a verb writes.
    """
    for number, *row in rows:
        fault = fault_of(row)
        if fault:
            event = f"FROM {tables.written[2]} WHERE id = {number}"
            raise HistoryError(
                f"the event {number} of {tables.written[2]} is not one that fsapi_nb writes: {fault}",
                state=UNCHANGED,
                hint=f"look at it: SELECT * {event}; if something else wrote it, take it out: DELETE {event};",
            )
    return [row[1:] for row in rows]


def fault_of(row: Sequence[Any]) -> str | None:
    """Return what is wrong with an event, given as `sound_events` returns it; None if nothing is."""
    name, event, state, step, steps, *_, message = row
    if event == "fresh":
        return None
    if name is None:
        return "it names no migration"
    if event == "rollback":
        return None if _is_list_of_names(message) else "its message is not a list of names"
    if event not in DIRECTIONS:
        return None
    if step is None or steps is None or step < 1:
        return "its step number is missing or below 1"
    return "it does not say what is in doubt" if state == "in doubt" and message is None else None


def _is_list_of_names(text: str | None) -> bool:
    try:
        names = json.loads(text or "")
    except (ValueError, RecursionError):
        return False
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
