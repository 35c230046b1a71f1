"""Compare two readings of one catalog: what is new, what is gone, what is there in both and differs."""

from __future__ import annotations

from dataclasses import dataclass, field

from fsapi_nb.catalog.ddl.definition import ObjectAddress
from fsapi_nb.catalog.parts.part import CatalogPart, CatalogParts
from fsapi_nb.derive.write import create

#: CatalogParts without data, which can be dropped and made again.
REMADE = {
    *("view", "materialized view", "function", "procedure", "object", "trigger", "policy", "rule"),
    *("index", "constraint", "default", "statistics"),
}
#: Objects that are not made again since their passwords are nowhere to be read: what has changed of them stays.
_WITH_SECRETS = {"foreign-data wrapper", "server", "user mapping", "foreign table", "subscription"}
_TYPES = {"enum", "composite", "domain", "range"}
#: What cannot be made again, since it holds data, or is the type of what does.
_STAYING = {"column", "table", *_TYPES}


@dataclass(slots=True)
class Comparison:
    """Two readings of a catalog, and what became of each part from the first one to the second.

    `same` are the addresses before of the parts that are there in both, by their addresses after, and
    `after_of` the reverse.

    `remade` are those of them, by their addresses after, that must be dropped and made again, `replaced` those whose
    definition can be replaced. `away` are types that are renamed away, since the one before is made beside them, and
    `converted` are columns whose values are converted.
    """

    before: CatalogParts
    after: CatalogParts
    same: dict[ObjectAddress, ObjectAddress] = field(default_factory=dict)
    remade: set[ObjectAddress] = field(default_factory=set)
    replaced: set[ObjectAddress] = field(default_factory=set)
    away: set[ObjectAddress] = field(default_factory=set)
    converted: set[ObjectAddress] = field(default_factory=set)
    after_of: dict[ObjectAddress, ObjectAddress] = field(init=False)

    def __post_init__(self) -> None:
        """Find what is in both, and close over what depends on what must go."""
        self._pair()
        self.after_of = {old: new for new, old in self.same.items()}
        self._find_changed()
        self._close()
        self.replaced -= self.remade

    @property
    def new(self) -> list[ObjectAddress]:
        """The parts that are only there after."""
        return [address for address in self.after.parts if address not in self.same]

    @property
    def gone(self) -> list[ObjectAddress]:
        """The parts that are only there before."""
        return [address for address in self.before.parts if address not in self.after_of]

    def pair(self, after: ObjectAddress) -> tuple[CatalogPart, CatalogPart]:
        """Return a part that is in both, as it is before and after."""
        return self.before.parts[self.same[after]], self.after.parts[after]

    def is_dropped(self, after: ObjectAddress) -> bool:
        """Return whether a part that is there after is dropped on the way back."""
        return after not in self.same or after in self.remade

    def follows_parent(self, part: CatalogPart, parts: CatalogParts) -> bool:
        """Return whether a part of a table changes with the same part of the table's parent, before as well as after."""
        if part.of is None or part.of not in self.same:
            return False
        old, new = self.pair(part.of)
        if not (old.state.get("parents") and new.state.get("parents")):
            return False
        if part.kind == "column":
            return bool(part.state["inherited"] and not part.state["local"])
        return bool(part.state.get("inherited")) and parts is not None

    def changes_with_parent(self, column: CatalogPart, field: str) -> bool:
        """Return whether the same column of the table's parent has changed in a field."""
        if column.of is None:
            return False
        for parent in self.after.parts[column.of].state["parents"] or ():
            above = self.after.children(ObjectAddress("pg_class", parent), "column")
            for each in above:
                if each.name == column.name and each.address in self.same:
                    old, new = self.pair(each.address)
                    return bool(old.state[field] != new.state[field])
        return False

    def _pair(self) -> None:
        before, after = self.before.parts, self.after.parts
        for address, part in after.items():
            old = before.get(address)
            if (
                old is not None
                and old.kind == part.kind
                and bool(part.state.get("generated")) == bool(old.state.get("generated"))
            ):
                self.same[address] = address
        while self._pair_made_again():
            pass

    def _pair_made_again(self) -> bool:
        """Pair what was dropped and made again as it was, of the same parts, unless it holds data; return if there is any."""
        taken = set(self.same.values())
        gone = {
            (_written(part, self.before), part.needs): address
            for address, part in self.before.parts.items()
            if address not in taken and part.kind in REMADE | _TYPES
        }
        found: dict[ObjectAddress, ObjectAddress] = {}
        for address, part in self.after.parts.items():
            if address not in self.same and part.kind in REMADE | _TYPES:
                needs = frozenset(self.same.get(need, need) for need in part.needs)
                if (other := gone.pop((_written(part, self.after), needs), None)) is not None:
                    found[address] = other
        self.same.update(found)
        return bool(found)

    def _find_changed(self) -> None:
        for address in self.same:
            old, new = self.pair(address)
            if new.state.get("object") in _WITH_SECRETS:
                continue
            if new.kind in REMADE and _is_changed(old, new) and not self.follows_parent(new, self.after):
                (self.replaced if _can_be_replaced(old, new) else self.remade).add(address)
            elif (new.kind == "enum" and _labels(old) != _labels(new)) or self._is_another_composite(old, new):
                self.away.add(address)
            elif new.kind == "column":
                if new.state["generated"] and _is_changed(old, new):
                    self.remade.add(address)
                elif self._has_other_type(old, new):
                    self.converted.add(address)

    def _is_another_composite(self, old: CatalogPart, new: CatalogPart) -> bool:
        """Return whether attributes would come back in another order, and no column has a value of the type."""
        if new.kind != "composite":
            return False
        before, after = (_numbers(part) for part in (old, new))
        used = any(new.address in part.needs and part.kind in _STAYING for part in self.after.parts.values())
        return not before <= after and not used

    def _has_other_type(self, old: CatalogPart, new: CatalogPart) -> bool:
        a, b = old.state, new.state
        if a["collation_oid"] != b["collation_oid"] or a["modifier"] != b["modifier"]:
            return True
        return bool(a["type_oid"] != b["type_oid"]) and not (a["type"] == b["type"] and self._types_are_same(new))

    def _types_are_same(self, new: CatalogPart) -> bool:
        return all(need in self.same for need in new.needs if need.catalog == "pg_type")

    def _close(self) -> None:
        """Find what must be dropped, renamed away or converted since something that it needs is."""
        users: dict[ObjectAddress, list[ObjectAddress]] = {}
        for address, part in self.after.parts.items():
            for need in part.needs:
                users.setdefault(need, []).append(address)
        waiting = [*self.new, *self.remade, *self.away, *self.converted]
        while waiting:
            hot = waiting.pop()
            waiting += [each for each in users.get(hot, ()) if each in self.same and self._is_hit(each, hot)]

    def _is_hit(self, address: ObjectAddress, hot: ObjectAddress) -> bool:
        """Note what becomes of a part that needs another one that goes; return whether that is news."""
        part, other = self.after.parts[address], self.after.parts[hot]
        if other.kind in {"schema", "extension"} or (other.kind == "sequence" and part.kind != "default"):
            return False
        kinds = self._kinds_hit(part, other)
        for found, wanted in ((self.remade, "remade"), (self.away, "away"), (self.converted, "converted")):
            if wanted == kinds and address not in found:
                found.add(address)
                return True
        return False

    def _kinds_hit(self, part: CatalogPart, other: CatalogPart) -> str | None:
        if part.state.get("object") in _WITH_SECRETS:
            return None
        is_column = other.kind == "column" and other.address in self.converted
        if part.kind in REMADE or (part.kind == "column" and part.state["generated"]):
            return None if is_column and _is_rebuilt(part) else "remade"
        if other.kind in _TYPES:
            return "away" if part.kind in _TYPES else "converted" if part.kind == "column" else None
        return None


def _is_rebuilt(part: CatalogPart) -> bool:
    """Return whether the server itself makes an index or a key again when the type of a column changes."""
    if part.kind == "index":
        return not part.state["expressions"]
    return part.kind == "statistics" or (part.kind == "constraint" and part.state["type"] in "pu")


def _written(part: CatalogPart, parts: CatalogParts) -> tuple[str, ...]:
    return (part.kind, part.name, *create(part, parts), str(part.state.get("attributes")))


def _is_changed(old: CatalogPart, new: CatalogPart) -> bool:
    """Return whether a part that holds no data is another one than before, beside what is changed in place."""
    if old.address != new.address:
        return False  # it was made again as it was
    keys = {"definition"} | ({"shape", "defaults"} if "shape" in old.state else set())
    if old.kind == "constraint" and old.state["type"] != "f":
        keys |= {"deferrable", "deferred"}
    return any(old.state.get(key) != new.state.get(key) for key in keys)


def _can_be_replaced(old: CatalogPart, new: CatalogPart) -> bool:
    """Return whether the definition before can take the place of the one after, whatever depends on it."""
    if new.kind == "view":
        there = [(column["name"], column["type"]) for column in new.state["columns"] or ()]
        wanted = [(column["name"], column["type"]) for column in old.state["columns"] or ()]
        return wanted[: len(there)] == there
    if new.kind in {"function", "procedure"}:
        return bool(old.state["shape"] == new.state["shape"] and old.state["defaults"] >= new.state["defaults"])
    return new.kind == "default"


def _numbers(composite: CatalogPart) -> set[int]:
    return {attribute["number"] for attribute in composite.state["attributes"] or ()}


def _labels(part: CatalogPart) -> list[int]:
    return [oid for oid, _ in part.state["labels"] or ()]
