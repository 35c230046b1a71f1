"""Lines with right angles as few paths: what several lines share is drawn once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fsapi_nb.views.diagram.layout import Point


class Segment(NamedTuple):
    """A straight part of lines: its upper or left end, and how far it goes down or to the right."""

    x: int
    y: int
    right: int
    down: int


def segments(lines: Iterable[Sequence[Point]]) -> list[Segment]:
    """Return the straight parts of all lines, those that overlap as one, from top to bottom."""
    across: dict[int, set[tuple[int, int]]] = {}
    upright: dict[int, set[tuple[int, int]]] = {}
    for points in lines:
        for (x, y), (to_x, to_y) in itertools.pairwise(points):
            if y == to_y:
                across.setdefault(y, set()).add((min(x, to_x), max(x, to_x)))
            else:
                upright.setdefault(x, set()).add((min(y, to_y), max(y, to_y)))
    found = [Segment(start, y, end - start, 0) for y, parts in across.items() for start, end in _joined(parts)]
    found += [Segment(x, start, 0, end - start) for x, parts in upright.items() for start, end in _joined(parts)]
    return sorted(found, key=lambda each: (each.y, each.x, each.right))


def path_of(parts: Iterable[Segment]) -> str:
    """Return the data of a path that draws them."""
    return "".join(f"M{x},{y}{f'h{right}' if right else f'v{down}'}" for x, y, right, down in parts)


def _joined(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(parts):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined
