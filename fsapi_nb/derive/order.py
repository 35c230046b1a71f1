"""Put steps into an order in which each comes after what it needs, and of those that may come next the lowest first."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeVar

Key = TypeVar("Key", bound=Hashable)


def in_order(needs: Mapping[Key, Iterable[Key]], rank: Mapping[Key, Any]) -> list[Key]:
    """Return the keys of `needs`, each after those that it needs; a circle is cut at the lowest of its keys.

    Args:
        needs: What each key needs. Names that are not keys themselves do not matter.
        rank: The place of each key among those that may come next; no two are equal.
    """
    waits = {key: {each for each in needed if each in needs and each != key} for key, needed in needs.items()}
    wanted_by: dict[Key, list[Key]] = {key: [] for key in needs}
    for key, needed in waits.items():
        for each in needed:
            wanted_by[each].append(key)
    ready = [(rank[key], key) for key, needed in waits.items() if not needed]
    heapq.heapify(ready)
    found: dict[Key, None] = {}
    while len(found) < len(waits):
        if not ready:
            ready = [min((rank[key], key) for key in waits if key not in found)]
        _, key = heapq.heappop(ready)
        if key in found:
            continue
        found[key] = None
        for other in wanted_by[key]:
            waits[other].discard(key)
            if not waits[other] and other not in found:
                heapq.heappush(ready, (rank[other], other))
    return list(found)
