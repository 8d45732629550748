"""The layered drawing: nothing overlaps, arrows point down unless they close a circle."""

import time
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from callrouter.flow.graph.layout import lay_out

SIZE = (100.0, 50.0)


def _graphs(count: int) -> st.SearchStrategy[tuple[int, set[tuple[int, int]]]]:
    nodes = st.integers(0, count - 1)
    return st.tuples(st.just(count), st.sets(st.tuples(nodes, nodes), max_size=30))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 14).flatmap(_graphs))
def test_nothing_overlaps_and_arrows_point_down(graph: tuple[int, set[tuple[int, int]]]) -> None:
    count, links = graph
    sizes = {str(n): SIZE for n in range(count)}
    edges = [(str(a), str(b)) for a, b in sorted(links)]
    layout = lay_out(sizes, edges, ["0"])
    for a, b in combinations(layout.centres.values(), 2):
        assert abs(a.x - b.x) >= SIZE[0] or abs(a.y - b.y) >= SIZE[1]
    for a, b in edges:
        if a != b:
            rises = layout.centres[b].y < layout.centres[a].y
            assert rises == ((a, b) in layout.backward)
            ys = [layout.centres[a].y, *(p.y for p in layout.ways[a, b]), layout.centres[b].y]
            assert ys == sorted(ys, reverse=rises)
    for at in layout.centres.values():
        assert at.x - SIZE[0] / 2 + 1e-6 >= 0
        assert at.x + SIZE[0] / 2 <= layout.width + 1e-6


def test_a_diamond_is_symmetric() -> None:
    layout = lay_out(dict.fromkeys("abcd", SIZE), [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], ["a"])
    assert abs(layout.centres["a"].x - layout.centres["d"].x) < 1
    assert layout.centres["b"].y == layout.centres["c"].y


def test_a_hundred_nodes_are_quick() -> None:
    names = [str(n) for n in range(100)]
    edges = [(str(n), str((n * 7 + k) % 100)) for n in range(100) for k in (1, 2)]
    began = time.process_time()
    lay_out(dict.fromkeys(names, SIZE), edges, ["0"])
    assert time.process_time() - began < 5
