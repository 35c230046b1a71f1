"""Read the parts of a catalog. It may be called inside of an open transaction, whose own changes it sees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from fsapi_nb.catalog.ddl.definition import Definition, ObjectAddress
from fsapi_nb.catalog.ddl.read_definitions import read_definitions
from fsapi_nb.catalog.parts.part import CatalogPart, CatalogParts
from fsapi_nb.catalog.parts.sources import CASTS, DEFAULT_PRIVILEGES, NEEDS, PIECES, SOURCES
from fsapi_nb.catalog.read import open_catalog
from fsapi_nb.postgres.session import Connection

_PRIVILEGES = DEFAULT_PRIVILEGES.encode()
_PATH = b"""
    SELECT array(SELECT pg_catalog.quote_ident(name) FROM pg_catalog.unnest(pg_catalog.current_schemas(false))
                 WITH ORDINALITY AS of(name, place) ORDER BY place)"""
#: Automatic, internal, and that of a partition: what is dropped with what it depends on.
_GOES_WITH = {"a", "i", "P", "S"}
_Addresses = defaultdict[ObjectAddress, set[ObjectAddress]]


def read_parts(connection: Connection) -> CatalogParts:
    """Return the parts of all schemas of users, without the history's tables and what belongs to extensions.

    Raises:
        psycopg.Error: A lock is not granted, say: a view's definition needs one.
    """
    ((path,),) = connection.execute(_PATH)
    definitions = read_definitions(connection).ordered
    with open_catalog(connection, None) as catalog:
        ours = {"ours": catalog.ours}
        rows = [row for source in SOURCES for row in connection.execute(source.encode(), ours)]
        found = {part.address: part for part in map(_part, rows)}
        pieces = {(a, b): ObjectAddress(*to) for a, b, *to in connection.execute(PIECES.encode())}
        needs = _Needs(found, pieces)
        found.update((part.address, part) for part in _objects(definitions, needs))
        needs.add(connection.execute(NEEDS.encode()))
        casts = {(source, target): context for source, target, context in connection.execute(CASTS.encode())}
        privileges = {(role, schema, kind): tuple(of) for role, schema, kind, *of in connection.execute(_PRIVILEGES)}
        ((role,),) = connection.execute(b"SELECT quote_ident(current_user)")
    needs.add_own()
    parts = {
        address: replace(part, needs=frozenset(needs.needs[address]), goes_with=frozenset(needs.goes[address]))
        for address, part in found.items()
        if not part.state.get("of_identity")
    }
    return CatalogParts(connection.info.server_version, role, parts, casts, privileges, path)


def _part(row: Any) -> CatalogPart:
    catalog, oid, number, kind, schema, name, of, state = row
    owner = ObjectAddress("pg_class", of) if of is not None else None
    return CatalogPart(ObjectAddress(catalog, oid, number), kind, schema, name, owner, state)


def _objects(definitions: Iterable[Definition], needs: _Needs) -> Iterator[CatalogPart]:
    """Yield the objects that are not parts by themselves: they are made as a whole, by their definitions."""
    for number, each in enumerate(definitions):
        if each.kind != "default acl" and needs.part_of(each.address._replace(part=0)) is None:
            state = {
                "create": each.create,
                "drop": each.drop,
                "definition": (each.identity, each.create),
                "object": each.kind,
                "order": number,
            }
            yield CatalogPart(each.address, "object", None, each.identity, None, state)


@dataclass(slots=True)
class _Needs:
    """What each part depends on, and those of them with which it goes."""

    found: dict[ObjectAddress, CatalogPart]
    pieces: dict[tuple[str, int], ObjectAddress]
    needs: _Addresses = field(default_factory=lambda: _Addresses(set))
    goes: _Addresses = field(default_factory=lambda: _Addresses(set))

    def part_of(self, address: ObjectAddress) -> ObjectAddress | None:
        """Return the part that an address of `pg_depend` is, or is a piece of."""
        for _ in range(4):  # an array of a row type, say
            part = self.found.get(address)
            if part is not None and not part.state.get("of_identity"):
                return address
            piece = self.pieces.get((address.catalog, address.oid))
            if piece is None:
                break
            address = piece
        whole = address._replace(part=0)
        return whole if whole in self.found else None

    def add(self, rows: Iterable[Any]) -> None:
        """Add the rows of `pg_depend`."""
        for catalog, oid, number, ref_catalog, ref_oid, ref_number, kind in rows:
            one = self.part_of(ObjectAddress(catalog, oid, number))
            other = self.part_of(ObjectAddress(ref_catalog, ref_oid, ref_number))
            if one is None or other is None or one == other:
                continue
            self.needs[one].add(other)
            if kind in _GOES_WITH:
                self.goes[one].add(other)

    def add_own(self) -> None:
        """Add that what is of a table needs it, and that columns and defaults go with it."""
        for address, part in self.found.items():
            if part.of is not None and part.of in self.found:
                self.needs[address].add(part.of)
                if part.kind in {"column", "default"}:
                    self.goes[address].add(part.of)
            column = ObjectAddress("pg_class", address.oid, address.part)
            if part.kind == "default" and column in self.found:
                self.needs[address].add(column)
                self.goes[address].add(column)
