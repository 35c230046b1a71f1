"""The places of boxes and of the lines between them, in layers from left to right. Pure and deterministic.

No box covers another. A box stands right of those that it refers to. Lines have right angles, run between the layers,
and pass through a layer only beside its boxes. A layer that would be much higher than all is wide becomes several.
This knows sizes only: tables, text and SVG are in `svg`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

#: Between two boxes of a layer, beside a line that passes, from a box to the first line, between lines.
GAP, PASS, MARGIN, TRACK = 26, 12, 26, 9
_LOOP = 14
_SWEEPS = 8
_SHAPE = 1.5  # width to height that a large drawing should have
_LOWEST = 900  # height below which no layer becomes several
_TRIES = 3

Point = tuple[int, int]
_Key = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Box:
    """The size of a box."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from a box to another or itself, by their places in the list, and how far below their tops it ends."""

    start: int
    start_port: int
    end: int
    end_port: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The upper left corner of each box, the corners of each line from its start to its end, and the size of all."""

    corners: tuple[Point, ...]
    lines: tuple[tuple[Point, ...], ...]
    width: int
    height: int


@dataclass(slots=True)
class _Node:
    """What takes room in a layer: a box, or a line that passes through."""

    layer: int
    width: int
    height: int
    y: float = 0.0
    is_box: bool = True
    links: list[tuple[int, int, int]] = field(default_factory=list)  # the other node, its port, the port here


@dataclass(slots=True)
class _Net:
    """Lines that leave one port to the right and share their way until they part."""

    left: int
    port: int
    ends: list[tuple[int, int, int]] = field(default_factory=list)  # edge, box, port
    passes: dict[int, int] = field(default_factory=dict)  # the node that stands for it, by layer


@dataclass(frozen=True, slots=True)
class _Way:
    """The part of a net between two layers: from a height on the left to heights on the right."""

    net: int
    left: int
    rights: tuple[int, ...]

    @property
    def span(self) -> tuple[int, int]:
        return min(self.left, *self.rights), max(self.left, *self.rights)


def lay_out(boxes: Sequence[Box], edges: Sequence[Edge], *, width: int = 1000) -> Layout:
    """Return the places of all.

    Connected boxes are laid out together; such parts stand in rows of about `width`, or more if they would become
    higher than wide.
    """
    parts = [_lay_out_part(boxes, edges, part) for part in _parts(len(boxes), edges)]
    width = max(width, round(math.sqrt(_SHAPE * sum((part.width + GAP) * (part.height + GAP) for part in parts))))
    parts.sort(key=lambda part: (len(part.corners) == 1, -len(part.corners)))
    corners: dict[int, Point] = {}
    lines: dict[int, tuple[Point, ...]] = {}
    wide = max([width, *(part.width for part in parts)])
    x = y = row = right = 0
    for part in parts:
        is_below = row > _LOWEST and len(part.corners) == 1  # what refers to nothing does not stand beside the rest
        if x and (is_below or x + part.width > wide):
            x, y, row = 0, y + row + _gap(part.height), 0
        corners |= {key: (x + left, y + top) for key, (left, top) in part.corners.items()}
        lines |= {key: tuple((x + px, y + py) for px, py in points) for key, points in part.lines.items()}
        right, row = max(right, x + part.width), max(row, part.height)
        x += part.width + GAP
    return Layout(
        tuple(corners[index] for index in range(len(boxes))),
        tuple(lines[index] for index in range(len(edges))),
        right,
        y + row,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    corners: Mapping[int, Point]
    lines: Mapping[int, tuple[Point, ...]]
    width: int
    height: int


def _parts(count: int, edges: Sequence[Edge]) -> list[list[int]]:
    """Return the groups of connected boxes, each in the order of the list."""
    group = list(range(count))

    def find(index: int) -> int:
        while group[index] != index:
            index = group[index]
        return index

    for edge in edges:
        first, second = sorted((find(edge.start), find(edge.end)))
        group[second] = first
    found: dict[int, list[int]] = {}
    for index in range(count):
        found.setdefault(find(index), []).append(index)
    return list(found.values())


def _lay_out_part(boxes: Sequence[Box], edges: Sequence[Edge], members: list[int]) -> _Part:
    """Return a part as it is, or if it is too high, with more and lower layers."""
    part = _lay_out_layers(boxes, edges, members, math.inf)
    if part.height <= max(_LOWEST, part.width / _SHAPE):
        return part
    highest = max(_LOWEST, math.sqrt(part.width * part.height / _SHAPE))
    for _ in range(_TRIES):  # more layers need more room for the lines between them, so that the first is too wide
        part = _lay_out_layers(boxes, edges, members, highest)
        highest *= math.sqrt(max(part.width / part.height / _SHAPE, 1))
    return part


def _lay_out_layers(boxes: Sequence[Box], edges: Sequence[Edge], members: list[int], highest: float) -> _Part:
    inside = set(members)
    here = {number: edge for number, edge in enumerate(edges) if edge.start in inside}
    loops = {number: edge for number, edge in here.items() if edge.start == edge.end}
    straight = {number: edge for number, edge in here.items() if edge.start != edge.end}
    layers = _layers(boxes, members, straight.values(), highest)
    nodes = {index: _Node(layers[index], boxes[index].width, boxes[index].height) for index in members}
    nets = _nets(straight, nodes)
    rows = _ordered(nodes, _rows(nodes))
    _place_vertically(nodes, rows)
    ways = _ways(nodes, nets, len(rows))
    tracks, lefts, width = _place_horizontally(nodes, rows, ways, loops.values())
    corners = {index: (lefts[nodes[index].layer], round(nodes[index].y)) for index in members}
    lines = _lines(boxes, straight, nets, nodes, corners, tracks)
    lines |= _loops(boxes, loops, corners)
    height = max(round(nodes[index].y) + nodes[index].height for index in nodes)
    return _Part(corners, lines, width, height)


def _layers(boxes: Sequence[Box], members: Sequence[int], edges: Iterable[Edge], highest: float) -> dict[int, int]:
    """Return a layer for each box, right of all that it refers to; in a circle one line goes the other way.

    The boxes of a layer take no more than `highest` together, if each of them is lower.
    """
    children: dict[int, list[int]] = {index: [] for index in members}
    referring = set()
    for edge in edges:
        children[edge.end].append(edge.start)
        referring.add(edge.start)
    order, forward = _walk(children, sorted(members, key=lambda index: (index in referring, index)))
    layers = dict.fromkeys(members, 0)
    for index in reversed(order):
        for left, right in forward:
            if left == index:
                layers[right] = max(layers[right], layers[left] + 1)
    has_left = {right for _, right in forward}
    for index in members:  # what refers to nothing stands next to what refers to it
        rights = [layers[right] for left, right in forward if left == index]
        if rights and index not in has_left:
            layers[index] = min(rights) - 1
    lowest = min(layers.values())
    layers = {index: layer - lowest for index, layer in layers.items()}
    return layers if highest == math.inf else _of_bounded_height(boxes, layers, forward, highest)


def _of_bounded_height(
    boxes: Sequence[Box], layers: dict[int, int], forward: Iterable[tuple[int, int]], highest: float
) -> dict[int, int]:
    """Return for each box the first layer right of all that it refers to in which there is room for it."""
    lefts: dict[int, list[int]] = {index: [] for index in layers}
    for left, right in forward:
        lefts[right].append(left)
    found: dict[int, int] = {}
    filled: dict[int, int] = {}
    for index in sorted(layers, key=lambda index: (layers[index], index)):
        height = boxes[index].height + _gap(boxes[index].height)
        layer = max((found[left] + 1 for left in lefts[index]), default=0)
        while filled.get(layer, 0) and filled[layer] + height > highest:
            layer += 1
        found[index] = layer
        filled[layer] = filled.get(layer, 0) + height
    return found


def _walk(children: Mapping[int, Sequence[int]], roots: Sequence[int]) -> tuple[list[int], list[tuple[int, int]]]:
    """Walk depth first from the roots in turn.

    Return the boxes in the order in which they were left, and all lines as pairs of left and right: one that would
    close a circle is turned around.
    """
    order: list[int] = []
    forward: list[tuple[int, int]] = []
    state = dict.fromkeys(children, 0)  # 0 not seen, 1 on the way here, 2 done
    for root in roots:
        if state[root]:
            continue
        stack = [(root, iter(sorted(set(children[root]))))]
        state[root] = 1
        while stack:
            index, rest = stack[-1]
            child = next(rest, None)
            if child is None:
                state[index] = 2
                order.append(index)
                stack.pop()
                continue
            forward.append((child, index) if state[child] == 1 else (index, child))
            if state[child] == 0:
                state[child] = 1
                stack.append((child, iter(sorted(set(children[child])))))
    return order, forward


def _nets(edges: Mapping[int, Edge], nodes: dict[int, _Node]) -> list[_Net]:
    """Return the lines by the port they leave to the right, with a node in each layer that they only pass through."""
    nets: dict[tuple[int, ...], _Net] = {}
    for number, edge in edges.items():
        if nodes[edge.end].layer < nodes[edge.start].layer:
            net = nets.setdefault((edge.end, edge.end_port), _Net(edge.end, edge.end_port))
            net.ends.append((number, edge.start, edge.start_port))
        else:
            nets[edge.start, edge.start_port, number] = _Net(
                edge.start, edge.start_port, [(number, edge.end, edge.end_port)]
            )
    following = max(nodes) + 1
    for net in nets.values():
        previous, port = net.left, net.port
        for layer in range(nodes[net.left].layer + 1, max(nodes[box].layer for _, box, _ in net.ends) + 1):
            for _, box, end_port in net.ends:
                if nodes[box].layer == layer:
                    _link(nodes, previous, port, box, end_port)
            if any(nodes[box].layer > layer for _, box, _ in net.ends):
                nodes[following] = _Node(layer, 0, 0, is_box=False)
                net.passes[layer] = following
                _link(nodes, previous, port, following, 0)
                previous, port = following, 0
                following += 1
    return list(nets.values())


def _link(nodes: dict[int, _Node], left: int, left_port: int, right: int, right_port: int) -> None:
    nodes[left].links.append((right, right_port, left_port))
    nodes[right].links.append((left, left_port, right_port))


def _rows(nodes: Mapping[int, _Node]) -> list[list[int]]:
    """Return the nodes of each layer, in the order of their numbers."""
    return [
        [index for index in sorted(nodes) if nodes[index].layer == layer]
        for layer in range(max(node.layer for node in nodes.values()) + 1)
    ]


def _ordered(nodes: Mapping[int, _Node], rows: list[list[int]]) -> list[list[int]]:
    """Return the nodes of each layer from top to bottom, each near the middle of its neighbours, so that few lines cross."""
    best, fewest = [list(row) for row in rows], _crossings(nodes, rows)
    for sweep in range(_SWEEPS):
        order = range(1, len(rows)) if sweep % 2 == 0 else range(len(rows) - 2, -1, -1)
        for layer in order:
            side = layer - 1 if sweep % 2 == 0 else layer + 1
            places = {index: place for place, index in enumerate(rows[side])}
            rows[layer].sort(key=_middle(nodes, places, rows[layer]))
        crossings = _crossings(nodes, rows)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _middle(nodes: Mapping[int, _Node], places: Mapping[int, int], row: Sequence[int]) -> _Key:
    now = {index: float(place) for place, index in enumerate(row)}

    def key(index: int) -> float:
        heights = [
            places[other] + port / max(nodes[other].height, 1)
            for other, port, _ in nodes[index].links
            if other in places
        ]
        return sum(heights) / len(heights) if heights else now[index]

    return key


def _crossings(nodes: Mapping[int, _Node], rows: Sequence[Sequence[int]]) -> int:
    """Return how many pairs of lines between neighbouring layers cross."""
    count = 0
    for left, right in itertools.pairwise(rows):
        places = {index: place for place, index in enumerate(right)}
        ends = [
            (place, own, places[other], port)
            for place, index in enumerate(left)
            for other, port, own in nodes[index].links
            if other in places
        ]
        count += sum(1 for a in ends for b in ends if a[:2] < b[:2] and a[2:] > b[2:])
    return count


def _place_vertically(nodes: Mapping[int, _Node], rows: Sequence[Sequence[int]]) -> None:
    """Set the heights in that order: each as near to its neighbours' ports as there is room."""
    for row in rows:
        y = 0.0
        for index in row:
            nodes[index].y = y
            y += nodes[index].height + _below(nodes[index])
    for sweep in range(2 * _SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = []
            for index in row:
                node = nodes[index]
                heights = [nodes[other].y + port - own for other, port, own in node.links]
                wanted.append(sum(heights) / len(heights) if heights else node.y)
            _spread([nodes[index] for index in row], wanted)
    top = min(node.y for node in nodes.values())
    for node in nodes.values():
        node.y = float(round(node.y - top))


def _below(node: _Node) -> int:
    return _gap(node.height) if node.is_box else PASS


def _gap(height: int) -> int:
    """Return the room below a box: less below one that is a name only."""
    return GAP if height > GAP else PASS


def _spread(row: Sequence[_Node], wanted: Sequence[float]) -> None:
    """Put each at the height it wants, or if that overlaps, as near as the order allows (least squares)."""
    offset = 0.0
    blocks: list[tuple[float, int]] = []  # the mean of what its members want, and how many they are
    for node, height in zip(row, wanted, strict=True):
        mean, count = height - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, members = blocks.pop()
            mean, count = (before * members + mean * count) / (members + count), members + count
        blocks.append((mean, count))
        offset += node.height + _below(node)
    offset = 0.0
    means = [mean for mean, count in blocks for _ in range(count)]
    for node, mean in zip(row, means, strict=True):
        node.y = mean + offset
        offset += node.height + _below(node)


def _ways(nodes: Mapping[int, _Node], nets: Sequence[_Net], layers: int) -> list[list[_Way]]:
    """Return the ways in each space between two layers, in the order of their tracks from left to right."""
    spaces: list[list[_Way]] = [[] for _ in range(layers)]
    for number, net in enumerate(nets):
        left = round(nodes[net.left].y) + net.port
        for layer in range(nodes[net.left].layer, max(nodes[box].layer for _, box, _ in net.ends)):
            rights = [round(nodes[box].y) + port for _, box, port in net.ends if nodes[box].layer == layer + 1]
            passing = net.passes.get(layer + 1)
            following = left if passing is None else round(nodes[passing].y)
            spaces[layer].append(_Way(number, left, (*rights, *([following] if passing is not None else []))))
            left = following
    return [_in_tracks(space) for space in spaces]


def _in_tracks(ways: Sequence[_Way]) -> list[_Way]:
    """Return the ways that turn, in an order in which few of them cross."""
    order = sorted((way for way in ways if way.span[0] != way.span[1]), key=lambda way: (way.left, way.net))
    for _ in order:
        for place in range(len(order) - 1):
            first, second = order[place], order[place + 1]
            if _cost(second, first) < _cost(first, second):
                order[place], order[place + 1] = second, first
    return order


def _cost(left: _Way, right: _Way) -> int:
    """Return how often two ways cross if the first turns left of the second; running in one line counts most."""
    crossings = int(left.span[0] < right.left < left.span[1])
    crossings += sum(right.span[0] < height < right.span[1] for height in left.rights)
    return crossings + 10 * sum(abs(height - right.left) < 3 for height in left.rights)


def _place_horizontally(
    nodes: Mapping[int, _Node], rows: Sequence[Sequence[int]], ways: Sequence[Sequence[_Way]], loops: Iterable[Edge]
) -> tuple[list[dict[int, int]], list[int], int]:
    """Return where each net turns in each space, where each layer begins, and how wide all is."""
    looping = {nodes[edge.start].layer for edge in loops}
    tracks: list[dict[int, int]] = []
    lefts: list[int] = []
    x = 0
    for layer, row in enumerate(rows):
        lefts.append(x)
        right = x + max(nodes[index].width for index in row)
        first = right + MARGIN + (_LOOP if layer in looping else 0)
        tracks.append({way.net: first + place * TRACK for place, way in enumerate(ways[layer])})
        x = first + max(len(ways[layer]) - 1, 0) * TRACK + MARGIN
    return tracks, lefts, right + (2 * _LOOP if len(rows) - 1 in looping else 0)


def _lines(
    boxes: Sequence[Box],
    edges: Mapping[int, Edge],
    nets: Sequence[_Net],
    nodes: Mapping[int, _Node],
    corners: Mapping[int, Point],
    tracks: Sequence[Mapping[int, int]],
) -> dict[int, tuple[Point, ...]]:
    lines = {}
    for number, net in enumerate(nets):
        for edge, box, port in net.ends:
            x, y = corners[net.left][0] + boxes[net.left].width, corners[net.left][1] + net.port
            points = [(x, y)]
            for layer in range(nodes[net.left].layer, nodes[box].layer):
                last = layer + 1 == nodes[box].layer
                following = corners[box][1] + port if last else round(nodes[net.passes[layer + 1]].y)
                turn = tracks[layer].get(number)
                if turn is not None and following != y:
                    points += [(turn, y), (turn, following)]
                y = following
            points.append((corners[box][0], y))
            lines[edge] = tuple(points if edges[edge].start == net.left else reversed(points))
    return lines


def _loops(
    boxes: Sequence[Box], loops: Mapping[int, Edge], corners: Mapping[int, Point]
) -> dict[int, tuple[Point, ...]]:
    """Return the lines from a box to itself, at its right side."""
    lines: dict[int, tuple[Point, ...]] = {}
    count: dict[int, int] = {}
    for number, edge in loops.items():
        count[edge.start] = count.get(edge.start, 0) + 1
        left, top = corners[edge.start]
        right = left + boxes[edge.start].width
        turn = right + _LOOP + min(4 * (count[edge.start] - 1), _LOOP - 2)
        end = top + edge.end_port if edge.end_port != edge.start_port else top + edge.end_port - 9
        lines[number] = ((right, top + edge.start_port), (turn, top + edge.start_port), (turn, end), (right, end))
    return lines
