"""Rows of other tables that are lost with those of one table, by the foreign keys that lead to it."""

from __future__ import annotations

from collections.abc import Iterator

from fsapi_nb.actions.conditions import own_table
from fsapi_nb.actions.lookup import CONSTRAINTS, REFERRING, Lookup, MeantTable
from fsapi_nb.actions.plan import StatementActions
from fsapi_nb.model.action import Action, Kin, Loss, LossKind
from fsapi_nb.model.forecast import DataLoss

_CASCADE = "c"


def lost_with_rows(action: Action, statement: StatementActions, lookup: Lookup) -> Iterator[DataLoss]:
    """Yield what is lost of other tables when an action deletes rows: those that refer to them by ON DELETE CASCADE."""
    own = own_table(action)
    gone = {each.number for each in lookup.tables(own, statement)}
    if not action.words.startswith("delete ") or not gone or lookup.is_doubtful:
        return
    waiting = [each for each in _referring(action, statement, lookup) if each.number not in gone]
    while found := next((each for each in waiting if _goes_with(each, gone, lookup)), None):
        waiting.remove(found)
        gone.add(found.number)
        if found.table and found.table.parent not in gone:
            yield DataLoss(Loss(LossKind.ROWS, found.name, f"rows of {found.name} that refer to {own.name}"))


def _goes_with(meant: MeantTable, gone: set[int | None], lookup: Lookup) -> bool:
    """Return whether rows of a table are deleted with those of others, as far as the plan has not changed that."""
    shape = lookup.facts.shapes.get(meant.number or 0)
    if shape is None or meant.number is None or lookup.is_touched({meant.number}, {CONSTRAINTS}):
        return False
    keys = (each for each in shape.constraints.values() if each.kind == "f" and each.on_delete == _CASCADE)
    return any(key.referenced in gone and not lookup.is_touched({key.referenced or 0}, {REFERRING}) for key in keys)


def emptied_with(action: Action, statement: StatementActions, lookup: Lookup) -> tuple[DataLoss, ...] | None:
    """Return what TRUNCATE ... CASCADE empties beside the table itself; None if the catalog does not tell."""
    gone = {each.number for each in lookup.tables(own_table(action), statement)}
    if lookup.is_doubtful or not gone or None in gone:
        return None
    found = [each for each in _referring(action, statement, lookup) if each.table and each.number not in gone]
    numbers = {each.number for each in found}
    return tuple(
        DataLoss(Loss(LossKind.ROWS, each.name, f"all rows of {each.name}"), each.table.size)
        for each in found
        if each.table and each.table.parent not in numbers
    )


def _referring(action: Action, statement: StatementActions, lookup: Lookup) -> tuple[MeantTable, ...]:
    return lookup.tables(own_table(action)._replace(kin=Kin.ALL_REFERRING), statement)
