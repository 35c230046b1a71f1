"""Which parts of relations a statement may change: nothing is decided from the catalog by these for later statements."""

from __future__ import annotations

from collections.abc import Iterator

from fsapi_nb.actions.conditions import own_table
from fsapi_nb.actions.lookup import CONSTRAINTS, EVERY, INDEXES, REFERRING, TYPE, Lookup, MeantTable
from fsapi_nb.actions.plan import StatementActions
from fsapi_nb.actions.tree_names import split_name
from fsapi_nb.model.action import Action, Kin
from fsapi_nb.model.table_facts import ConstraintShape, TableShape

#: Beginnings of what is said of changes that no condition depends on.
_HARMLESS = (
    "comment on ",
    "change owner of ",
    "choose ",
    "disable ",
    "empty table ",
    "enable ",
    "force ",
    "move table ",
    "no longer ",
    "drop default of ",
    "rename table ",
    "reset options ",
    "set default of ",
    "set options ",
    "set replica ",
)
#: Kinds of parts that no other part depends on.
_ALONE = {"trigger", "rule", "policy"}


def touched_parts(action: Action, meant: MeantTable, statement: StatementActions, lookup: Lookup) -> Iterator[str]:
    """Yield the parts of a relation that an action locks and may change, by their names; EVERY for any of them."""
    words = action.words
    if words.startswith(_HARMLESS):
        return
    if action.object.kind == "index" or words.startswith(("create index ", "create unique index ")):
        yield INDEXES
        return
    numbers = [each.number for each in lookup.tables(own_table(action), statement) if each.number is not None]
    is_own = meant.number in numbers
    own, other = (lookup.facts.shapes.get(each or 0) for each in (next(iter(numbers), None), meant.number))
    if words.startswith("create table ") or (words.startswith("drop table ") and not is_own and not _cascades(action)):
        yield REFERRING
        return
    if other is None:
        yield EVERY
        return
    if words.startswith("drop table ") and not is_own and not _refers(other, numbers):
        yield REFERRING  # CASCADE takes views, and foreign keys of tables that refer to it
        return
    is_tied = bool(own and other and not is_own) and _are_tied((numbers[0], own), (meant.number, other))
    if not is_tied:
        yield from _of_table(action, own or TableShape())
    if not is_own:
        yield from _of_other_end(action, own or TableShape())


def _cascades(action: Action) -> bool:
    return any(lock.tables.kin is Kin.DEPENDENT for lock in action.locks)


def _refers(shape: TableShape, numbers: list[int]) -> bool:
    """Return whether a table has a foreign key to one of these."""
    return any(key.referenced in numbers for key in shape.constraints.values())


def _are_tied(one: tuple[int, TableShape | None], other: tuple[int | None, TableShape | None]) -> bool:
    """Return whether a foreign key leads from one of two tables to the other."""
    pairs = ((one[1], other[0]), (other[1], one[0]))
    return any(key.referenced == number for shape, number in pairs if shape for key in shape.constraints.values())


def _of_table(action: Action, shape: TableShape) -> Iterator[str]:
    """Yield what an action may change of the table that it is about, and of partitions and heirs."""
    name, words, kind = (split_name(action.object.name) or ("",))[-1], action.words, action.object.kind
    if kind == "column" and not words.startswith("rename "):
        yield f"{TYPE}{name}"
        if words.startswith("drop ") or _has_constraints(action):
            yield from (name, INDEXES, CONSTRAINTS)
            yield from (each for key in shape.constraints.values() if name in key.columns for each in key.columns)
        elif action.builds_index:
            yield INDEXES
    elif words.startswith(("drop constraint ", "validate constraint ")):
        yield from _of_constraint(name, shape.constraints.get(name))
    elif words.startswith("add ") and action.keys:
        yield from (name, CONSTRAINTS, INDEXES, *action.keys)
    else:
        yield name if kind in _ALONE else EVERY


def _has_constraints(action: Action) -> bool:
    """Return whether a column is added with constraints: these are checked, built, or lock another table."""
    others = {lock.tables.name for lock in action.locks} - {own_table(action).name}
    is_checked = action.scans or action.builds_index or others
    return action.words.startswith("add ") and bool(is_checked)


def _of_constraint(name: str, constraint: ConstraintShape | None) -> Iterator[str]:
    """Yield what goes with a constraint: any part with one that is not known, or whose columns are not."""
    if constraint is None or not constraint.columns:
        yield EVERY
    else:
        yield from (name, INDEXES, *constraint.columns)


def _of_other_end(action: Action, shape: TableShape) -> Iterator[str]:
    """Yield what an action may change of a table that a foreign key leads to, or comes from."""
    if action.object.kind == "column":
        if action.words.startswith(("add ", "drop ")):
            yield REFERRING
        return
    constraint = shape.constraints.get((split_name(action.object.name) or ("",))[-1])
    is_key = constraint is not None and constraint.kind == "f" and action.words.startswith("drop constraint ")
    yield REFERRING if is_key or (action.words.startswith("add ") and action.keys) else EVERY
