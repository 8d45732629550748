"""Layered drawing of a directed graph (Sugiyama, Tagawa, Toda 1981), from the top down.

    1. cycles are broken: arrows that lead back to where the walk is are turned round
    2. layers: the longest way from the top
    3. arrows over several layers get a waypoint in each
    4. order within layers: sweeps by the mean of neighbours, the best order seen is kept
    5. places: boxes are drawn towards their neighbours' middle, waypoints more strongly

All plain Python; flows of a hundred nodes take milliseconds.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

SWEEPS: Final = 24
PULLS: Final = 60
GAP: Final = 28.0
WAYPOINT_WIDTH: Final = 18.0


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass(slots=True)
class Layout:
    """Centres of boxes and the waypoints of arrows, top left at (0, 0)."""

    width: float
    height: float
    centres: dict[str, Point]
    ways: dict[tuple[str, str], list[Point]]
    backward: set[tuple[str, str]] = field(default_factory=set)
    """Arrows that lead upwards."""


def lay_out(
    sizes: Mapping[str, tuple[float, float]],
    edges: Sequence[tuple[str, str]],
    roots: Sequence[str],
    layer_gap: float = 62.0,
) -> Layout:
    """Place nodes of the given (width, height). Loops onto oneself are left to the painter."""
    names = [*roots, *(name for name in sizes if name not in roots)]
    links = [(a, b) for a, b in dict.fromkeys(edges) if a != b]
    backward = _backward(names, links)
    down = [(b, a) if (a, b) in backward else (a, b) for a, b in links]
    layer_of = _layers(names, down)
    chains, layers = _with_waypoints(names, down, layer_of)
    neighbours = _neighbours(chains)
    _order(layers, neighbours)
    width_of = {
        name: sizes[name][0] if name in sizes else WAYPOINT_WIDTH for layer in layers for name in layer
    }
    x = _places(layers, neighbours, width_of)
    left = min(x[name] - width_of[name] / 2 for name in x) if x else 0.0
    tops, height = [], 0.0
    for layer in layers:
        tall = max((sizes[name][1] for name in layer if name in sizes), default=0.0)
        tops.append((height, tall))
        height += tall + layer_gap
    at = {
        name: Point(x[name] - left, tops[number][0] + tops[number][1] / 2)
        for number, layer in enumerate(layers)
        for name in layer
    }
    ways = {}
    for link, chain in zip(links, chains, strict=True):
        points = [at[name] for name in chain[1:-1]]
        ways[link] = points[::-1] if link in backward else points
    right = max((at[name].x + width_of[name] / 2 for name in at), default=0.0)
    return Layout(right, max(0.0, height - layer_gap), {n: at[n] for n in sizes}, ways, backward)


def _backward(names: Sequence[str], links: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Arrows that close a circle in a depth-first walk from the top."""
    targets: dict[str, list[str]] = {name: [] for name in names}
    for a, b in links:
        targets[a].append(b)
    done: set[str] = set()
    found: set[tuple[str, str]] = set()
    for root in names:
        if root in done:
            continue
        path = {root}
        work = [(root, iter(targets[root]))]
        while work:
            node, rest = work[-1]
            step = next(rest, None)
            if step is None:
                done.add(node)
                path.discard(node)
                work.pop()
            elif step in path:
                found.add((node, step))
            elif step not in done:
                path.add(step)
                work.append((step, iter(targets[step])))
    return found


def _layers(names: Sequence[str], down: Sequence[tuple[str, str]]) -> dict[str, int]:
    sources: dict[str, list[str]] = {name: [] for name in names}
    targets: dict[str, list[str]] = {name: [] for name in names}
    for a, b in down:
        sources[b].append(a)
        targets[a].append(b)
    left = {name: len(sources[name]) for name in names}
    ready = [name for name in names if not left[name]]
    layer = dict.fromkeys(names, 0)
    while ready:
        name = ready.pop(0)
        for target in targets[name]:
            layer[target] = max(layer[target], layer[name] + 1)
            left[target] -= 1
            if not left[target]:
                ready.append(target)
    return layer


def _with_waypoints(
    names: Sequence[str], down: Sequence[tuple[str, str]], layer_of: dict[str, int]
) -> tuple[list[list[str]], list[list[str]]]:
    layers: list[list[str]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for name in names:
        layers[layer_of[name]].append(name)
    chains = []
    for number, (a, b) in enumerate(down):
        chain = [a]
        for layer in range(layer_of[a] + 1, layer_of[b]):
            waypoint = f"\0{number}:{layer}"
            layers[layer].append(waypoint)
            chain.append(waypoint)
        chains.append([*chain, b])
    return chains, layers


def _neighbours(chains: Sequence[Sequence[str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for chain in chains:
        for a, b in itertools.pairwise(chain):
            below.setdefault(a, []).append(b)
            above.setdefault(b, []).append(a)
    return above, below


def _order(layers: list[list[str]], neighbours: tuple[dict[str, list[str]], dict[str, list[str]]]) -> None:
    above, below = neighbours
    best = [list(layer) for layer in layers]
    fewest = _crossings(layers, below)
    for sweep in range(SWEEPS):
        downward = sweep % 2 == 0
        order = range(1, len(layers)) if downward else range(len(layers) - 2, -1, -1)
        for number in order:
            fixed = layers[number - 1 if downward else number + 1]
            place = {name: index for index, name in enumerate(fixed)}
            pull = above if downward else below
            current = {name: index for index, name in enumerate(layers[number])}

            def key(name: str, place: dict[str, int] = place, pull: dict[str, list[str]] = pull,
                    current: dict[str, int] = current) -> float:  # fmt: skip
                known = [place[other] for other in pull.get(name, ()) if other in place]
                return sum(known) / len(known) if known else float(current[name])

            layers[number].sort(key=key)
        if (crossings := _crossings(layers, below)) < fewest:
            fewest, best = crossings, [list(layer) for layer in layers]
    for layer, kept in zip(layers, best, strict=True):
        layer[:] = kept


def _crossings(layers: Sequence[Sequence[str]], below: dict[str, list[str]]) -> int:
    count = 0
    for upper, lower in itertools.pairwise(layers):
        place = {name: index for index, name in enumerate(lower)}
        ends = [
            place[b]
            for a in upper
            for b in sorted(below.get(a, ()), key=lambda n: place.get(n, 0))
            if b in place
        ]
        count += sum(first > second for i, first in enumerate(ends) for second in ends[i + 1 :])
    return count


def _places(
    layers: Sequence[Sequence[str]],
    neighbours: tuple[dict[str, list[str]], dict[str, list[str]]],
    width_of: dict[str, float],
) -> dict[str, float]:
    above, below = neighbours
    x: dict[str, float] = {}
    for layer in layers:
        total = sum(width_of[name] + GAP for name in layer)
        edge = -total / 2
        for name in layer:
            x[name] = edge + width_of[name] / 2
            edge += width_of[name] + GAP
    for pull in range(PULLS):
        order = range(len(layers)) if pull % 2 == 0 else range(len(layers) - 1, -1, -1)
        for number in order:
            layer = layers[number]
            wish = {}
            for name in layer:
                near = [*above.get(name, ()), *below.get(name, ())]
                if pull < PULLS // 2:  # first follow one side, so that chains straighten
                    near = above.get(name, []) if pull % 2 == 0 else below.get(name, [])
                wish[name] = sum(x[other] for other in near) / len(near) if near else x[name]
            _apart(layer, wish, width_of, x)
    return x


def _apart(
    layer: Sequence[str], wish: dict[str, float], width_of: dict[str, float], x: dict[str, float]
) -> None:
    """Put a layer where it wishes to be, as far as its members keep their order and distance.

    Pool adjacent violators: members that collide form a block placed at the mean of its wishes.
    """
    offsets = {}
    edge = 0.0
    for index, name in enumerate(layer):
        if index:
            before = layer[index - 1]
            edge += (width_of[before] + width_of[name]) / 2 + GAP
        offsets[name] = edge
    blocks: list[tuple[float, float, list[str]]] = []  # (sum of weighted places, weight, members)
    for name in layer:
        weight = 1.0 if name.startswith("\0") else 1.5
        block = ((wish[name] - offsets[name]) * weight, weight, [name])
        while blocks and blocks[-1][0] / blocks[-1][1] >= block[0] / block[1]:
            before_sum, before_weight, members = blocks.pop()
            block = (before_sum + block[0], before_weight + block[1], members + block[2])
        blocks.append(block)
    for total, weight, members in blocks:
        for name in members:
            x[name] = total / weight + offsets[name]
