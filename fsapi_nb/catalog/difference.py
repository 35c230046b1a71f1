"""What differs between two snapshots, object by object. Says nothing of how to get from one to the other."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from fsapi_nb.catalog.snapshot import CatalogObject, Snapshot


class ChangeKind(Enum):
    """What became of an object."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    REORDERED = "columns in another order"


@dataclass(frozen=True, slots=True)
class Change:
    """One object that differs. `before` and `after` are its definitions, None where it is not there.

    Of REORDERED they are the columns in their order, a line each; that is a remark, not another definition: a DOWN
    and an UP after it leave a column at the end.
    """

    change: ChangeKind
    kind: str
    identity: str
    before: str | None = None
    after: str | None = None

    @property
    def is_remark(self) -> bool:
        """Whether no definition differs, so that a comparison of schemas may leave it out."""
        return self.change is ChangeKind.REORDERED

    def title(self) -> str:
        """Return what became of the object, in one line: `changed table public.users`."""
        if self.is_remark:
            return f"{self.kind} {self.identity}: {self.change.value}"
        return f"{self.change.value} {self.kind} {self.identity}"

    def lines(self) -> list[str]:
        """Return both definitions as a unified difference: `-` before lines that are gone, `+` before new ones.

        Of what was added or removed every line; of what changed three lines around each change.
        """
        before = self.before.split("\n") if self.before is not None else []
        after = self.after.split("\n") if self.after is not None else []
        lines = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
        return [line for line in lines if not line.startswith("@@")] if self._is_short(lines) else lines

    def _is_short(self, lines: list[str]) -> bool:
        """Return whether there is one place only, so that its line numbers say nothing."""
        return sum(line.startswith("@@") for line in lines) == 1


def difference(before: Snapshot, after: Snapshot) -> tuple[Change, ...]:
    """Return how each object differs from `before` to `after`, sorted by kind and identity; empty if they are equal."""
    return tuple(_changes(before, after))


def without_remarks(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Return the changes in which a definition differs."""
    return tuple(change for change in changes if not change.is_remark)


def _changes(before: Snapshot, after: Snapshot) -> Iterable[Change]:
    old, new = _by_identity(before), _by_identity(after)
    for key in sorted({*old, *new}):
        left, right = old.get(key), new.get(key)
        if left is None and right is not None:
            yield Change(ChangeKind.ADDED, *key, None, right.definition)
        elif right is None and left is not None:
            yield Change(ChangeKind.REMOVED, *key, left.definition, None)
        elif left is not None and right is not None:
            yield from _changes_of(left, right)


def _changes_of(left: CatalogObject, right: CatalogObject) -> Iterable[Change]:
    """Return what differs between two states of one object."""
    if left.definition != right.definition:
        yield Change(ChangeKind.CHANGED, left.kind, left.identity, left.definition, right.definition)
    common = {*left.columns} & {*right.columns}
    old = [column for column in left.columns if column in common]
    new = [column for column in right.columns if column in common]
    if old != new:
        yield Change(ChangeKind.REORDERED, left.kind, left.identity, "\n".join(left.columns), "\n".join(right.columns))


def _by_identity(snapshot: Snapshot) -> dict[tuple[str, str], CatalogObject]:
    return {(each.kind, each.identity): each for each in snapshot.objects}
