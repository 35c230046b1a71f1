"""Whether what a fact depends on is so, as far as the catalog tells.

Only what the catalog tells for certain is decided, and only as long as nothing that the plan does before can have
changed it. `tests/actions/test_conditions.py` holds each decision against what a server does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from fsapi_nb.actions.lookup import CONSTRAINTS, INDEXES, REFERRING, TYPE, AddedConstraint, Lookup, MeantTable
from fsapi_nb.actions.plan import StatementActions
from fsapi_nb.actions.tree_names import catalog_type, joined, split_name
from fsapi_nb.actions.type_change import rewrites
from fsapi_nb.model.action import Action, Condition, Kin, TableSet
from fsapi_nb.model.table_facts import ConstraintShape, TableShape

_OF_PARTS = {"column", "constraint", "trigger", "rule", "policy"}
_CASCADES = {"c", "n", "d"}
#: Tables that are found by foreign keys: what these are is seen in the action's own table, or by those that lead to it.
_REFERRING = {Kin.REFERRING, Kin.OWN_REFERRING, Kin.ALL_REFERRING}
_REFERENCED = {Kin.REFERENCED, Kin.OWN_REFERENCED}
#: What depends on the constraints of a column, and not on its type.
_OF_KEYS = {Condition.IF_COLUMN_REFERS, Condition.IF_COLUMN_IS_IN_KEY, Condition.IF_COLUMN_IS_CHECKED}
_OF_INDEXES = {Condition.IF_REWRITTEN_OR_INDEXED, Condition.UNLESS_EXISTS}


class Case(NamedTuple):
    """What a condition is about: an action, a set of tables, and one of them, whose shape is known, as that of `own`.

    `own` is the table that the action is about, `part` its column, constraint or other part. `is_lock` says that a lock
    depends on it, and no work.
    """

    action: Action
    tables: TableSet
    meant: MeantTable
    shape: TableShape
    own_number: int
    own: TableShape
    part: str
    statement: StatementActions
    lookup: Lookup
    is_lock: bool


def own_table(action: Action) -> TableSet:
    """Return the table that an action is about."""
    *parts, _ = split_name(action.object.name) or ("",)
    return TableSet(joined(parts) if action.object.kind in _OF_PARTS else action.object.name)


def holds(
    condition: Condition,
    action: Action,
    tables: TableSet,
    meant: MeantTable,
    statement: StatementActions,
    lookup: Lookup,
    *,
    is_lock: bool,
) -> bool | None:
    """Return whether it is so for one of the tables that are meant; None if that is not known."""
    if condition is Condition.IF_EXISTS and meant.table is None:
        return None if lookup.is_doubtful or not lookup.facts.sets else False
    if meant.table is None or meant.number is None or lookup.is_doubtful:
        return None
    match condition:
        case Condition.UNLESS_PARTITIONED:
            return meant.table.kind != "p"
        case Condition.IF_INDEXED:
            is_indexed = meant.table.indexes > 0 or (is_lock and meant.table.has_toast)  # which has an index, too
            return None if lookup.is_touched({meant.number}, {INDEXES}) else is_indexed
    if condition is Condition.UNLESS_EXISTS and action.object.kind == "index" and tables.kin is Kin.SELF:
        return _is_missing_index(action, meant, statement, lookup)
    if condition not in _DECISIONS:
        return None
    own = next(iter(lookup.tables(own_table(action), statement)), None)
    number = meant.number if own is None or own.number is None else own.number
    shape, own_shape = (lookup.facts.shapes.get(each) for each in (meant.number, number))
    part = (split_name(action.object.name) or ("",))[-1]
    known = _of_added(condition, action, lookup.added.get((number, part)), is_own=meant.number == number)
    if known is not None or shape is None or own_shape is None:
        return known
    # A foreign key to a column that is new, or has changed, is new as well: it touches the constraints of its table.
    keys = () if condition is Condition.IF_CASCADES else action.keys
    parts = {part, *keys, *_other_parts(condition, action, tables, own_shape)}
    of_meant = parts if number == meant.number else _parts_of_kin(tables.kin, parts)
    if lookup.is_touched({number}, parts) or lookup.is_touched({meant.number}, of_meant):
        return None
    case = Case(action, tables, meant, shape, number, own_shape, part, statement, lookup, is_lock)
    if _is_there(case):
        return False
    return _DECISIONS[condition](case)


def _of_added(condition: Condition, action: Action, added: AddedConstraint | None, *, is_own: bool) -> bool | None:
    """Return whether it is so for a constraint that the plan has added itself; `is_own` says that it is about its table."""
    if added is None or action.object.kind != "constraint":
        return None
    if condition is Condition.IF_FOREIGN_KEY and not added.is_key:
        return False
    return not added.is_valid if condition is Condition.UNLESS_VALID and is_own else None


def _parts_of_kin(kin: Kin, parts: set[str]) -> set[str]:
    """Return the parts of another table that a condition is about: of one that is found by a foreign key, only that."""
    if kin in _REFERENCED:
        return set()
    return {CONSTRAINTS} if kin in _REFERRING else parts


def _other_parts(condition: Condition, action: Action, tables: TableSet, own: TableShape) -> Iterator[str]:
    """Yield the parts of the action's table that a condition is about, beside those that the action names."""
    if condition not in _OF_KEYS:
        yield f"{TYPE}{split_name(action.object.name)[-1]}"
    if condition in _OF_INDEXES:
        yield INDEXES
    if tables.kin in _REFERRING and condition is not Condition.IF_CASCADES:  # which the other table's keys decide
        yield REFERRING
    if action.object.kind == "constraint" and split_name(action.object.name)[-1] not in own.constraints:
        yield CONSTRAINTS


def _is_there(case: Case) -> bool:
    """Return whether a column that is added is there already, so that its values are not made (IF NOT EXISTS)."""
    is_added = case.action.object.kind == "column" and case.action.words.startswith("add column ")
    return is_added and not case.is_lock and (case.part in case.own.columns or case.part in case.shape.columns)


# -- columns -------------------------------------------------------------------------------------------------------


def _refers(case: Case) -> bool | None:
    """Return whether a foreign key of the column leads to the table."""
    return any(_leads(each, case) for each in _keys(case.own) if case.part in each.columns)


def _is_in_key(case: Case) -> bool | None:
    """Return whether a foreign key covers the column, of this table or of one that refers to it."""
    if case.tables.kin is Kin.REFERRING:
        found = any(
            each.referenced == case.own_number and case.part in each.referenced_columns for each in _keys(case.shape)
        )
    else:
        found = any(_leads(each, case) for each in _keys(case.own) if case.part in each.columns)
    # What is checked again depends on the types, and what is locked of a partitioned table on the version.
    is_certain = case.is_lock and case.meant.table is not None and case.meant.table.kind != "p"
    return found if is_certain or not found else None


def _is_checked(case: Case) -> bool | None:
    covering = [each.kind for each in case.shape.constraints.values() if case.part in each.columns or not each.columns]
    return None if set(covering) & {"c", "f", "x"} else False


def _coercible(case: Case) -> bool | None:
    """Return whether the rows are written again: the condition is UNLESS_COERCIBLE."""
    return rewrites(case.action, case.shape, case.statement, case.lookup)


def _rewritten_or_indexed(case: Case) -> bool | None:
    if not case.shape.indexes:
        return False
    conditions = {work.condition for work in case.action.rewrites if work.tables == case.tables}
    is_rewritten = _is_rewritten(conditions, case)
    if is_rewritten is False:
        covers = any(case.part in each.columns or each.is_computed for each in case.shape.indexes.values())
        return None if covers else False
    return is_rewritten


def _is_rewritten(conditions: set[Condition | None], case: Case) -> bool | None:
    if None in conditions:
        return True
    decided = {_DECISIONS[each](case) for each in conditions if each in _DECISIONS}
    return decided.pop() if len(decided) == 1 else None


def _stored(case: Case) -> bool | None:
    column = case.shape.columns.get(case.part)
    return column.generated == "s" if column else None


def _unproven(case: Case) -> bool | None:
    """Return whether the rows are read: the condition is UNLESS_PROVEN."""
    column = case.shape.columns.get(case.part) if case.action.object.kind == "column" else None
    if column is None:
        return None
    return _has_nulls(case.shape, case.part)


def _has_nulls(shape: TableShape, name: str) -> bool | None:
    """Return whether a column may have nulls as far as the server knows; None if a CHECK may tell it more."""
    valid = [each for each in shape.constraints.values() if each.valid and name in each.columns]
    column = shape.columns.get(name)
    if column is None:
        return None
    if column.not_null:
        has_constraints = any(each.kind == "n" and name in each.columns for each in shape.constraints.values())
        return not any(each.kind == "n" for each in valid) if has_constraints else False
    checks = [each.definition for each in valid if each.kind == "c"]
    if f"CHECK (({joined([name])} IS NOT NULL))" in checks:
        return False
    return None if checks else True


def _key_has_nulls(case: Case) -> bool | None:
    """Return whether the rows are read for nulls: the condition is UNLESS_NOT_NULL."""
    if case.is_lock:
        return None
    found = {_has_nulls(case.shape, key) for key in case.action.keys}
    if not found or None in found:
        return None
    return True in found


def _constrained_domain(case: Case) -> bool | None:
    name = catalog_type(case.action.column_type or "")
    numbers = case.lookup.numbers_of("type", name, case.statement) if name else ()
    found = [case.lookup.facts.types.get(number) for number in numbers]
    if len(found) != 1 or found[0] is None:
        return None
    base: int | None = None
    kind = found[0]
    while kind.kind == "d" and not kind.is_constrained and kind.base != base:
        base = kind.base
        following = case.lookup.facts.types.get(base)
        if following is None:
            return None
        kind = following
    return kind.kind == "d" and kind.is_constrained


def _volatile(case: Case) -> bool | None:
    if not case.action.functions or _constrained_domain(case) is not False:
        return None
    answers: set[bool | None] = set()
    for name in case.action.functions:
        numbers = case.lookup.numbers_of("function", name, case.statement)
        answers |= {number in case.lookup.facts.volatile for number in numbers} or {None}
    return answers.pop() if len(answers) == 1 else None


# -- constraints and other parts -----------------------------------------------------------------------------------


def _foreign_key(case: Case) -> bool | None:
    constraint = case.own.constraints.get(case.part)
    if constraint is None or constraint.kind != "f":
        return False
    tables, number = case.lookup.facts.tables, case.meant.number
    while number is not None and number != constraint.referenced:
        number = tables[number].parent if number in tables else None
    return number == constraint.referenced and (case.is_lock or not constraint.valid)


def _has_rows(case: Case) -> bool | None:
    """Return whether the table that the action is about has rows; that it has none may change before the plan is run."""
    table = case.lookup.facts.tables.get(case.own_number)
    return True if table and table.size and table.size.rows else None


def _invalid(case: Case) -> bool | None:
    """Return whether the rows are read: the condition is UNLESS_VALID."""
    constraint = case.shape.constraints.get(case.part)
    return None if constraint is None else not constraint.valid


def _cascades(case: Case) -> bool | None:
    """Return whether a foreign key of the table may change its rows with those that it refers to."""
    words = case.action.words
    keys = [each for each in _keys(case.shape) if "delete" not in words and each.on_update in _CASCADES]
    if words.startswith("update "):
        keys = [
            each
            for each in keys
            if each.referenced != case.own_number or each.referenced_columns & set(case.action.keys)
        ]
    keys += [each for each in _keys(case.shape) if "update" not in words and each.on_delete in _CASCADES]
    if any(each.referenced == case.own_number for each in keys) and not words.startswith("merge "):
        return True
    return None if keys else False


def _exists(case: Case) -> bool | None:
    kind = case.action.object.kind
    if kind in {"trigger", "rule", "policy"}:
        return f"{kind} {case.part}" in case.own.parts
    return True


def _is_missing(case: Case) -> bool | None:
    """Return whether something is made: the condition is UNLESS_EXISTS."""
    is_own = case.meant.number == case.own_number or case.tables.name != own_table(case.action).name
    match case.action.object.kind:
        case "column" if is_own:
            return case.part not in case.own.columns
        case "column" if not case.is_lock:
            return case.part not in case.shape.columns
        case "constraint" if not is_own and case.part not in case.shape.constraints:
            return None if case.action.builds_index and case.shape.indexes else True
        case "index" | "table" if case.tables.kin is Kin.PARTITIONS and case.action.builds_index:
            return None if case.shape.indexes else True
    return None


def _is_missing_index(action: Action, meant: MeantTable, statement: StatementActions, lookup: Lookup) -> bool | None:
    """Return whether CREATE INDEX IF NOT EXISTS builds it: unless a relation has its name, of another table, too."""
    shape = lookup.facts.shapes.get(meant.number or 0)
    if shape is None or meant.number is None or lookup.is_touched({meant.number}, {INDEXES}):
        return None
    if split_name(action.object.name)[-1] in shape.indexes:
        return False
    return None if lookup.tables(own_table(action), statement) else True


def _leads(key: ConstraintShape, case: Case) -> bool:
    return key.referenced == case.meant.number


def _keys(shape: TableShape) -> list[ConstraintShape]:
    return [each for each in shape.constraints.values() if each.kind == "f"]


_DECISIONS: dict[Condition, Callable[[Case], bool | None]] = {
    Condition.IF_COLUMN_REFERS: _refers,
    Condition.IF_COLUMN_IS_IN_KEY: _is_in_key,
    Condition.IF_COLUMN_IS_CHECKED: _is_checked,
    Condition.UNLESS_COERCIBLE: _coercible,
    Condition.IF_REWRITTEN_OR_INDEXED: _rewritten_or_indexed,
    Condition.IF_STORED: _stored,
    Condition.UNLESS_PROVEN: _unproven,
    Condition.UNLESS_NOT_NULL: _key_has_nulls,
    Condition.IF_CONSTRAINED_DOMAIN: _constrained_domain,
    Condition.IF_VOLATILE: _volatile,
    Condition.IF_FOREIGN_KEY: _foreign_key,
    Condition.UNLESS_VALID: _invalid,
    Condition.IF_ROWS: _has_rows,
    Condition.IF_CASCADES: _cascades,
    Condition.IF_EXISTS: _exists,
    Condition.UNLESS_EXISTS: _is_missing,
}
