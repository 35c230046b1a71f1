"""Put together what is one thing for a reader: what was dropped and made again, and partitions, of which there may be thousands.

Pure.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from fsapi_nb.model.schema_change import CHANGED, CREATED, DROPPED, SchemaChange

_FEW = 3  # so many alike are said one by one
_PARTITION = "partition of "
_AGAIN = "made again"
_TABLES = {"table", "foreign table", "materialized view", "sequence"}  # what is dropped of them is lost


def made_again(details: Iterable[str]) -> list[str]:
    """Return the phrases; if one part was dropped and another one made of its name, one for both."""
    known = list(details)
    gone = {phrase[2:] for phrase in known if phrase.startswith("- ")}
    again = {phrase[2:] for phrase in known if phrase.startswith("+ ")} & gone
    return [
        f"{phrase[2:]} {_AGAIN}" if phrase.startswith("+ ") and phrase[2:] in again else phrase
        for phrase in known
        if not (phrase.startswith("- ") and phrase[2:] in again)
    ]


def objects_made_again(changes: Sequence[SchemaChange]) -> list[SchemaChange]:
    """Return the changes; if an object without data was dropped and another one made of its name, one for both."""
    actions: dict[tuple[str, str], set[str]] = {}
    for change in changes:
        actions.setdefault((change.kind, change.name), set()).add(change.action)
    again = {key for key, done in actions.items() if done >= {CREATED, DROPPED} and key[0] not in _TABLES}
    return [
        change._replace(action=CHANGED, details=(_AGAIN,)) if (change.kind, change.name) in again else change
        for change in changes
        if change.action != DROPPED or (change.kind, change.name) not in again
    ]


def without_partitions(changes: Sequence[SchemaChange]) -> tuple[SchemaChange, ...]:
    """Return the changes, in their order; of more than a few partitions of one table, or changes alike, one for all."""
    groups: dict[Hashable, list[SchemaChange]] = {}
    for number, change in enumerate(changes):
        alike = _alike(change)
        groups.setdefault(number if alike is None else alike, []).append(change)
    folded = ([_of_all(group)] if len(group) > _FEW else group for group in groups.values())
    return tuple(change for group in folded for change in group)


def _alike(change: SchemaChange) -> Hashable:
    """Return what changes have in common that can be said as one; None if this one is said by itself."""
    if change.kind not in {"table", "foreign table"} or not change.details:
        return None
    if change.action == CHANGED:
        return change.details
    parent = change.details[0]
    return (change.action, parent) if parent.startswith(_PARTITION) else None


def _of_all(group: Sequence[SchemaChange]) -> SchemaChange:
    first, last = group[0], group[-1]
    if first.action == CHANGED:
        return first._replace(kind="tables", name=f"{len(group)} from {first.name} to {last.name}")
    parent = first.details[0].removeprefix(_PARTITION)
    return first._replace(kind=f"{len(group)} partitions of", name=parent, details=(f"{first.name} to {last.name}",))
