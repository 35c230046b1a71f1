"""What must be there before what, without cycles: wishes are given up, and stubs stand for what others need first. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from fsapi_nb.catalog.ddl.definition import Definition, ObjectAddress, Unwritten

#: What decides between two that could both come next: a phase, then a path of rank, identity and kind.
Key = tuple[int, tuple[tuple[int, str, str], ...]]
#: The part of an object that stands for its stub.
STUB = -2


class Waits:
    """For each definition, the others that come before it.

    A table also waits for what its defaults, checks and keys need, as long as nothing of that waits for the table: they
    can then stand in its CREATE. A definition that others need before it can be whole comes twice: its stub, with the
    part `STUB`, needs nothing of the cycle, and the others wait for that.
    """

    def __init__(self, found: Mapping[ObjectAddress, Definition], key: Callable[[ObjectAddress], Key]) -> None:
        self._found = found
        self._key = key
        self.of: dict[ObjectAddress, set[ObjectAddress]] = {
            address: {need for need in each.needs if need in found and need != address}
            for address, each in found.items()
        }
        self.unwritten: list[Unwritten] = []
        self._wishes = self._wish()
        self._users: dict[ObjectAddress, set[ObjectAddress]] = defaultdict(set)
        for address, needs in self.of.items():
            for need in needs:
                self._users[need].add(address)
        while cycle := self._cycle():
            self._break(cycle)

    def users(self) -> Mapping[ObjectAddress, set[ObjectAddress]]:
        """Return what waits for each."""
        return self._users

    def _wish(self) -> dict[ObjectAddress, set[ObjectAddress]]:
        wishes: dict[ObjectAddress, set[ObjectAddress]] = defaultdict(set)
        for address, each in self._found.items():
            parent = self._found.get(each.parent) if each.parent else None
            if parent and each.inline and each.inline.column in parent.slots:
                wishes[parent.address] |= self.of[address] - {parent.address} - self.of[parent.address]
        for address, wished in wishes.items():
            self.of[address] |= wished
        return wishes

    def _cycle(self) -> set[ObjectAddress]:
        """Return definitions that all wait for each other, the first ones that there are; empty if there are none."""
        rest = _without_ends(_without_ends(set(self.of), self.of, self._users), self._users, self.of)
        for address in sorted(rest, key=self._key):
            cycle = self._reached(address, self.of, rest) & self._reached(address, self._users, rest)
            if address in cycle:
                return cycle
        return set()

    def _reached(
        self, start: ObjectAddress, edges: Mapping[ObjectAddress, set[ObjectAddress]], within: set[ObjectAddress]
    ) -> set[ObjectAddress]:
        seen: set[ObjectAddress] = set()
        going = [*edges[start]]
        while going:
            each = going.pop()
            if each in within and each not in seen:
                seen.add(each)
                going += edges[each]
        return seen

    def _break(self, cycle: set[ObjectAddress]) -> None:
        """Give up the wishes within a cycle, or else let a stub come first, or else name what needs itself."""
        members = sorted(cycle, key=self._key)
        wishes = [(address, wish) for address in members for wish in self._wishes.get(address, set()) & cycle]
        if wishes:
            for address, wish in wishes:
                self._wishes[address].discard(wish)
                self._give_up(address, wish)
            return
        # A function comes last: its stub needs the types of its arguments, which may be rows of a view.
        for address in sorted(members, key=lambda each: each.catalog == "pg_proc"):
            if self._found[address].stub and address._replace(part=STUB) not in self.of:
                self._put_first(address, cycle)
                return
        first = self._found[members[0]]
        self.unwritten.append(Unwritten(first.kind, first.identity, "it needs itself, by way of what needs it"))
        for need in self.of[first.address] & cycle:
            self._give_up(first.address, need)

    def _put_first(self, address: ObjectAddress, cycle: set[ObjectAddress]) -> None:
        stub = address._replace(part=STUB)
        self.of[stub] = self.of[address] - cycle
        for need in self.of[stub]:
            self._users[need].add(stub)
        for user in self._users[address] & cycle:
            self._give_up(user, address)
            self._wait(user, stub)
        self._wait(address, stub)

    def _wait(self, address: ObjectAddress, need: ObjectAddress) -> None:
        self.of[address].add(need)
        self._users[need].add(address)

    def _give_up(self, address: ObjectAddress, need: ObjectAddress) -> None:
        self.of[address].discard(need)
        self._users[need].discard(address)


def _without_ends(
    rest: set[ObjectAddress],
    before: Mapping[ObjectAddress, set[ObjectAddress]],
    after: Mapping[ObjectAddress, set[ObjectAddress]],
) -> set[ObjectAddress]:
    """Return what is left without those that nothing is before, and then is nothing before any more, and so on."""
    counts = {each: len(before[each] & rest) if each in before else 0 for each in rest}
    going = [each for each, count in counts.items() if not count]
    left = set(rest)
    while going:
        each = going.pop()
        left.discard(each)
        for other in after.get(each, ()):
            if other in left:
                counts[other] -= 1
                if not counts[other]:
                    going.append(other)
    return left
