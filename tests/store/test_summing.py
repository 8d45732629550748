"""Sums by many dimensions at once are the sums by each alone, however columns are put together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.service_level import Tally
from callrouter.store import summing
from callrouter.store.local_time import LocalTime
from callrouter.store.packed import Names, Packed
from callrouter.store.summing import Sums, add_by_names, add_by_span

Row = tuple[int, str, str, int]
instants, letters = st.integers(0, 10**15), st.sampled_from("abc")
one = st.tuples(instants, letters, st.sampled_from(("", "x", "y z")), st.integers(0, 10**12))
rows = st.lists(one, min_size=1, max_size=30)


def packed(found: list[Row]) -> Packed:
    at, first, second, _ = zip(*found, strict=True)
    names = {"first": Names.of(first), "second": Names.of(second)}
    return Packed(len(found), {"ingress": np.array(at, dtype=np.int64)}, names)


def plainly(found: list[tuple[str, int]]) -> dict[str | int, Tally]:
    sums: dict[str | int, Tally] = {}
    for key, value in found:
        tally = sums.setdefault(key, Tally())
        tally.offered += value % 2
        tally.talk += value
    return {key: sums[key] for key in sorted(sums, key=str)}


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@pytest.mark.parametrize("most", [1, 4, 100])
@given(found=rows, more=rows)
def test_by_names(found: list[Row], more: list[Row], most: int) -> None:
    first, second, split = Sums(), Sums(), Sums()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summing, "MOST_CELLS", most)
        for part in (found, more):
            values = np.array([value for *_, value in part], dtype=np.int64)
            wanted = {
                "first": ("first", first, lambda name: (name,)),
                "second": ("second", second, lambda name: (name,)),
                "split": ("second", split, words),
                "absent": ("third", Sums(), words),
            }
            add_by_names(packed(part), {"offered": values % 2 == 1, "talk": values}, wanted)
    whole = [*found, *more]
    assert first.tallies() == plainly([(name, value) for _, name, _, value in whole])
    assert second.tallies() == plainly([(name, value) for _, _, name, value in whole])
    assert split.tallies() == plainly([(word, value) for _, _, name, value in whole for word in words(name)])


@given(
    found=rows,
    span=st.sampled_from((1, 7, 900_000_000, 86_400_000_000)),
    offset=st.sampled_from((0, 3, 28_800_000_000)),
)
def test_by_span_in_any_order(found: list[Row], span: int, offset: int) -> None:
    values = np.array([value for *_, value in found], dtype=np.int64)
    sums = Sums()
    add_by_span(
        packed(found), {"offered": values % 2 == 1, "talk": values}, sums, span, LocalTime.fixed(offset)
    )
    wanted: dict[int, Tally] = {}
    for at, _, _, value in found:
        tally = wanted.setdefault((at + offset) // span * span - offset, Tally())
        tally.offered += value % 2
        tally.talk += value
    assert sums.tallies() == wanted
    assert list(sums.tallies()) == sorted(wanted)


@pytest.mark.parametrize("most", [10**6, 2**53 - 1])
def test_sums_beyond_what_a_float_holds_are_exact(most: int) -> None:
    """A year of ten thousand seats, in microseconds, is more."""
    values = np.array([most, 1, most, 1, most], dtype=np.int64)
    part = Packed(5, {}, {"first": Names.of(("a", "b", "a", "a", "b"))})
    sums = Sums()
    add_by_names(part, {"talk": values}, {"first": ("first", sums, lambda name: (name,))})
    assert {key: tally.talk for key, tally in sums.tallies().items()} == {"a": 2 * most + 1, "b": most + 1}
