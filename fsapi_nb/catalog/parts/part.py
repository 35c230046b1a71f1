"""A part of a catalog: what can be made, changed or dropped by a statement of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fsapi_nb.catalog.ddl.definition import ObjectAddress

#: Who may do what, and whether they may let others.
Grants = Sequence[Sequence[Any]]
DefaultPrivileges = Mapping[tuple[str, str | None, str], tuple[Grants | None, Grants | None]]


@dataclass(frozen=True, slots=True)
class CatalogPart:
    """A part as it is: its quoted name, the quoted name of its schema, and what can change of it.

    Of the `address`, `part` is the number of a column, else 0; a default has that of its column in `pg_attrdef`. An
    address means the same in two readings of one database, and nothing in another one.

    `of` is the table or view that it belongs to. `needs` are the parts that it depends on, `goes_with` those of them
    with which it is dropped. `state` has what statements are written of, by names; its `definition` is the same as long
    as nobody changes the part itself, whatever is renamed. A part of a kind that is made as a whole (an operator, a
    publication) is an `object`: its state has the statements of its `Definition`.
    """

    address: ObjectAddress
    kind: str
    schema: str | None
    name: str
    of: ObjectAddress | None
    state: Mapping[str, Any]
    needs: frozenset[ObjectAddress] = frozenset()
    goes_with: frozenset[ObjectAddress] = frozenset()

    @property
    def qualified(self) -> str:
        """The name with its schema."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class CatalogParts:
    """All parts of a catalog. `role` is the quoted name of the role that read it.

    `path` are the quoted names of the schemas in which its session finds names without theirs, the first one first.
    `casts` are the server's, from one type to another: `i` is done implicitly, `a` by assignment, `e` only explicitly.
    `default_privileges` are what others may do with what a role makes, and what they may if nothing is said: by the
    role, the schema and the kind as `pg_default_acl` has them.
    """

    version: int
    role: str
    parts: Mapping[ObjectAddress, CatalogPart] = field(default_factory=dict)
    casts: Mapping[tuple[int, int], str] = field(default_factory=dict)
    default_privileges: DefaultPrivileges = field(default_factory=dict)
    path: Sequence[str] = ()

    _children: dict[ObjectAddress, list[CatalogPart]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Sort the parts by what they are of."""
        for part in self.parts.values():
            if part.of is not None:
                self._children.setdefault(part.of, []).append(part)

    def children(self, of: ObjectAddress, *kinds: str) -> list[CatalogPart]:
        """Return the parts of a table or view, of these kinds, by number."""
        found = [part for part in self._children.get(of, ()) if part.kind in kinds]
        return sorted(found, key=lambda part: (part.address.part, part.address.oid))
