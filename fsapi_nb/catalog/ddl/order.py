"""The order in which definitions can be run: what is needed first, and what belongs together, together. Pure.

Nothing but kinds and identities decides between two that could both come next. A table is followed by what belongs to
it and is ready; what is not (a foreign key to a table that comes later) follows behind all tables.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from fsapi_nb.catalog.ddl.cycles import STUB, Key, Waits
from fsapi_nb.catalog.ddl.definition import LATER, Definition, ObjectAddress, Unwritten

#: Kinds in their order; those that are not here are in the middle.
_PHASES = {
    "schema": 0,
    "extension": 1,
    "language": 2,
    "access method": 2,
    "foreign-data wrapper": 3,
    "server": 3,
    "user mapping": 3,
    "collation": 4,
    "type": 5,
    "domain": 5,
    "composite type": 5,
    "function": 7,
    "procedure": 7,
    "aggregate": 8,
    "sequence": 9,
    "table": 10,
    "foreign table": 10,
    "view": 12,
    "materialized view": 12,
    "publication": 15,
    "subscription": 15,
    "rows of materialized view": 16,
    "default acl": 17,
    "event trigger": 18,
}
_MIDDLE = 6
_DEFERRED = 13
_OF_TABLE = {
    "sequence": 0,
    "default value": 1,
    "owner of sequence": 2,
    "table constraint": 3,
    "index": 5,
    "statistics object": 6,
    "trigger": 7,
    "rule": 8,
    "policy": 9,
}


def in_order(
    definitions: Iterable[Definition],
    partition_of: Mapping[ObjectAddress, ObjectAddress],
    owned: Mapping[ObjectAddress, ObjectAddress],
) -> tuple[tuple[Definition, ...], tuple[Unwritten, ...]]:
    """Return the definitions in an order in which they can be run, and those that there is no such order for.

    A definition that others refer to before all is there that it needs comes twice: as its stub, and as what makes it
    whole.

    Args:
        definitions: All of them, with their needs.
        partition_of: The parent of each partition, which they stand behind.
        owned: The table of each sequence that a column owns, which they stand before.
    """
    return _Order({each.address: each for each in definitions}, partition_of, owned).run()


class _Order:
    def __init__(
        self,
        found: Mapping[ObjectAddress, Definition],
        partition_of: Mapping[ObjectAddress, ObjectAddress],
        owned: Mapping[ObjectAddress, ObjectAddress],
    ) -> None:
        self._found = found
        self._partition_of = partition_of
        self._owned = owned
        self._keys = {address: self._key(address) for address in found}
        self._roots = {address: self._root(address) for address in found}
        waits = Waits(found, self._key_of)
        self._unwritten = waits.unwritten
        self._users = waits.users()
        self._waits = waits.of
        self._here: list[tuple[Key, ObjectAddress]] = []
        self._elsewhere: list[tuple[Key, ObjectAddress]] = []
        self._root_now: ObjectAddress | None = None
        self._of_root: dict[ObjectAddress, set[ObjectAddress]] = defaultdict(set)
        self._placed: set[ObjectAddress | None] = set()
        self._closed: set[ObjectAddress | None] = set()

    def run(self) -> tuple[tuple[Definition, ...], tuple[Unwritten, ...]]:
        """Place one after the other."""
        for address, needs in self._waits.items():
            if not needs:
                self._ready(address)
        ordered = []
        while (following := self._next()) is not None:
            ordered.append(self._place(following))
        return tuple(ordered), tuple(self._unwritten)

    def _place(self, address: ObjectAddress) -> Definition:
        """Return what comes next, and note what becomes ready by it."""
        self._placed.add(address)
        self._enter(self._roots[_whole(address)])
        for user in self._users.get(address, ()):
            self._waits[user].discard(address)
            if not self._waits[user]:
                self._ready(user)
        each = self._found[_whole(address)]
        if address.part == STUB:
            return replace(each, create=each.stub)
        return replace(each, create=each.full) if address._replace(part=STUB) in self._placed else each

    def _enter(self, root: ObjectAddress) -> None:
        """Go on with what belongs to this one."""
        if root == self._root_now:
            return
        if self._root_now in self._placed:
            self._closed.add(self._root_now)
        self._root_now = root
        left, self._here = self._here, []
        for _, each in left:
            heapq.heappush(self._elsewhere, (self._deferred(each), each))
        for each in self._of_root[root] - self._placed:
            heapq.heappush(self._here, (self._key_of(each), each))

    def _ready(self, address: ObjectAddress) -> None:
        root = self._roots[_whole(address)]
        self._of_root[root].add(address)
        if root == self._root_now:
            heapq.heappush(self._here, (self._key_of(address), address))
        else:
            heapq.heappush(self._elsewhere, (self._deferred(address), address))

    def _deferred(self, address: ObjectAddress) -> Key:
        """Return the key of what becomes ready after the block that it belongs to."""
        phase, path = self._key_of(address)
        whole = _whole(address)
        late = self._roots[whole] in self._closed and self._found[whole].parent is not None
        return (_DEFERRED if late and phase < _DEFERRED else phase, path)

    def _next(self) -> ObjectAddress | None:
        """Return what comes next: of the table that is being written, or else by kind and identity."""
        while heap := self._here or self._elsewhere:
            _, address = heapq.heappop(heap)
            if address not in self._placed:
                return address
        return None

    def _root(self, address: ObjectAddress) -> ObjectAddress:
        """Return the topmost of what an object belongs to: the partitioned table of a partition's index."""
        seen = {address}
        while (above := self._above(address)) and above not in seen:
            seen.add(above)
            address = above
        return address

    def _above(self, address: ObjectAddress) -> ObjectAddress | None:
        above = self._found[address].parent or self._owned.get(address) or self._partition_of.get(address)
        return above if above in self._found else None

    def _key_of(self, address: ObjectAddress) -> Key:
        return self._keys[_whole(address)]

    def _key(self, address: ObjectAddress) -> Key:
        """Return what decides between definitions that could both come next."""
        each, root = self._found[address], self._root(address)
        phase = _PHASES.get(self._found[root].kind, _MIDDLE)
        if each.address.part == LATER and each.kind in _PHASES:
            phase = _PHASES[each.kind]
        return (phase, self._path(address))

    def _path(self, address: ObjectAddress) -> tuple[tuple[int, str, str], ...]:
        each = self._found[address]
        above = self._above(address)
        if address in self._owned and above:
            return (*self._path(above)[:-1], (0, self._found[above].identity, ""), (0, *_name(each)))
        if above is None:
            return ((0, *_name(each)),)
        rank = 1 if address in self._partition_of and each.parent is None else 2 + _OF_TABLE.get(each.kind, 4)
        return (*self._path(above), (rank, *_name(each)))


def _whole(address: ObjectAddress) -> ObjectAddress:
    """Return the address of the definition that a stub stands for."""
    return address._replace(part=0) if address.part == STUB else address


def _name(definition: Definition) -> tuple[str, str]:
    return (definition.identity, definition.kind)
