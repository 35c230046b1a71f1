"""The order in which definitions can be run: what is needed first, and what belongs together, together. Pure.

Nothing but kinds and identities decides between two that could both come next. A table is followed by what belongs to
it and is ready; what is not (a foreign key to a table that comes later) follows behind all tables.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

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
Key = tuple[int, tuple[tuple[int, str, str], ...]]


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
        self._waits: dict[ObjectAddress, set[ObjectAddress]] = {
            address: {need for need in each.needs if need in found and need != address}
            for address, each in found.items()
        }
        self._soft: dict[ObjectAddress, set[ObjectAddress]] = defaultdict(set)
        self._wish_for_inlines()
        self._users: dict[ObjectAddress, set[ObjectAddress]] = defaultdict(set)
        for address, needs in self._waits.items():
            for need in needs:
                self._users[need].add(address)
        self._here: list[tuple[Key, ObjectAddress]] = []
        self._elsewhere: list[tuple[Key, ObjectAddress]] = []
        self._root_now: ObjectAddress | None = None
        self._placed: set[ObjectAddress | None] = set()
        self._closed: set[ObjectAddress | None] = set()
        self._stubbed: set[ObjectAddress] = set()
        self._ordered: list[Definition] = []
        self._unwritten: list[Unwritten] = []

    def run(self) -> tuple[tuple[Definition, ...], tuple[Unwritten, ...]]:
        """Place one after the other."""
        waiting = set(self._found)
        for address in sorted(waiting, key=self._keys.__getitem__):
            if not self._waits[address]:
                self._ready(address)
        while waiting:
            following = self._next()
            if following is None:
                self._break_cycle(waiting)
            else:
                waiting.discard(following)
                self._place(following)
        return tuple(self._ordered), tuple(self._unwritten)

    def _wish_for_inlines(self) -> None:
        """Let tables wait for what their defaults and checks need, if nothing of that waits for the table."""
        for address, each in self._found.items():
            parent = self._found.get(each.parent) if each.parent else None
            if parent is None or each.inline is None or each.inline.column not in parent.slots:
                continue
            wished = self._waits[address] - {parent.address}
            self._soft[parent.address] |= wished - self._waits[parent.address]
            self._waits[parent.address] |= wished

    def _place(self, address: ObjectAddress) -> None:
        each = self._found[address]
        if address in self._stubbed:
            each = replace(each, create=each.full)
        self._ordered.append(each)
        self._placed.add(address)
        self._enter(self._roots[address])
        self._release(address)

    def _enter(self, root: ObjectAddress) -> None:
        if root == self._root_now:
            return
        if self._root_now in self._placed:
            self._closed.add(self._root_now)
        self._root_now = root
        for entry in self._here:
            heapq.heappush(self._elsewhere, (self._deferred(entry[1]), entry[1]))
        mine = [entry for entry in self._elsewhere if self._roots[entry[1]] == root]
        if mine:
            self._elsewhere = [entry for entry in self._elsewhere if self._roots[entry[1]] != root]
            heapq.heapify(self._elsewhere)
        self._here = [(self._keys[each], each) for _, each in mine]
        heapq.heapify(self._here)

    def _release(self, address: ObjectAddress) -> None:
        for user in sorted(self._users[address], key=self._keys.__getitem__):
            self._waits[user].discard(address)
            if not self._waits[user]:
                self._ready(user)
        self._users[address].clear()

    def _ready(self, address: ObjectAddress) -> None:
        root = self._roots[address]
        if root == self._root_now:
            heapq.heappush(self._here, (self._keys[address], address))
        else:
            heapq.heappush(self._elsewhere, (self._deferred(address), address))

    def _deferred(self, address: ObjectAddress) -> Key:
        """Return the key of what becomes ready after the block that it belongs to."""
        phase, path = self._keys[address]
        late = self._roots[address] in self._closed and self._found[address].parent is not None
        return (_DEFERRED if late and phase < _DEFERRED else phase, path)

    def _next(self) -> ObjectAddress | None:
        """Return what comes next: of the table that is being written, or else by kind and identity."""
        heap = self._here or self._elsewhere
        return heapq.heappop(heap)[1] if heap else None

    def _break_cycle(self, waiting: set[ObjectAddress]) -> None:
        """Let one definition of a cycle go on: a wish is given up, or else a stub is written, or else it is named."""
        in_cycles = [each for each in sorted(waiting, key=self._keys.__getitem__) if self._reaches(each, each, waiting)]
        for address in in_cycles:
            for wish in sorted(self._soft[address] & self._waits[address], key=self._keys.__getitem__):
                if wish in waiting and self._reaches(wish, address, waiting):
                    self._give_up(address, wish)
                    return
        for address in in_cycles:
            each = self._found[address]
            if each.stub and address not in self._stubbed:
                self._stubbed.add(address)
                self._ordered.append(replace(each, create=each.stub, needs=frozenset(), full=()))
                self._release(address)
                return
        each = self._found[in_cycles[0]]
        self._unwritten.append(Unwritten(each.kind, each.identity, "it needs itself, by way of what needs it"))
        for need in list(self._waits[each.address]):
            self._give_up(each.address, need)

    def _give_up(self, address: ObjectAddress, need: ObjectAddress) -> None:
        self._waits[address].discard(need)
        self._users[need].discard(address)
        if not self._waits[address]:
            self._ready(address)

    def _reaches(self, start: ObjectAddress, goal: ObjectAddress, waiting: set[ObjectAddress]) -> bool:
        """Return whether `start` waits for `goal`, by way of others or not."""
        seen: set[ObjectAddress] = set()
        going = list(self._waits[start])
        while going:
            each = going.pop()
            if each == goal:
                return True
            if each in waiting and each not in seen:
                seen.add(each)
                going += self._waits[each]
        return False

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


def _name(definition: Definition) -> tuple[str, str]:
    return (definition.identity, definition.kind)
