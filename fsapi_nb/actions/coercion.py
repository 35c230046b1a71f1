"""Whether rows stay as they are when the type of a column changes, and whether values are lost, by PostgreSQL's rules.

Source: `ATColumnChangeRequiresRewrite` in PostgreSQL's `tablecmds.c`, and the support functions of length coercions. What
depends on the session's time zone, and arrays, are left undecided.
"""

from __future__ import annotations

from fsapi_nb.actions.tree_names import modifiers
from fsapi_nb.model.table_facts import ColumnShape, TableFacts, TypeShape

#: The most digits of a fraction of a second.
_MAX_PRECISION = 6
_TEMPORAL = {"timestamp", "timestamptz", "time", "timetz"}
_HEADER = 4  # of lengths and precisions in a modifier
_MAX_SCALE = 1000
_INTEGERS = {"int2", "int4", "int8"}
#: Types that have each value of others, exactly.
_WIDER = {"float4": {"int2"}, "float8": {"int2", "int4", "float4"}, "timestamp": {"date"}}


def stays_as_is(column: ColumnShape, number: int, written: str, facts: TableFacts) -> bool | None:
    """Return whether values of a column need not be written again as another type; None if that is not known.

    Args:
        column: The column as it is.
        number: The number of the new type.
        written: The new type as SQL writes it, with its modifiers.
        facts: The facts of the catalog.
    """
    new = facts.types.get(number)
    modifier = modifier_of(new, written) if new else None
    if new is None or modifier is None:
        return None
    if number == column.type:
        return _holds(new, column.modifier, modifier)
    while new is not None and new.kind == "d":
        if new.is_constrained:
            return False
        number, modifier, new = new.base, new.modifier, facts.types.get(new.base)
    base, base_modifier, old = _without_domains(column.type, column.modifier, facts)
    if new is None or old is None:
        return None
    if number == base:
        return _holds(new, base_modifier, modifier)
    if (base, number) in facts.casts:
        return modifier < 0
    return None if new.name in _TEMPORAL or not {old.kind, new.kind} <= {"b", "e"} else False


def loses_nothing(column: ColumnShape, number: int, written: str, facts: TableFacts) -> bool:
    """Return whether each value of a column stays the same value as another type, or the change fails.

    A number that is too large, or a text that is not a value of an enum, is not lost: it is an error, and nothing is
    changed. The parameters are those of `stays_as_is`.
    """
    written_type = facts.types.get(number)
    written_modifier = modifier_of(written_type, written) if written_type else None
    if written_modifier is None:
        return False
    number, modifier, new = _without_domains(number, written_modifier, facts)
    base, limit, old = _without_domains(column.type, column.modifier, facts)
    if new is None or old is None:
        return False
    if (number == base and _holds(new, limit, modifier)) or ((base, number) in facts.casts and modifier < 0):
        return True
    match new.name:
        case "numeric" if old.name in _INTEGERS:
            return modifier < 0 or _numeric(modifier)[1] >= 0
        case "numeric" if old.name == "numeric" and limit >= 0:
            return _numeric(modifier)[1] >= _numeric(limit)[1]
        case name if name in _INTEGERS:
            return old.name in _INTEGERS
        case name:
            return new.kind == "e" or old.name in _WIDER.get(name, ())


def _without_domains(number: int, modifier: int, facts: TableFacts) -> tuple[int, int, TypeShape | None]:
    """Return the type that a domain is of, with its modifier; a type that is not a domain as it is."""
    kind = facts.types.get(number)
    while kind is not None and kind.kind == "d":
        number, modifier, kind = kind.base, kind.modifier, facts.types.get(kind.base)
    return number, modifier, kind


def modifier_of(new: TypeShape, written: str) -> int | None:
    """Return the modifier of a type as the catalog keeps it, -1 if it has none; None if it is not known how."""
    given = modifiers(written)
    if not given:
        return None if new.name in {"bpchar", "interval"} else -1
    match new.name:
        case "varchar" | "bpchar" if len(given) == 1:
            return given[0] + _HEADER
        case "numeric" if len(given) <= 2:
            precision, scale = given[0], given[1] if len(given) == 2 else 0
            return ((precision << 16) | (scale & 0x7FF)) + _HEADER
        case name if name in _TEMPORAL and len(given) == 1:
            return min(given[0], _MAX_PRECISION)
        case _:
            return None


def _holds(kind: TypeShape, old: int, new: int) -> bool | None:
    """Return whether a modifier of a type allows all values that another one allows."""
    if new in (-1, old):
        return True
    match kind.name:
        case "varchar":
            return old >= 0 and new >= old
        case "numeric":
            if old < 0:
                return False
            (precision, scale), (longer, other) = _numeric(old), _numeric(new)
            return scale == other and longer >= precision
        case name if name in _TEMPORAL:
            return new >= _MAX_PRECISION or 0 <= old <= new
        case "bpchar":
            return False
        case _:
            return None


def _numeric(modifier: int) -> tuple[int, int]:
    """Return how many digits a number may have, and how many of them behind the point; less than none from 15 on."""
    scale = (modifier - _HEADER) & 0x7FF
    return (modifier - _HEADER) >> 16, scale - 0x800 if scale > _MAX_SCALE else scale
