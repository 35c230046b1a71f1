"""Write what drops everything that definitions create, in an order in which it can be run. Pure.

What goes with its parent is not named, so that the text stays short: a table takes its keys and indexes with it, and the
sequences that only it uses.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from fsapi_nb.catalog.ddl.definition import LATER, Definition, ObjectAddress
from fsapi_nb.catalog.ddl.script import written

_PUBLIC = ("schema", "public")  # which is in every database
_REPLACEABLE = re.compile(r"\ACREATE VIEW\b")
_OF_RIGHTS = re.compile(r"\A(?:ALTER DEFAULT PRIVILEGES|GRANT|REVOKE) ")
#: A quoted name, or a word that turns around; as names these are quoted, because PostgreSQL reserves them.
_WORDS = re.compile(r'("(?:[^"]|"")*")|\b(GRANT|REVOKE|TO|FROM)\b')
_OPPOSITE = {"GRANT": "REVOKE", "REVOKE": "GRANT", "TO": "FROM", "FROM": "TO"}
_OWNER_OF_SEQUENCE = "owner of sequence"
_ROWS = "rows of materialized view"


def drops_of(definitions: Sequence[Definition]) -> tuple[str, ...]:
    """Return the statements that drop what these definitions create in an empty database.

    They are to be run with the settings of `script.SETTINGS`.
    """
    place: dict[ObjectAddress, int] = {}
    for number, each in enumerate(definitions):
        place.setdefault(each.address, number)
    owned = _owned_sequences(definitions)
    left = Counter(each.address for each in definitions)
    dropped: set[ObjectAddress] = set()
    statements: list[str] = []
    for each, _ in reversed(written(definitions)):
        left[each.address] -= 1
        if each.address in dropped:
            continue
        if left[each.address] and each.address.catalog == "pg_type":  # and its functions need each other
            dropped |= {each.address} | {user.address for user in definitions if _are_a_cycle(each, user)}
            statements.append(f"{each.drop.removesuffix(';')} CASCADE;")
        elif left[each.address]:  # of a cycle: what it refers to can be dropped once it is a stub again
            statements += (_REPLACEABLE.sub("CREATE OR REPLACE VIEW", statement) for statement in each.stub)
        elif (each.kind, each.identity) == _PUBLIC or each.kind == "default acl":
            statements += filter(None, map(_undone, reversed(each.create)))
        elif each.drop and not _goes_with_others(each, place, owned):
            statements.append(each.drop)
    return tuple(statements)


def _undone(statement: str) -> str:
    """Return what undoes a GRANT, a REVOKE, or the comment of the schema public; nothing for another statement."""
    if statement.startswith("COMMENT ON SCHEMA public IS"):
        return "COMMENT ON SCHEMA public IS 'standard public schema';"
    if not _OF_RIGHTS.match(statement):
        return ""
    swapped = _WORDS.sub(lambda found: found[1] or _OPPOSITE[found[2]], statement)
    return swapped.replace(" WITH REVOKE OPTION;", ";")


def _are_a_cycle(one: Definition, other: Definition) -> bool:
    """Return whether both need each other."""
    return other.address in one.needs and one.address in other.needs


def _goes_with_others(each: Definition, place: dict[ObjectAddress, int], owned: set[int]) -> bool:
    """Return whether an object is gone, or not to be dropped, once what comes after it is dropped."""
    if each.kind == _ROWS or _is_attached(each):
        return True
    if each.address.catalog == "pg_class" and each.address.oid in owned:
        return True
    if each.parent is None or each.parent not in place:
        return False
    # What it needs and what comes behind its parent is dropped before the parent, and so it must go before that.
    return all(place.get(need, 0) <= place[each.parent] for need in each.needs)


def _is_attached(each: Definition) -> bool:
    """Return whether it is the part of an index or key of a partitioned table, which cannot be dropped apart."""
    return any(text.startswith("ALTER INDEX ") and " ATTACH PARTITION " in text for text in each.create)


def _owned_sequences(definitions: Sequence[Definition]) -> set[int]:
    """Return the OIDs of sequences that belong to a column, and that nothing else than its table uses."""
    parents = {each.address: each.parent for each in definitions}
    tables = {
        each.address.oid: each.parent
        for each in definitions
        if each.kind == _OWNER_OF_SEQUENCE and each.address.part == LATER and each.parent is not None
    }
    used_elsewhere = {
        need.oid
        for each in definitions
        for need in each.needs
        if need.catalog == "pg_class"
        and need.oid in tables
        and each.address.oid != need.oid
        and tables[need.oid] not in (each.address, parents.get(each.address))
    }
    return tables.keys() - used_elsewhere
