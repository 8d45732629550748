from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from acd.rolling import RollingRate, Window, worst_window

CALLS = st.lists(st.tuples(st.integers(0, 120), st.booleans()), max_size=25).map(sorted)


def by_trying_all(calls: list[tuple[int, bool]], until: int, length: int, least: int) -> Fraction | None:
    """Every window there is, start by start."""
    length = min(length, until)
    rates = []
    for start in range(until - length + 1):
        inside = [answered for stamp, answered in calls if start <= stamp < start + length]
        if len(inside) >= max(1, least):
            rates.append(Fraction(sum(inside), len(inside)))
    return min(rates, default=None)


@given(CALLS, st.integers(1, 140), st.integers(0, 4))
def test_no_window_is_worse(calls: list[tuple[int, bool]], length: int, least: int) -> None:
    found = worst_window(calls, 0, 121, length=length, least=least)
    expected = by_trying_all(calls, 121, length, least)
    assert (found is None) == (expected is None)
    if found is not None:
        inside = [answered for stamp, answered in calls if found.start <= stamp < found.start + found.length]
        assert (found.offered, found.answered) == (len(inside), sum(inside))
        assert Fraction(found.answered, found.offered) == expected


def test_the_earliest_of_equals() -> None:
    assert worst_window([(5, False), (50, False)], 0, 100, length=10) == Window(
        start=0, length=10, offered=1, answered=0
    )


def test_nothing() -> None:
    assert worst_window([], 0, 100) is None
    assert Window(start=0, length=1, offered=0, answered=0).rate is None


@given(CALLS.flatmap(st.permutations), st.integers(1, 60))
def test_the_window_that_ends_now_in_whatever_order_calls_end(
    calls: list[tuple[int, bool]], length: int
) -> None:
    rolling = RollingRate(length=length)
    now = 0
    for count, (stamp, answered) in enumerate(calls, 1):
        rolling.add(stamp, answered)
        now = max(now, stamp + 1)
        inside = [ok for at, ok in calls[:count] if now - length <= at]
        window = rolling.at(now)
        assert (window.offered, window.answered) == (len(inside), sum(inside))
