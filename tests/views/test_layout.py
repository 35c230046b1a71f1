"""Boxes and lines: whatever the graph, no box lies over another, and no line runs through a box."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from fsapi_nb.views.diagram.layout import Box, Edge, Layout, lay_out


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Box], list[Edge]]:
    """Up to 14 boxes of any size, and lines between any two of them, circles and loops included."""
    sizes = st.builds(Box, st.integers(40, 300), st.integers(24, 200))
    boxes = draw(st.lists(sizes, min_size=1, max_size=14))
    places = st.integers(0, len(boxes) - 1)
    pairs = draw(st.lists(st.tuples(places, places), max_size=20))
    return boxes, [
        Edge(a, draw(st.integers(4, boxes[a].height - 4)), b, draw(st.integers(4, boxes[b].height - 4)))
        for a, b in pairs
    ]


def overlap(layout: Layout, boxes: list[Box], first: int, second: int) -> bool:
    (ax, ay), (bx, by) = layout.corners[first], layout.corners[second]
    a, b = boxes[first], boxes[second]
    return ax < bx + b.width and bx < ax + a.width and ay < by + b.height and by < ay + a.height


def runs_through(layout: Layout, boxes: list[Box], line: int, box: int) -> bool:
    """Whether a part of the line lies inside of the box, not only on its edge."""
    (left, top), size = layout.corners[box], boxes[box]
    for (ax, ay), (bx, by) in itertools.pairwise(layout.lines[line]):
        across = max(min(ax, bx), left) < min(max(ax, bx), left + size.width) and top < ay < top + size.height
        down = max(min(ay, by), top) < min(max(ay, by), top + size.height) and left < ax < left + size.width
        if (ay == by and across) or (ax == bx and down):
            return True
    return False


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_a_diagram_can_be_read(graph: tuple[list[Box], list[Edge]]) -> None:
    """No two boxes overlap, all is inside, lines have right angles, go from port to port, and pass boxes by."""
    boxes, edges = graph
    layout = lay_out(boxes, edges)
    assert not [pair for pair in itertools.combinations(range(len(boxes)), 2) if overlap(layout, boxes, *pair)]
    for (x, y), box in zip(layout.corners, boxes, strict=True):
        assert x >= 0 and y >= 0 and x + box.width <= layout.width and y + box.height <= layout.height
    for number, (edge, points) in enumerate(zip(edges, layout.lines, strict=True)):
        for index, port, (x, y) in (
            (edge.start, edge.start_port, points[0]),
            (edge.end, edge.end_port, points[-1]),
        ):
            left, top = layout.corners[index]
            assert x in (left, left + boxes[index].width)
            assert y == top + port or edge.start == edge.end
        assert all((ax == bx) != (ay == by) for (ax, ay), (bx, by) in itertools.pairwise(points))
        assert not [box for box in range(len(boxes)) if runs_through(layout, boxes, number, box)]


@given(graphs())
@settings(max_examples=20, deadline=None)
def test_the_same_graph_gives_the_same_layout(graph: tuple[list[Box], list[Edge]]) -> None:
    """A stored notebook stays equal."""
    assert lay_out(*graph) == lay_out(*graph)


def test_what_is_referred_to_stands_left_of_what_refers_to_it() -> None:
    """A chain reads from left to right, a table without lines stands below."""
    boxes = [Box(100, 50)] * 4
    layout = lay_out(boxes, [Edge(1, 20, 0, 20), Edge(2, 20, 1, 20)])
    assert layout.corners[0][0] < layout.corners[1][0] < layout.corners[2][0]
    assert {y for _, y in layout.corners[:3]} == {0}
    assert all(list(points) == sorted(points, reverse=True) for points in layout.lines)


def test_nothing_gives_nothing() -> None:
    """No boxes, no size."""
    assert lay_out([], []) == Layout((), (), 0, 0)
