"""What each definition needs: PostgreSQL's own dependencies, with all that stands for the parts of an object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from fsapi_nb.catalog.ddl.definition import LATER, Definition, ObjectAddress
from fsapi_nb.postgres.session import Connection

#: What the server has from its beginning has lower numbers; `public` may have one.
_DEPENDENCIES = """
    SELECT classid::regclass::text, objid, refclassid::regclass::text, refobjid, deptype::text FROM pg_depend
    WHERE objid >= 16384 AND (refobjid >= 16384 OR refclassid = 'pg_namespace'::regclass) AND deptype <> 'p'
"""
_OF_RELATION = """
    AND (objid = ANY(%(oids)s) OR objid IN (SELECT indexrelid FROM pg_index WHERE indrelid = %(relation)s))
"""
_INHERITS = "SELECT inhrelid, inhparent FROM pg_inherits"
_PARTITIONED = "SELECT oid FROM pg_class WHERE relkind IN ('p', 'I')"
_KEYS = """
    SELECT oid, conindid, confrelid FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND conrelid <> 0
"""
#: By which dependency an object that has no definition is a part of one that has: the first that there is.
_PART_OF = ("i", "e", "P", "a")
#: What these belong to, of the two that they depend on in the same way.
_WHOLES = {
    "pg_publication_rel": ("pg_publication",),
    "pg_publication_namespace": ("pg_publication",),
    "pg_amop": ("pg_opclass", "pg_opfamily"),
    "pg_amproc": ("pg_opclass", "pg_opfamily"),
}
_OF_TREE = ("index", "table constraint", "trigger")
Dependency = tuple[str, int, str, int, str]


def with_needs(definitions: Iterable[Definition], connection: Connection, relation: int | None) -> list[Definition]:
    """Return the definitions with what each needs of the others, which are all or those of one relation."""
    found = {each.address: each for each in definitions}
    values = {"relation": relation, "oids": [address.oid for address in found]}
    query = _DEPENDENCIES if relation is None else _DEPENDENCIES + _OF_RELATION
    dependencies: list[Dependency] = connection.execute(query.encode(), values).fetchall()
    owners = _Owners(found, dependencies)
    needs: dict[ObjectAddress, set[ObjectAddress]] = defaultdict(set)
    for catalog, oid, other_catalog, other_oid, _ in dependencies:
        one, other = owners.of(ObjectAddress(catalog, oid)), owners.of(ObjectAddress(other_catalog, other_oid))
        if one and other and one != other:
            needs[one].add(other)
    for address in owners.members & found.keys():
        extension = owners.of(address)
        needs[address] |= {extension} if extension else set()
    inherits: list[tuple[int, int]] = connection.execute(_INHERITS.encode()).fetchall()
    partitioned = {oid for (oid,) in connection.execute(_PARTITIONED.encode())}
    keys: list[tuple[int, int, int]] = connection.execute(_KEYS.encode()).fetchall()
    trees = _Trees(inherits, partitioned)
    for one, other in _of_trees(found, owners, trees, keys):
        needs[one].add(other)
    return [replace(each, needs=_needs_of(each, needs, found)) for each in found.values()]


def _needs_of(
    definition: Definition, needs: Mapping[ObjectAddress, set[ObjectAddress]], found: Mapping[ObjectAddress, Definition]
) -> frozenset[ObjectAddress]:
    """Return what a definition needs: what comes later needs the object itself, and what owns that."""
    address = definition.address
    if address.part == LATER:
        own = ObjectAddress(address.catalog, address.oid)
        members = needs[own] if address.catalog == "pg_opfamily" else set()
        return frozenset({own, *members, *([definition.parent] if definition.parent else [])} - {address})
    needed = needs.get(address, set())
    later = found.get(ObjectAddress(address.catalog, address.oid, LATER))
    if later and address.catalog in {"pg_class", "pg_opfamily"}:
        # The column that owns a sequence, and members of a family, are not needed to create it.
        owned = {later.parent} if later.kind == "owner of sequence" else set()
        needed = needed - owned if address.catalog == "pg_class" else {each for each in needed if _is_home(each)}
    return frozenset(needed | ({definition.parent} if definition.parent else set()))


def _is_home(address: ObjectAddress) -> bool:
    return address.catalog in {"pg_namespace", "pg_am"}


class _Owners:
    """Finds the definition that an object is a part of: a row type's table, an index's constraint, a rule's view."""

    def __init__(self, found: Mapping[ObjectAddress, Definition], dependencies: Iterable[Dependency]) -> None:
        dependencies = list(dependencies)
        #: What belongs to an extension counts as that, although its privileges are a definition.
        self.members = {ObjectAddress(catalog, oid) for catalog, oid, _, _, kind in dependencies if kind == "e"}
        self._known: dict[ObjectAddress, ObjectAddress | None] = {
            address: address for address in found if address.part == 0 and address not in self.members
        }
        self._parts: dict[ObjectAddress, dict[str, ObjectAddress]] = {}
        for catalog, oid, other_catalog, other_oid, kind in dependencies:
            address = ObjectAddress(catalog, oid)
            if address in self._known or kind not in _PART_OF:
                continue
            if other_catalog not in _WHOLES.get(catalog, (other_catalog,)):
                continue
            self._parts.setdefault(address, {}).setdefault(kind, ObjectAddress(other_catalog, other_oid))

    def of(self, address: ObjectAddress) -> ObjectAddress | None:
        """Return the address of a definition, or None if there is none."""
        if address not in self._known:
            self._known[address] = None
            parts = self._parts.get(address, {})
            kind = next((kind for kind in _PART_OF if kind in parts), None)
            self._known[address] = self.of(parts[kind]) if kind else None
        return self._known[address]


class _Trees:
    """Partitioned tables and indexes, with what is below them."""

    def __init__(self, inherits: Iterable[tuple[int, int]], partitioned: set[int]) -> None:
        self._children: dict[int, list[int]] = defaultdict(list)
        for child, parent in inherits:
            if parent in partitioned:
                self._children[parent].append(child)

    def below(self, oid: int) -> Iterator[int]:
        """Return all partitions below a table or index."""
        for child in self._children.get(oid, ()):
            yield child
            yield from self.below(child)


def _of_trees(
    found: Mapping[ObjectAddress, Definition], owners: _Owners, trees: _Trees, keys: Iterable[tuple[int, int, int]]
) -> Iterator[tuple[ObjectAddress, ObjectAddress]]:
    """Return what partitions ask for: indexes and keys of a whole tree come when all of its tables are there."""
    for address, definition in found.items():
        if definition.parent and definition.kind in _OF_TREE and not _is_check(definition):
            for oid in trees.below(definition.parent.oid):
                partition = ObjectAddress("pg_class", oid)
                if partition in found and partition != address:
                    yield address, partition
    for key, index, table in keys:
        address = ObjectAddress("pg_constraint", key)
        if address not in found:
            continue
        for oid in trees.below(index):
            part = owners.of(ObjectAddress("pg_class", oid))
            if part and part != address:
                yield address, part
        for oid in trees.below(table):
            yield address, ObjectAddress("pg_class", oid)


def _is_check(definition: Definition) -> bool:
    """Return whether it is a constraint that is not kept by an index, and can stand in a CREATE TABLE."""
    return definition.inline is not None and not definition.create[0].startswith("ALTER TABLE ONLY ")
