"""Which triggers of users a statement may fire: what these do stands in functions, and is not known. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from fsapi_nb.actions.lookup import Lookup
from fsapi_nb.actions.plan import StatementActions
from fsapi_nb.actions.tree_names import joined
from fsapi_nb.model.action import Action, TableSet
from fsapi_nb.model.table_facts import RowEvent, UserTrigger

_I, _U, _D = RowEvent.INSERT, RowEvent.UPDATE, RowEvent.DELETE
#: What is said of statements that write rows, as it begins, and what triggers see of them.
_EVENTS = {
    "insert or update rows ": _I | _U,
    "insert rows ": _I,
    "copy rows into ": _I,
    "update ": _U,
    "delete ": _D,
    "merge rows ": _I | _U | _D,
    "empty table ": RowEvent.TRUNCATE,
}


def fired_triggers(statement: StatementActions, lookup: Lookup) -> Iterator[str]:
    """Yield, for each table that a statement writes, what is unknown of it: what triggers do."""
    for action in statement.actions:
        events = _events(action)
        for meant in lookup.tables(TableSet(action.object.name), statement) if events else ():
            names = [
                joined([each.name])
                for each in (meant.table.triggers if meant.table else ())
                if each.events & events and _sees(each, action)
                if not lookup.is_touched({meant.number or 0}, {each.name})
            ]
            if names:
                several = len(names) > 1
                yield f"what trigger{'s' * several} {', '.join(names)} of {meant.name} do{'es' * (not several)}"


def _events(action: Action) -> RowEvent:
    words = action.words.removeprefix("explain and run: ")
    return next((events for begin, events in _EVENTS.items() if words.startswith(begin)), RowEvent(0))


def _sees(trigger: UserTrigger, action: Action) -> bool:
    """Return whether a trigger may fire for the columns that an action writes, if it is only for some."""
    is_update = action.words.removeprefix("explain and run: ").startswith("update ")
    return not (is_update and trigger.columns) or not trigger.columns.isdisjoint(action.keys)
