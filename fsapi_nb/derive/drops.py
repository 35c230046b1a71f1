"""What is dropped on the way back, and in which order: whatever depends on something before that.

What is new is dropped with what is made again. Some of it is needed until what stays is changed back, the type of a
column above all: that is dropped at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fsapi_nb.catalog.ddl.definition import ObjectAddress
from fsapi_nb.catalog.parts.part import CatalogPart
from fsapi_nb.derive.comparison import Comparison
from fsapi_nb.derive.lineage import Lineage
from fsapi_nb.derive.order import in_order
from fsapi_nb.derive.ranks import LAST, drop_rank
from fsapi_nb.derive.rename import Renames
from fsapi_nb.derive.write import drop


@dataclass(slots=True)
class Drops:
    """The drops of a way back: `dropped` is what goes at the beginning, `kept` what is still needed then."""

    found: Comparison
    lineage: Lineage
    kept: set[ObjectAddress] = field(init=False)
    dropped: set[ObjectAddress] = field(init=False)

    def __post_init__(self) -> None:
        """Decide what goes at the beginning."""
        self.kept = self._still_needed()
        self.dropped = {each for each in self.found.after.parts if self.found.is_dropped(each)} - self.kept

    def statements(self) -> Iterator[str]:
        """Yield the drops at the beginning, by the names after."""
        parts = self.found.after.parts
        for address in self.freed():
            yield f"ALTER SEQUENCE {parts[address].qualified} OWNED BY NONE;"
        yield from self._in_order()

    def freed(self) -> list[ObjectAddress]:
        """Return the sequences that stay although the column that owns them goes."""
        parts = self.found.after.parts
        return [
            each for each in self.found.same if parts[each].kind == "sequence" and parts[each].goes_with & self.dropped
        ]

    def late(self, renames: Renames, temporary: dict[ObjectAddress, str]) -> Iterator[str]:
        """Yield the drops at the end, when everything else has its name back. `temporary` are the names of some types."""
        parts, late = self.found.after, self.kept | self.found.away
        needs = {each: set[ObjectAddress]() for each in late}
        for each in late:
            for need in parts.parts[each].needs & late:
                needs[need].add(each)
        rank = {each: drop_rank(parts.parts[each]) for each in late}
        for each in in_order(needs, rank):
            part = parts.parts[each]
            schema = renames.schema_now(part) if part.schema else None
            if each in self.found.same:
                schema = self.found.pair(each)[0].schema
            name = temporary.get(each, part.name)
            yield drop(CatalogPart(part.address, part.kind, schema, name, part.of, part.state), parts)

    def _still_needed(self) -> set[ObjectAddress]:
        """Return what is new, but is needed until what stays is changed back: types of columns, above all."""
        new, parts = set(self.found.new), self.found.after.parts
        waiting = [address for address in self.found.same if not self.found.is_dropped(address)]
        kept: set[ObjectAddress] = {each for each in new if parts[each].kind in LAST}
        while waiting:
            part = parts[waiting.pop()]
            for need in part.needs & new:
                exempt = part.kind == "sequence" or (part.kind == "table" and parts[need].kind == "table")
                if need not in kept and parts[need].kind not in {"column", "sequence"} and not exempt:
                    kept.add(need)
                    waiting.append(need)
        return kept

    def _in_order(self) -> Iterator[str]:
        """Yield the drops: whatever depends on something before it, and nothing that goes with something else."""
        dropped, parts = self.dropped, self.found.after
        named = {each for each in dropped if not self._goes_along(each, dropped)}
        roots = {each: self._root(each, dropped, named) for each in dropped}
        waits: dict[ObjectAddress, set[ObjectAddress]] = {each: set() for each in named}
        for each in dropped:
            for need in parts.parts[each].needs & dropped:
                if roots[each] != roots[need]:
                    waits[roots[need]].add(roots[each])
        # Tables that refer to each other lose their keys first.
        for each in sorted(dropped - named, key=lambda each: drop_rank(parts.parts[each])):
            part = parts.parts[each]
            if part.kind == "constraint" and part.state["type"] == "f" and self._in_circle(roots[each], waits):
                yield drop(part, parts)
                for need in part.needs & dropped:
                    waits[roots[need]].discard(roots[each])
        rank = {each: drop_rank(parts.parts[each]) for each in named}
        for each in in_order(waits, rank):
            part = parts.parts[each]
            if not (part.kind in {"index", "constraint", "trigger", "column"} and self._follows(part)):
                yield drop(part, parts)

    def _follows(self, part: CatalogPart) -> bool:
        return self.found.follows_parent(part, self.found.after)

    def _goes_along(self, address: ObjectAddress, dropped: set[ObjectAddress]) -> bool:
        part = self.found.after.parts[address]
        with_what = part.goes_with & dropped
        if (
            part.of is not None
            and part.kind in {"index", "constraint", "trigger"}
            and part.of in self.lineage.leaving()
        ):
            with_what = frozenset(each for each in with_what if each.oid == part.of.oid)
        return bool(with_what)

    def _root(self, address: ObjectAddress, dropped: set[ObjectAddress], named: set[ObjectAddress]) -> ObjectAddress:
        """Return the part whose drop drops this one, too."""
        seen = {address}
        while address not in named:
            along = sorted(self.found.after.parts[address].goes_with & dropped - seen)
            if not along:
                return address
            address = along[0]
            seen.add(address)
        return address

    def _in_circle(self, start: ObjectAddress, waits: dict[ObjectAddress, set[ObjectAddress]]) -> bool:
        waiting, seen = [*waits.get(start, ())], set[ObjectAddress]()
        while waiting:
            each = waiting.pop()
            if each == start:
                return True
            if each not in seen:
                seen.add(each)
                waiting += waits.get(each, ())
        return False
