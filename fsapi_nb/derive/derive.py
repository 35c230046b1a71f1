"""Derive the statements that lead a catalog back to what it was: in four parts, each in an order that can be run.

1  drop, by the names after      what is new, what must be made again, and what is in the way
2  give names and schemas back   what was renamed or moved; types that are replaced are renamed away
3  make and change               by the names before
4  drop what was still needed    types of columns that have their old type back; schemas, extensions
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fsapi_nb.catalog.ddl.definition import ObjectAddress
from fsapi_nb.catalog.parts.part import CatalogParts, DefaultPrivileges
from fsapi_nb.derive.alter import renamed_labels
from fsapi_nb.derive.comparison import Comparison
from fsapi_nb.derive.drops import Drops
from fsapi_nb.derive.inserted import deletions
from fsapi_nb.derive.lineage import Lineage
from fsapi_nb.derive.losses import UnrestoredData, find_losses, rows_changed
from fsapi_nb.derive.make import Making
from fsapi_nb.derive.ranks import TYPES
from fsapi_nb.derive.rename import Renames
from fsapi_nb.derive.write import create, default_privileges, word
from fsapi_nb.model.migration import Statement


@dataclass(frozen=True, slots=True)
class DerivedDown:
    """The statements, each ending in a semicolon, and the data that they do not bring back."""

    statements: tuple[str, ...]
    losses: tuple[UnrestoredData, ...] = ()


def derive(before: CatalogParts, after: CatalogParts, up: Iterable[Statement] = ()) -> DerivedDown:
    """Return what leads from `after` back to `before`. Both are readings of the same database, between which `up` ran."""
    there = _default_privileges(before, after)
    lasting = {of: each for of, each in before.default_privileges.items() if there.get(of) == each}
    comparison = Comparison(replace(before, default_privileges=lasting), after)
    written = list(up)
    deleted = deletions(written, before, after)
    taken_back = [each for found in deleted.values() for each in found]
    statements = [*taken_back, *_way_back(comparison), *default_privileges(before.default_privileges, there)]
    changed = rows_changed([each for place, each in enumerate(written) if place not in deleted], before)
    return DerivedDown(tuple(filter(None, statements)), (*find_losses(comparison), *changed))


def _default_privileges(before: CatalogParts, after: CatalogParts) -> DefaultPrivileges:
    """Return the default privileges after, by the names before of schemas; those of a new schema go with it."""
    schemas = ((address, part) for address, part in after.parts.items() if part.kind == "schema")
    names = {part.name: before.parts[address].name for address, part in schemas if address in before.parts}
    found = {
        (role, names.get(schema, ""), kind): of
        for (role, schema, kind), of in after.default_privileges.items()
        if schema
    }
    everywhere = {of: each for of, each in after.default_privileges.items() if of[1] is None}
    return {**everywhere, **{of: each for of, each in found.items() if of[1]}}


def _way_back(found: Comparison) -> Iterator[str]:
    """Yield the statements of the four parts."""
    lineage = Lineage(found)
    drops, renames = Drops(found, lineage), Renames(found)
    yield from lineage.detached()
    yield from drops.statements()
    yield from _schemas_made(found)
    yield from renames.statements()
    temporary = _temporary_names(found, drops.kept)
    yield from _renamed_away(found, renames, temporary)
    yield from Making(found, drops).statements()
    yield from drops.late(renames, temporary)


def _schemas_made(found: Comparison) -> Iterator[str]:
    parts = found.before
    for address in found.gone:
        if parts.parts[address].kind == "schema":
            yield from create(parts.parts[address], parts)


def _temporary_names(found: Comparison, kept: set[ObjectAddress]) -> dict[ObjectAddress, str]:
    """Return the types that are in the way of others until they are dropped, with the names that they have so long."""
    parts = found.after.parts
    wanted = {part.qualified for part in found.before.parts.values() if part.schema}
    late = [each for each in sorted(kept) if parts[each].kind in TYPES and parts[each].qualified in wanted]
    going = [*late, *sorted(found.away)]
    return {address: f"fsapi_going_{number}" for number, address in enumerate(going, 1)}


def _renamed_away(found: Comparison, renames: Renames, temporary: dict[ObjectAddress, str]) -> Iterator[str]:
    for address, name in temporary.items():
        part = found.after.parts[address]
        schema, now = renames.schema_now(part), part.name
        if address in found.same:
            old, new = found.pair(address)
            schema, now = old.schema, old.name
            if old.kind == "enum":
                yield from renamed_labels(old, new, old.qualified)
        yield f"ALTER {word(part)} {schema}.{now} RENAME TO {name};"
