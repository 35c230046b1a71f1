"""Whether what a fact depends on is so, as far as the catalog tells.

Only what the catalog tells for certain is decided, and only as long as nothing that the plan does before can have
changed it.
"""

from __future__ import annotations

from fsapi_nb.actions.lookup import MeantTable
from fsapi_nb.model.action import Action, Condition, TableSet


def holds(condition: Condition, action: Action, tables: TableSet, meant: MeantTable) -> bool | None:
    """Return whether it is so for one of the tables that are meant; None if that is not known."""
    if meant.table is None:
        return None
    match condition:
        case Condition.UNLESS_PARTITIONED:
            return meant.table.kind != "p"
        case Condition.IF_INDEXED:
            return meant.table.indexes > 0
    return None
