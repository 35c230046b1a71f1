"""The statements that create what is missing, drop what is not wanted, and replace what can be replaced. Pure.

A table, a type or a sequence that differs itself is not replaced: what it holds would be lost. It is changed where it is
(`in_place`), as far as that goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fsapi_nb.catalog.change.in_place import TableChange, change_enum, change_sequence, change_table, take_back
from fsapi_nb.catalog.ddl.definition import Definition, ObjectAddress
from fsapi_nb.catalog.ddl.definitions import Definitions
from fsapi_nb.catalog.ddl.script import written

#: What can be dropped and created again without loss of data.
REPLACEABLE = frozenset(
    {
        "aggregate",
        "cast",
        "default acl",
        "default value",
        "domain constraint",
        "event trigger",
        "function",
        "index",
        "materialized view",
        "operator",
        "policy",
        "procedure",
        "publication",
        "rule",
        "statistics object",
        "table constraint",
        "trigger",
        "view",
    }
)
#: What has to go while a column that it reads gets another type.
_READERS = frozenset({"view", "materialized view", "rule", "policy", "trigger", "function", "procedure"})
#: What runs queries or has to do with data, and is not part of a schema.
ROWS = "rows of materialized view"
_RIGHT = re.compile(r"(GRANT|REVOKE) (.+) ON (.+) (TO|FROM) (\S+?)( WITH GRANT OPTION)?;", re.DOTALL)
_DEFAULT_RIGHT = re.compile(
    r"(ALTER DEFAULT PRIVILEGES .*?)(GRANT|REVOKE) (.+) ON (\w+) (TO|FROM) (\S+?)( WITH GRANT OPTION)?;", re.DOTALL
)
_COMMENT = re.compile(r"COMMENT ON .+? IS ", re.DOTALL)
_BESIDE = ("GRANT ", "REVOKE ", "COMMENT ON ", "ALTER DEFAULT PRIVILEGES ")

Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class WholeObjects:
    """Statements in the order in which they are to be run."""

    drops: tuple[str, ...] = ()
    alters: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.statements)

    @property
    def statements(self) -> tuple[str, ...]:
        """All of them, in the order in which they are to be run."""
        return (*self.drops, *self.alters, *self.creates, *self.beside)


def whole_objects(here: Definitions, there: Definitions) -> WholeObjects:
    """Return what leads from the objects that are here to those that are there, as far as whole objects do."""
    old, new = _by_key(here), _by_key(there)
    gone = [each for key, each in old.items() if key not in new]
    changed = [key for key in old if key in new and old[key].create != new[key].create]
    replaced = {key for key in changed if old[key].kind in REPLACEABLE and _first(old[key]) != _first(new[key])}
    kept = [(old[key], new[key]) for key in changed if key not in replaced]
    tables = {
        other.address: change_table(one, other, _inline(there, other)) for one, other in kept if one.kind == "table"
    }
    retyped = {one.address for one, other in kept if other.address in tables and tables[other.address].retyped}
    readers = [each for each in here.ordered if each.kind in _READERS and each.needs & retyped]
    leaving = {_key(each) for each in gone}
    replaced |= {_key(each) for each in readers if _key(each) in new}
    replaced |= _dependents([*gone, *(old[key] for key in replaced)], here, old)
    replaced = {key for key in replaced if key not in leaving and key in new}
    parents = {each.address for each in gone}
    columns = {one.address: tables[other.address].gone for one, other in kept if other.address in tables}
    dropped = [each for each in gone if each.parent not in parents and not _goes_with_column(each, columns)]
    dropped += [old[key] for key in replaced]
    place = {_key(each): number for number, each in enumerate(here.ordered)}
    dropped.sort(key=lambda each: -place[_key(each)])
    created = [
        each
        for each in there.ordered
        if _key(each) in new and (_key(each) not in old or _key(each) in replaced) and not _is_new_column(each, tables)
    ]
    return WholeObjects(
        tuple(statement for each in dropped for statement in ([each.drop] if each.drop else _taken_back(each))),
        tuple(statement for one, other in kept for statement in _alters(one, other, tables)),
        tuple(statement for _, statements in written(created) for statement in statements),
        tuple(statement for one, other in kept for statement in _beside(one, other)),
    )


def _by_key(definitions: Definitions) -> dict[Key, Definition]:
    """Return the definitions in their order; one that comes as a stub and again is there once, where it is whole."""
    return {_key(each): each for each in definitions.ordered if each.kind != ROWS}


def _key(each: Definition) -> Key:
    return each.kind, each.identity, each.address.part


def _taken_back(each: Definition) -> Iterator[str]:
    """Yield what takes back default privileges, which have no DROP."""
    for statement in reversed(each.create):
        if found := _DEFAULT_RIGHT.fullmatch(statement):
            head, verb, rights, kind, _, role, _ = found.groups()
            back = ("REVOKE", "FROM") if verb == "GRANT" else ("GRANT", "TO")
            yield f"{head}{back[0]} {rights} ON {kind} {back[1]} {role};"


def _alters(one: Definition, other: Definition, tables: Mapping[ObjectAddress, TableChange]) -> tuple[str, ...]:
    """Return what changes an object where it is, if that is known of its kind."""
    if other.address in tables:
        return tables[other.address].statements
    if not one.create or not other.create or one.create[0] == other.create[0]:
        return ()
    return change_sequence(one, other) if one.kind == "sequence" else change_enum(one, other)


def _inline(there: Definitions, table: Definition) -> dict[int, list[str]]:
    """Return the default and the identity of each column of a table, as CREATE TABLE has them."""
    found: dict[int, list[str]] = {}
    for each in there.ordered:
        if each.parent == table.address and each.inline and each.inline.column:
            found.setdefault(each.inline.column, []).append(each.inline.text)
    return found


def _goes_with_column(each: Definition, columns: Mapping[ObjectAddress, frozenset[int]]) -> bool:
    """Return whether it is the default or the identity of a column that is dropped."""
    gone = columns.get(each.parent, frozenset()) if each.parent else frozenset()
    return each.inline is not None and each.inline.column in gone


def _is_new_column(each: Definition, tables: Mapping[ObjectAddress, TableChange]) -> bool:
    """Return whether it comes with a column that is added."""
    change = tables.get(each.parent) if each.parent else None
    return change is not None and each.inline is not None and each.inline.column in change.new


def _first(each: Definition) -> str:
    """Return the statements that make the object itself, without those of rights and comments."""
    return "".join(statement for statement in each.create if not statement.startswith(_BESIDE))


def _dependents(roots: Iterable[Definition], here: Definitions, old: dict[Key, Definition]) -> set[Key]:
    """Return what can be replaced and needs one of these, directly or not: it must go before, and comes again."""
    gone: set[ObjectAddress] = {each.address for each in roots}
    found: set[Key] = set()
    size = -1
    while size != len(found):
        size = len(found)
        for each in here.ordered:
            key = _key(each)
            if (
                key in old
                and key not in found
                and each.kind in REPLACEABLE
                and each.needs & gone
                and each.address not in gone
            ):
                found.add(key)
                gone.add(each.address)
    return found


def _beside(one: Definition, other: Definition) -> Iterator[str]:
    """Yield what changes owner, rights and comments; nothing takes back what neither a GRANT nor a comment says."""
    commented = {found[0] for each in other.create if (found := _COMMENT.match(each))}
    for statement in one.create[1:]:
        if statement in other.create:
            continue
        if back := take_back(statement):
            yield back
        elif (found := _COMMENT.match(statement)) and found[0] not in commented:
            yield f"{found[0]}NULL;"
        elif found := _RIGHT.fullmatch(statement):
            verb, rights, target, _, role, _ = found.groups()
            yield (
                f"REVOKE {rights} ON {target} FROM {role};"
                if verb == "GRANT"
                else f"GRANT {rights} ON {target} TO {role};"
            )
    yield from (each for each in other.create[1:] if each not in one.create)
