"""A catalog as a value: every object that a migration can make, with its definition as the server writes it.

Holds no OIDs, no order of creation and no data. `fsapi_nb.catalog` reads one; `difference` compares two.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CatalogObject:
    """One object: its kind in the server's words (`table`, `table constraint`), its qualified, quoted identity.

    `definition` is normalised text of one line or more: what it is, owner, privileges and comment included. `columns`
    are a table's in their order, which is not part of the definition.
    """

    kind: str
    identity: str
    definition: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All objects of some schemas, sorted by kind and identity. Two are equal where the catalogs are, column order too."""

    objects: tuple[CatalogObject, ...] = ()

    def get(self, kind: str, identity: str) -> CatalogObject | None:
        """Return the object of that kind and identity."""
        return next((each for each in self.objects if (each.kind, each.identity) == (kind, identity)), None)


def make_snapshot(objects: list[CatalogObject]) -> Snapshot:
    """Return a snapshot of these objects, sorted."""
    return Snapshot(tuple(sorted(objects, key=lambda each: (each.kind, each.identity, each.definition))))
