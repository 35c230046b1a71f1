"""Whether a change of a column's type rewrites rows and loses values, as far as the catalog tells."""

from __future__ import annotations

from typing import NamedTuple

from fsapi_nb.actions.coercion import loses_nothing, stays_as_is
from fsapi_nb.actions.lookup import TYPE, Lookup, MeantTable
from fsapi_nb.actions.plan import StatementActions
from fsapi_nb.actions.tree_names import catalog_type, split_name
from fsapi_nb.model.action import Action
from fsapi_nb.model.table_facts import ColumnShape, TableShape


class TypeChange(NamedTuple):
    """A column as it is, and its new type: the number of it, and as SQL writes it."""

    column: ColumnShape
    number: int
    written: str


def type_change(action: Action, shape: TableShape, statement: StatementActions, lookup: Lookup) -> TypeChange | None:
    """Return what an action changes the type of a column to; None if the types alone do not tell what becomes of it."""
    column = shape.columns.get((split_name(action.object.name) or ("",))[-1])
    written = action.column_type
    name = catalog_type(written) if written else None
    numbers = lookup.numbers_of("type", name, statement) if name else ()
    if column is None or written is None or len(numbers) != 1:
        return None
    return TypeChange(column, numbers[0], written)


def rewrites(action: Action, shape: TableShape, statement: StatementActions, lookup: Lookup) -> bool | None:
    """Return whether the rows are written again; None if that is not known."""
    change = type_change(action, shape, statement, lookup)
    stays = stays_as_is(*change, lookup.facts) if change else None
    return None if stays is None else not stays


def keeps_values(action: Action, meant: MeantTable, statement: StatementActions, lookup: Lookup) -> bool:
    """Return whether an action changes the type of a column, and certainly loses nothing of it."""
    shape = lookup.facts.shapes.get(meant.number) if meant.number is not None else None
    part = (split_name(action.object.name) or ("",))[-1]
    if (
        shape is None
        or meant.number is None
        or lookup.is_doubtful
        or lookup.is_touched({meant.number}, {part, f"{TYPE}{part}"})
    ):
        return False
    change = type_change(action, shape, statement, lookup)
    return change is not None and loses_nothing(*change, lookup.facts)
