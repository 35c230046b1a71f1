"""Whether a column's values stay as they are if its type changes, so that the table is not written again. Pure.

The rules are those of PostgreSQL's ALTER TABLE ("binary coercible" types, and limits that only become wider).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fsapi_nb.model.column_facts import ColumnFacts

_WRITTEN = re.compile(r"(?P<name>[a-z ]+?)\s*(?:\((?P<limits>[\d, ]+)\))?(?P<zone> with(?:out)? time zone)?")
#: Names of types in scripts, as PostgreSQL's catalog writes them.
_NAMES = {
    "varchar": "character varying",
    "decimal": "numeric",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "timetz": "time with time zone",
    "time": "time without time zone",
}
_TEXTS = {"text", "character varying"}
_MOMENTS = {"timestamp with time zone", "timestamp without time zone"}
_LIMITED = {*_MOMENTS, "time with time zone", "time without time zone"}
_NO_LIMIT = 1 << 30


class _WrittenType(NamedTuple):
    """A type's name as the catalog writes it, and its limits."""

    name: str
    limits: tuple[int, ...]


def stays_as_it_is(column: ColumnFacts, written: str) -> bool:
    """Return whether neither the rows of the table nor its indexes are looked at if the column gets that type.

    Args:
        column: What is known of the column.
        written: The new type as SQL writes it.
    """
    if column.constrained:
        return False
    old, new = _read(column.type), _read(written)
    if old is None or new is None:
        return False
    if {old.name, new.name} == _MOMENTS:
        return column.utc and not column.indexed and _wider(old, new)
    if {old.name, new.name} <= _TEXTS or (old.name == new.name and old.name in _LIMITED):
        return _wider(old, new)
    if old.name == new.name == "numeric":
        return not new.limits or (
            len(old.limits) == len(new.limits) and _wider(old, new) and old.limits[1:] == new.limits[1:]
        )
    return (old.name, new.name) == ("cidr", "inet") or (old.name == new.name and old == new)


def _read(written: str) -> _WrittenType | None:
    found = _WRITTEN.fullmatch(written)
    if found is None:
        return None
    name = found["name"] + (found["zone"] or "")
    limits = tuple(int(limit) for limit in (found["limits"] or "").split(",") if limit.strip())
    return _WrittenType(_NAMES.get(name, name), limits)


def _wider(old: _WrittenType, new: _WrittenType) -> bool:
    """Return whether the first limit of a new type is no narrower than that of an old one; none is the widest."""
    before, after = (next(iter(each.limits), _NO_LIMIT) for each in (old, new))
    return after >= before
