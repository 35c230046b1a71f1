"""Tables that are parts of others, partitions or heirs: taken out of those after, put back into those before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fsapi_nb.catalog.ddl.definition import ObjectAddress
from fsapi_nb.catalog.parts.part import CatalogPart
from fsapi_nb.derive.comparison import Comparison
from fsapi_nb.derive.step import RestoreStep


@dataclass(slots=True)
class Lineage:
    """The parents of tables, before and after."""

    found: Comparison

    def _of(self, address: ObjectAddress) -> tuple[list[int], list[int], bool]:
        """Return the parents of a table before and after, and whether it is another partition of the same one."""
        old, new = self.found.pair(address)
        before, after = old.state["parents"] or [], new.state["parents"] or []
        return before, after, before == after and old.state["bound"] != new.state["bound"]

    def leaving(self) -> set[ObjectAddress]:
        """Return the tables that are parts of a table after, and of another one or none before."""
        return {
            address
            for address in self.found.same
            if self.found.after.parts[address].kind == "table"
            and ((line := self._of(address))[2] or set(line[1]) - set(line[0]))
        }

    def detached(self) -> Iterator[str]:
        """Yield what takes tables out of those that they are parts of after, by the names after."""
        parts = self.found.after.parts
        for address in sorted(self.leaving()):
            before, after, moved = self._of(address)
            for parent in after if moved else [each for each in after if each not in before]:
                name = parts[ObjectAddress("pg_class", parent)].qualified
                if parts[address].state["bound"]:
                    yield f"ALTER TABLE {name} DETACH PARTITION {parts[address].qualified};"
                else:
                    yield f"ALTER TABLE {parts[address].qualified} NO INHERIT {name};"

    def _attached(self, table: CatalogPart, parents: list[int]) -> list[str]:
        parts, statements = self.found.before.parts, list[str]()
        for parent in parents:
            name = parts[ObjectAddress("pg_class", parent)].qualified
            if table.state["bound"]:
                statements.append(f"ALTER TABLE {name} ATTACH PARTITION {table.qualified} {table.state['bound']};")
            else:
                statements.append(f"ALTER TABLE {table.qualified} INHERIT {name};")
        return statements

    def steps(self, made: set[ObjectAddress]) -> dict[ObjectAddress, RestoreStep]:
        """Return the steps that make tables parts of others again."""
        steps: dict[ObjectAddress, RestoreStep] = {}
        for part in self.found.before.parts.values():
            parents = part.state["parents"] if part.kind == "table" else None
            if not parents:
                continue
            if part.address in made and not part.state["bound"]:
                continue  # it is made as their heir
            if part.address not in made:
                address = self.found.after_of[part.address]
                _, after, moved = self._of(address)
                parents = parents if moved else [each for each in parents if each not in after]
            if statements := self._attached(part, parents):
                own = {
                    each.address for each in self.found.before.children(part.address, "column", "constraint", "index")
                }
                above = {
                    each.address
                    for parent in parents
                    for each in self.found.before.children(ObjectAddress("pg_class", parent), "constraint", "index")
                    if each.state.get("type") != "f"
                }
                needs = frozenset({part.address, *own, *above, *(ObjectAddress("pg_class", each) for each in parents)})
                steps[ObjectAddress("attached", part.address.oid)] = RestoreStep(
                    "attached", part.qualified, statements, needs
                )
        return steps
