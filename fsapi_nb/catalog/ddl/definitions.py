"""All definitions of a database, in an order in which they can be run."""

from __future__ import annotations

from dataclasses import dataclass

from fsapi_nb.catalog.ddl.definition import Definition, Unwritten
from fsapi_nb.catalog.ddl.script import block_of, script_of


@dataclass(frozen=True, slots=True)
class Definitions:
    """Definitions in an order in which they can be run in an empty database, and what could not be written."""

    ordered: tuple[Definition, ...] = ()
    unwritten: tuple[Unwritten, ...] = ()

    def of(self, relation: str) -> tuple[Definition, ...]:
        """Return what belongs to a table, view or other relation, in order.

        Args:
            relation: Its identity, as `Definition` has it: qualified, quoted if it must be.
        """
        found = {
            each.address
            for each in self.ordered
            if each.identity == relation and each.address.catalog == "pg_class" and each.parent is None
        }
        size = -1
        while size != len(found):
            size = len(found)
            belonging = [each.address for each in self.ordered if each.parent in found]
            # A sequence that a column owns is not part of the table, but comes and goes with it.
            found |= {*belonging, *(address._replace(part=0) for address in belonging)}
        return tuple(each for each in self.ordered if each.address in found)

    def count(self) -> int:
        """Return how many objects are created: what belongs to another one counts with that."""
        belonging = {each.address._replace(part=0) for each in self.ordered if each.parent}
        return len({each.address for each in self.ordered if each.create} - belonging)

    def block(self, relation: str) -> str:
        """Return the DDL of a relation with all that belongs to it, without a line break at its end."""
        return block_of(self.of(relation))

    def script(self) -> str:
        """Return the file that creates everything, the same for every database that has the same catalog."""
        return script_of(self.ordered)
